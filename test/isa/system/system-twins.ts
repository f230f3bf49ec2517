// Privileged sequences, interpreted and translated at once.

import { CONFIG_ENTRY, CONFIG_ROM_OFFSET, RAM_BASE } from "../../../kernel/abi/layout.js";
import { RUN_FUEL, RUN_POWER_OFF } from "../../../kernel/abi/reasons.js";
import { instructionCount, MachineRunError } from "../machine-runner.js";
import { MachineTwins } from "../machine-twins.js";
import { SYSTEM_BASE, systemFirmware, type SystemProgram } from "./system-program.js";

const LIMIT = 1_000_000;

/** Runs `program` to its end, once interpreted, and then once for each fuel with all of it translated, slices taking `fuel` each. Throws at the
 *  first difference. The share of instructions that translated code executed in the later runs. */
export function systemTwinsRun(program: SystemProgram, fuels: number[]): number {
  const ramBytes = (SYSTEM_BASE - RAM_BASE + program.memoryBytes + 0x1ffff) & ~0xffff;
  const twins = new MachineTwins(ramBytes, 0x100_0000);
  const image = new Uint8Array(program.memoryBytes);
  image.set(program.image);
  twins.both((machine) => {
    machine.bytes.set(systemFirmware(), machine.load32(CONFIG_ROM_OFFSET));
    machine.store32(CONFIG_ENTRY, 0);
    machine.writeRam(SYSTEM_BASE, image);
    machine.reset();
  });
  const restart = twins.keep();
  runToEnd(twins, 50_000);
  const before = instructionCount(twins.translated);
  for (const fuel of fuels) {
    // What the host writes is looked at as the guest's own stores are: code that did not change stays translated.
    restart();
    twins.both((machine) => machine.writeRam(SYSTEM_BASE, image));
    twins.translated.translator!.everything();
    runToEnd(twins, fuel);
  }
  return Number(twins.executed) / Number(instructionCount(twins.translated) - before);
}

function runToEnd(twins: MachineTwins, fuel: number): void {
  for (let left = LIMIT; left > 0; left -= fuel) {
    const reason = twins.run(fuel);
    if (reason === RUN_POWER_OFF) return twins.compareMemory();
    if (reason !== RUN_FUEL) throw new MachineRunError("MACHINE_EXIT", `run() returned ${reason}`);
  }
  throw new MachineRunError("MACHINE_STUCK", `the program has not ended after ${LIMIT} instructions`);
}
