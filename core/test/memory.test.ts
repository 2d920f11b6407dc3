import { expect, test } from "vitest";
import type { Question } from "../testing/answer.ts";
import { wasm } from "./engines.ts";

const link = "fd40:8913:31:6810:6c31:200:a01:104";
const host = "contoso.privatelink.azurehealthcareapis.com";
const entry = "disabled\t17,4294967295,822088585\t12";
const questions: Question[] = [
  { host, source: link, entry },
  { host, source: link, entry: "enabled\t8220885850,1822088585,9\t12" },
  { host, source: "2001:db8::7", listener: "proxy-tlv-required", tlv: "0189130031", entry },
  { host, source: "192.0.2.1", entry },
  { host: "contoso.azurehealthcareapis.com.:443", source: "192.0.2.1", entry: "enabled\t\t1" },
  { host, target: "/health/check?a=b", source: link, entry },
  { host: "a".repeat(300), source: link, entry },
  { host, source: "no address", entry },
  { host, source: link, entry: null },
  { host, source: link, entry: "junk" },
];

test("a million decisions in wasm allocate nothing", () => {
  wasm.decideTimes(questions[0] as Question, 1);
  const bytes = wasm.memoryBytes();
  const place = wasm.nextAllocation();
  for (const question of questions) wasm.decideTimes(question, 100_000);
  expect(wasm.nextAllocation()).toBe(place);
  expect(wasm.memoryBytes()).toBe(bytes);
});
