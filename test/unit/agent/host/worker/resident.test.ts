// Compiling is a partition's own time. The clock is the test's: it moves by itself at each look at it, so that compiling takes time.

import { Radio } from "../../../../../agent/network/radio.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Hypervisor } from "../../../../../agent/host/hypervisor/hypervisor.js";
import { Resident } from "../../../../../agent/host/worker/resident.js";
import { machineModule, realtimeHypervisor, translatedPartitionOf } from "../../../../support/handset.js";
import type { CpuContract } from "../../../../../agent/handset/contracts.js";

const LOOK_NS = 1_000;
const PERIOD_MS = 100;

interface Board {
  hypervisor: Hypervisor;
  resident: Resident;
  pass: (milliseconds: number) => void;
}

/** A translated partition that spins, with this much of the processor in 100 ms. */
function spinning(cpu: Partial<CpuContract>): Board {
  let time = 1e9;
  const now = (): number => (time += LOOK_NS);
  const hypervisor = realtimeHypervisor(now);
  const contract: CpuContract = {
    class: "best-effort",
    budget: 0,
    period: PERIOD_MS * 1000,
    ceiling: null,
    weight: 100,
    ...cpu,
  };
  const spec = translatedPartitionOf("spins", 4 << 20, { cpu: contract });
  spec.machine.mode = "realtime";
  const defined = hypervisor.define(spec);
  assert.ok("id" in defined);
  const resident = new Resident(defined.id, spec, hypervisor, new Radio(hypervisor.reserves, "ethernet", null), now);
  assert.is(hypervisor.admit(resident.id), null);
  resident.build(machineModule);
  assert.is(hypervisor.start(resident.id), null);
  resident.console.offer(Buffer.from("s"));
  return { hypervisor, resident, pass: (milliseconds) => void (time += milliseconds * 1e6) };
}

const look = ({ hypervisor, resident }: Board) => {
  const [partition] = hypervisor.snapshot().partitions;
  return { modules: resident.currentMachine!.translator!.stats().modules, partition: partition! };
};

const residents = suite("resident");

residents("compiles what became hot, and its partition's budget pays for that", () => {
  const board = spinning({ class: "guaranteed", budget: 50_000, weight: 0 });
  for (let n = 0; n < 5_000 && look(board).modules === 0; n++) {
    board.hypervisor.step(board.hypervisor.now() + 2e6);
    board.resident.translate();
    board.pass(1);
  }
  const { modules, partition } = look(board);
  assert.is(modules, 1);
  assert.ok(partition.cpu.serviceNs >= LOOK_NS, `${partition.cpu.serviceNs} ns`);
});

residents("compiles nothing while the budget is spent, however hot the code is", () => {
  const board = spinning({});
  const { hypervisor, resident } = board;
  // Hot enough: the test above needs less.
  while (look(board).partition.instructions < 8_000_000) hypervisor.step(hypervisor.now() + 2e6);
  const { cpu, energy, io } = resident.spec;
  assert.is(hypervisor.budget(resident.id, { cpu: { ...cpu, ceiling: 1_000 }, energy, io }), null);
  while (look(board).partition.throttledBy !== "cpu") hypervisor.step(hypervisor.now() + 2e6);
  resident.translate();
  assert.is(look(board).modules, 0);
  assert.is(look(board).partition.cpu.serviceNs, 0);
  board.pass(PERIOD_MS);
  hypervisor.step(hypervisor.now());
  resident.translate();
  assert.is(look(board).modules, 1, "it does when the budget is there again");
  assert.ok(look(board).partition.cpu.serviceNs > 0);
});

residents.run();
