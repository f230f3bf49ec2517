// A guest's registers when it failed: kept with its console's log when its machine goes, for whoever looks at it afterwards.

import { CPU_CONTROL, CPU_FLAGS, CPU_PC, CPU_STATE, CPU_THUMB } from "../../../kernel/abi/layout.ts";
import type { Machine } from "./machine.ts";
import type { RegisterDump } from "../../view.ts";

const REGISTER_COUNT = 15;

/** The registers of the mode that the CPU is in (ARM DDI 0406C B1.3). After a trap of the machine itself, `pc` is that of the last block. */
export function registerDump(machine: Machine): RegisterDump {
  const word = (at: number): number => machine.word(at);
  const [negative, zero, carry, overflow] = [0, 4, 8, 12].map((offset) => word(CPU_FLAGS + offset)) as [
    number,
    number,
    number,
    number,
  ];
  const flags = ((negative >>> 31) << 31) | ((zero === 0 ? 1 : 0) << 30) | ((carry & 1) << 29) | ((overflow & 1) << 28);
  return {
    registers: Array.from({ length: REGISTER_COUNT }, (_, n) => word(CPU_STATE + n * 4)),
    pc: word(CPU_PC),
    cpsr: (flags | (word(CPU_THUMB) << 5) | word(CPU_CONTROL)) >>> 0,
  };
}
