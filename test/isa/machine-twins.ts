// Two bare machines of one configuration: what one interprets, the other executes as translated code, and after every slice both must
// be in the same state. The same code twice: the second time all of what was decoded is translated.

import { StateComparison } from "../../agent/host/machine/state.js";
import { CPU_STATE, MODE_DETERMINISTIC, STATS_TRANSLATED_EXECUTED, VFP_STATE } from "../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../support/bare-machine.js";

const TRANSLATE_BYTES = 0x10_0000;
/** Registers, banks and CP15, without the TLB behind them. */
const REGISTER_BYTES = 0x26c;
const VFP_BYTES = 0x200;

export class MachineTwins {
  readonly interpreted: BareMachine;
  readonly translated: BareMachine;
  private readonly comparison: StateComparison;

  constructor(ramBytes: number, blockCacheBytes = 0x10_0000) {
    const make = (): BareMachine =>
      bareMachine({
        ramBytes,
        romBytes: 0x10000,
        mode: MODE_DETERMINISTIC,
        translateBytes: TRANSLATE_BYTES,
        blockCacheBytes,
      });
    this.interpreted = make();
    this.translated = make();
    const view = (machine: BareMachine) => ({ memory: machine.memory, word: (at: number) => machine.load32(at) });
    this.comparison = new StateComparison(view(this.interpreted), view(this.translated));
  }

  /** The same on both. */
  both(act: (machine: BareMachine) => void): void {
    act(this.interpreted);
    act(this.translated);
  }

  /** A slice on both; what run() returned. Throws when they differ in anything that a guest can observe, but for memory. */
  run(fuel: number): number {
    const reason = this.interpreted.exports.run(fuel);
    const other = this.translated.exports.run(fuel);
    if (reason !== other) throw new Error(`run() returned ${reason} interpreted and ${other} translated`);
    if (!this.comparison.stateEqual()) throw new Error(`the states differ\n${this.differences()}`);
    return reason;
  }

  compareMemory(): void {
    if (!this.comparison.memoryEqual()) throw new Error(`the memories differ\n${this.differences()}`);
  }

  /** Registers, VFP and CP15 of both, to be there again later. */
  keep(): () => void {
    const kept = [this.interpreted, this.translated].map((machine) => ({
      machine,
      registers: machine.bytes.slice(CPU_STATE, CPU_STATE + REGISTER_BYTES),
      vfp: machine.bytes.slice(VFP_STATE, VFP_STATE + VFP_BYTES),
    }));
    return () => {
      for (const { machine, registers, vfp } of kept) {
        machine.bytes.set(registers, CPU_STATE);
        machine.bytes.set(vfp, VFP_STATE);
      }
    };
  }

  /** Instructions that translated code has executed. */
  get executed(): bigint {
    return this.translated.view.getBigUint64(STATS_TRANSLATED_EXECUTED, true);
  }

  private differences(): string {
    return this.comparison
      .lines()
      .filter(({ interpreted, translated }) => interpreted !== translated)
      .map(
        ({ name, interpreted, translated }) => `${name}: 0x${interpreted.toString(16)}, 0x${translated.toString(16)}`,
      )
      .join("\n");
  }
}
