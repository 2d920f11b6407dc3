import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { gateNames, gateRow, openFeed, sha256, tokenOf } from "./kit.ts";

const feed = await openFeed();
const { db } = feed.database;

describe("who may ask, and what", () => {
  const ask = (search: string, authorization?: string) =>
    fetch(`${feed.url}/gate/v1/changes?${search}`, { headers: authorization === undefined ? {} : { authorization } });
  const incarnation = "0123456789abcdef0123456789abcdef";
  const good = `gate=ams-1&incarnation=${incarnation}&maxAge=3600`;
  const bearer = `Bearer ${tokenOf("ams-1")}`;

  test.each([
    ["no token", undefined],
    ["an unknown token", "Bearer nobody"],
    ["another scheme", `Basic ${tokenOf("ams-1")}`],
    ["a hash of a token", `Bearer ${sha256(tokenOf("ams-1"))}`],
    ["no word after Bearer", "Bearer "],
  ])("401 for %s, before anything is recorded", async (_, authorization) => {
    const response = await ask(good, authorization);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toEqual({ error: { code: "Unauthorized", message: expect.any(String) } });
    expect(await gateRow(db, incarnation)).toBeUndefined();
  });

  test("403 for the token of another gate, and for another gate's incarnation", async () => {
    expect((await ask(good, `Bearer ${tokenOf("ams-2")}`)).status).toBe(403);
    expect(await gateRow(db, incarnation)).toBeUndefined();
    expect((await ask(good, bearer)).status).toBe(200);
    for (const more of ["", "&bye=1"]) {
      const other = await ask(`gate=ams-2&incarnation=${incarnation}&maxAge=1${more}`, `Bearer ${tokenOf("ams-2")}`);
      expect(other.status).toBe(403);
      expect(await other.json()).toMatchObject({ error: { code: "Forbidden" } });
    }
    expect(await gateRow(db, incarnation)).toMatchObject({ gate: "ams-1", state: "live", max_age: 3600 });
  });

  test.each([
    ["without a gate", `incarnation=${incarnation}&maxAge=1`],
    ["without an incarnation", "gate=ams-1&maxAge=1"],
    ["without an age limit", `gate=ams-1&incarnation=${incarnation}`],
    ["with a short incarnation", "gate=ams-1&incarnation=0123&maxAge=1"],
    ["with an upper-case incarnation", `gate=ams-1&incarnation=${"AB".repeat(16)}&maxAge=1`],
    ["with two gates", `${good}&gate=ams-2`],
    ["with an age limit of 0", `gate=ams-1&incarnation=${incarnation}&maxAge=0`],
    ["with an age limit above a week", `gate=ams-1&incarnation=${incarnation}&maxAge=604801`],
    ["with a broken age limit", `gate=ams-1&incarnation=${incarnation}&maxAge=1.5`],
    ["with a negative wait", `${good}&wait=-1`],
    ["with a wait above 30", `${good}&wait=31`],
    ["with a wait that is no number", `${good}&wait=NaN`],
    ["with a limit of 0", `${good}&limit=0`],
    ["with a limit above 10000", `${good}&limit=10001`],
    ["with a goodbye of 2", `${good}&bye=2`],
    ["with a cursor too long", `${good}&cursor=${"a".repeat(201)}`],
  ])("400 %s", async (_, search) => {
    const response = await ask(search, bearer);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: { code: "BadRequest", message: expect.any(String) } });
    expect(await gateRow(db, incarnation)).toBeUndefined();
  });

  test("a goodbye needs no age limit; a wait may be a fraction", async () => {
    expect((await ask(`${good}&wait=0.25&cursor=`, bearer)).status).toBe(200);
    expect((await ask(`gate=ams-1&incarnation=${incarnation}&bye=1`, bearer)).status).toBe(204);
  });

  test("there is nothing but the one GET", async () => {
    for (const method of ["HEAD", "POST"]) {
      const response = await fetch(`${feed.url}/gate/v1/changes?${good}`, {
        method,
        headers: { authorization: bearer },
      });
      expect(response.status).toBe(404);
    }
    expect(await gateRow(db, incarnation)).toBeUndefined();
  });

  test("tokens are read again when the file changes: two at once, one withdrawn, a spoilt file changes nothing", async () => {
    const write = (tokens: unknown) =>
      writeFile(feed.tokensFile, typeof tokens === "string" ? tokens : JSON.stringify(tokens));
    const status = async (token: string) => (await ask(good, `Bearer ${token}`)).status;
    try {
      await write({ "ams-1": [sha256("first"), sha256("second")] });
      expect([await status("first"), await status("second"), await status(tokenOf("ams-1"))]).toEqual([200, 200, 401]);
      await write({ "ams-1": [sha256("second")] });
      expect([await status("first"), await status("second")]).toEqual([401, 200]);
      for (const spoilt of ["{", "[]", { "ams-1": ["short"] }, { "ams-1": ["a", "b", "c"].map(sha256) }]) {
        await write(spoilt);
        expect(await status("second"), JSON.stringify(spoilt)).toBe(200);
      }
      await write({});
      expect(await status("second")).toBe(401);
    } finally {
      await write(Object.fromEntries(gateNames.map(gate => [gate, [sha256(tokenOf(gate))]])));
    }
  });
});
