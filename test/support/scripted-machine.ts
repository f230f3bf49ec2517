// A machine whose run() is written by the test: the host's side of a partition without a CPU.

import { Machine } from "../../agent/host/machine/machine.js";

/** What the guest does. */
export interface Script {
  /** Returns RUN_*. */
  run(fuel: number): number;
  tick?(): void;
  /** Counter ticks, or -1. */
  deadline?(): number;
  reset?(): void;
  blockComplete?(index: number, status: number): void;
}

/** A Machine over 1 MiB of empty memory. */
export function scriptedMachine(script: Script): Machine {
  const memory = { buffer: new ArrayBuffer(1 << 20) };
  const machine = Object.create(Machine.prototype) as Record<string, unknown>;
  machine["memory"] = memory;
  machine["bytes"] = new Uint8Array(memory.buffer);
  machine["view"] = new DataView(memory.buffer);
  machine["exports"] = {
    run: (fuel: number) => script.run(fuel),
    machineTick: () => script.tick?.(),
    machineDeadline: () => script.deadline?.() ?? -1,
    machineReset: () => script.reset?.(),
    blockComplete: (index: number, status: number) => script.blockComplete?.(index, status),
  };
  return machine as unknown as Machine;
}
