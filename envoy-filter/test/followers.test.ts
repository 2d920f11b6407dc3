import { linkAddress } from "@linkgate/njs/testing";
import { beforeEach, expect, test } from "vitest";
import type { FakeVm } from "../testing/fake-envoy.ts";
import { ADMITTED, FollowingGate, HOST, LINK, page, REVOKED } from "./support/following-gate.ts";
import { settingsOf } from "./support/gate.ts";

// Several root contexts of one Envoy: one of them follows the feed, and one that was overtaken undoes nothing.

let gate: FollowingGate;
beforeEach(() => {
  gate = new FollowingGate();
});

function addWorker(): [FakeVm, number] {
  const vm = gate.envoy.createVm();
  return [vm, vm.configure(settingsOf())];
}

test("one follows; every worker sees its table", () => {
  const [vm, root] = addWorker();
  gate.load(ADMITTED);
  vm.tick(root);
  expect(gate.envoy.calls.length).toBe(1);
  const properties = { "source\0address": `[${linkAddress(LINK, "10.1.1.4")}]:1` };
  const headers: [string, string][] = [
    [":authority", HOST],
    [":path", "/"],
    [":method", "GET"],
  ];
  expect(vm.request(root, { headers, properties }).answer).toBeNull();
});

test("one that ticks no more is replaced within three seconds, from its cursor; its late answer is nobody's", () => {
  const [vm, root] = addWorker();
  gate.load(ADMITTED);
  const late = gate.envoy.takeCall();
  const from = gate.envoy.monotonic;
  gate.untilCalled(vm, root);
  expect(Number(gate.envoy.monotonic - from) / 1e9).toBeLessThan(3);
  const call = gate.envoy.takeCall();
  expect(call.path.searchParams.get("cursor")).toBe("cursor-1");
  expect(call.path.searchParams.get("incarnation")).toBe(late.path.searchParams.get("incarnation"));
  call.answer(200, page(REVOKED, "=b\tdone"));
  late.answer(200, page("+contoso\t7\tenabled\t17", "=z\tdone"));
  expect(gate.statusOf()).toBe(403);
});

test("one that is overtaken in the middle of a page undoes nothing (rules 18 to 20)", () => {
  const [vm, root] = addWorker();
  gate.load(ADMITTED);
  const slow = gate.envoy.takeCall();
  // While the first writes a record, its lease ends and another follower brings a newer one.
  gate.envoy.beforeWrite = () => {
    gate.envoy.advance(3);
    vm.tick(root);
    gate.envoy.takeCall().answer(200, page("+contoso\t7\tenabled\t", "=new\tdone"));
  };
  slow.answer(200, page("+contoso\t6\tenabled\t17,18", "=old\tdone"));
  expect(gate.statusOf()).toBe(403);
  expect(gate.envoy.takeCall().path.searchParams.get("cursor")).toBe("new");
  expect(gate.envoy.calls).toEqual([]);
});

test("a load that is overtaken swaps no stale table in (rule 20)", () => {
  const [vm, root] = addWorker();
  gate.vm.tick(gate.root);
  const slow = gate.envoy.takeCall();
  gate.envoy.beforeWrite = () => {
    gate.envoy.advance(3);
    vm.tick(root);
    gate.envoy.takeCall().answer(200, page(REVOKED, "=new\tdone"));
  };
  slow.answer(200, page(ADMITTED, "=old\tdone"));
  expect(gate.statusOf()).toBe(403);
});
