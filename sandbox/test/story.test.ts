import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Chapter, components, Stack, storyLength, tellStory } from "../src/index.ts";
import { isRunning, readChildren } from "./support/stack.ts";

/** Whole stacks, on a machine that runs other tests as well. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

let folder: string;
let stack: Stack;
const said: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "linkgate-story-"));
  stack = new Stack({
    state: folder,
    report: line => said.push(line),
    failed: reason => said.push(`failed: ${reason.message}`),
  });
  await stack.start();
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Tells the story with two accounts of its own, and shows the whole of it where one line is wrong. */
async function tell(name: string, between?: (nextStep: number) => Promise<void>): Promise<Chapter[]> {
  const lines: string[] = [];
  const chapters = await tellStory({
    stack: stack.description,
    accounts: [`${name}-one`, `${name}-two`],
    tell: chapter => lines.push(JSON.stringify(chapter)),
    noDirectWay: reason => lines.push(reason),
    ...(between ? { between } : {}),
  });
  const wrong = chapters.filter(chapter => !chapter.ok);
  expect(wrong, [...lines, ...said].join("\n")).toEqual([]);
  expect(chapters.at(-1)?.step, lines.join("\n")).toBe(storyLength);
  return chapters;
}

it("goes as it should", async () => {
  const chapters = await tell("plain");
  const verdictsOf = (gate: string) =>
    chapters
      .filter(chapter => chapter.way === "PROXY v2" && chapter.gate === gate)
      .map(one => [one.verdict, one.status, one.reason]);
  expect(verdictsOf("envoy")).toEqual(verdictsOf("nginx"));
  expect(verdictsOf("nginx")).toEqual([
    ["deny", 403, "private-link-not-enabled"],
    ["allow", 200, "private-link"],
    ["deny", 403, "private-link-not-enabled"],
    ["deny", 403, "link-id-mismatch"],
    ["allow", 200, "private-link"],
    ["deny", 403, "link-id-mismatch"],
    ["allow", 200, "health-check"],
    ["deny", 403, "private-link-not-enabled"],
  ]);
});

describe.each(components)("with %s restarted between any two steps", component => {
  it.each(["clean", "kill"] as const)("by a %s end, it goes on", async how => {
    await tell(`${component.slice(0, 3)}-${how}`, () => stack.restart(component, how));
  });
});

describe("stack.json", () => {
  it("is for its owner only, and says what design 7 says", async () => {
    expect((await stat(stack.paths.stackFile)).mode & 0o777).toBe(0o600);
    expect((await stat(stack.paths.private)).mode & 0o777).toBe(0o700);
    const description = JSON.parse(await readFile(stack.paths.stackFile, "utf8"));
    expect(description).toEqual(stack.description);
    expect(Object.keys(description).sort()).toEqual([
      "arm",
      "feed",
      "gates",
      "portal",
      "ready",
      "rp",
      "upstream",
      "zone",
    ]);
    expect(Object.keys(description.arm.clients)).toEqual(
      expect.arrayContaining(["contributor", "network-contributor", "platform-engineer"]),
    );
    expect(description.arm.clients).not.toHaveProperty("nrp");
  });

  it("is gone with the stack, as are its processes", async () => {
    const other = join(folder, "other");
    const second = new Stack({ state: other, report: () => {}, failed: () => {} });
    await second.start();
    const children = await readChildren(other);
    expect(Object.keys(children)).toEqual([...components]);
    expect(existsSync(second.paths.stackFile)).toBe(true);
    await second.stop();
    expect(existsSync(second.paths.stackFile)).toBe(false);
    expect(existsSync(join(other, "stack.pid"))).toBe(false);
    for (const [part, pid] of Object.entries(children)) expect(isRunning(pid), part).toBe(false);
  });
});

it("stops what it has started when a later part can't start, and shows why", async () => {
  const half = join(folder, "half");
  const lines: string[] = [];
  const broken = new Stack({
    state: half,
    report: line => lines.push(line),
    failed: () => {},
    // No gate takes a table that is too old from the first moment on.
    times: { maxTableAge: 0 },
  });
  await expect(broken.start()).rejects.toThrow(/The NGINX gate did not start: .*exit code 78.*MAX_TABLE_AGE/s);
  expect(existsSync(join(half, "stack.pid"))).toBe(false);
  const [api = ""] = lines.join("\n").match(/https:\/\/127\.0\.0\.1:\d+/) ?? [];
  expect(api).not.toBe("");
  await expect(request(api)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
