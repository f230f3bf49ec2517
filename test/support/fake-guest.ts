// A guest made of phases: it burns instructions, sleeps, asks for service, traps. It keeps time as a machine in MODE_SCHEDULED does: its
// counter is what the hypervisor tells it, plus 24 ticks for each 100 instructions of its own.

import * as reasons from "../../kernel/abi/reasons.js";
import type { GuestMachine } from "./table-module.js";

/** What a guest does next. */
export type Phase =
  | { burn: number } // instructions
  | { sleep: number } // counter ticks; Infinity sleeps until an input
  | { want: number } // RUN_* to leave with
  | { trap: true };

export class FakeGuest implements GuestMachine {
  private phase: Phase | undefined;
  private left = 0;
  private wakeAt = -1;
  private executed = 0;
  private instructions = 0;
  private skipped = 0;
  /** Fuel and outcome of each run, when a test wants to see them. */
  readonly slices: { at: number; fuel: number; executed: number }[] = [];
  record = false;
  /** The fuel that run() was given while the guest was in it. */
  lastFuel = 0;
  runs = 0;
  /** An input is there: a sleep ends. */
  input = false;

  constructor(private readonly next: () => Phase) {}

  get ticks(): number {
    return this.skipped + Math.floor((this.instructions * 6) / 25);
  }

  run(fuel: number): number {
    this.runs++;
    this.lastFuel = fuel;
    this.executed = 0;
    const at = this.ticks;
    const reason = this.go(fuel);
    if (this.record) this.slices.push({ at, fuel, executed: this.executed });
    return reason;
  }

  private go(fuel: number): number {
    let guard = 0;
    while (this.executed < fuel) {
      if (this.phase === undefined) {
        if (guard++ > 100_000) throw new Error("a guest that does nothing");
        this.phase = this.next();
        if ("burn" in this.phase) this.left = this.phase.burn;
        if ("sleep" in this.phase) {
          this.wakeAt = this.phase.sleep === Infinity ? -1 : this.ticks + this.phase.sleep;
          this.input = false;
        }
      }
      const phase = this.phase;
      if ("burn" in phase) {
        const count = Math.min(this.left, fuel - this.executed);
        this.left -= count;
        this.executed += count;
        this.instructions += count;
        if (this.left === 0) this.phase = undefined;
      } else if ("sleep" in phase) {
        if (!this.input && (this.wakeAt < 0 || this.ticks < this.wakeAt)) return reasons.RUN_WAIT;
        this.phase = undefined;
        this.wakeAt = -1;
      } else if ("want" in phase) {
        this.phase = undefined;
        return phase.want;
      } else {
        this.phase = undefined;
        throw new WebAssembly.RuntimeError("a trap on purpose");
      }
    }
    return reasons.RUN_FUEL;
  }

  runExecuted(): number {
    return this.executed;
  }

  machineDeadline(): number {
    return this.wakeAt < 0 ? -1 : Math.max(0, this.wakeAt - this.ticks);
  }

  machineAdvance(ticks: number): void {
    const at = this.ticks;
    if (ticks > at) this.skipped += ticks - at;
  }
}

/** Burns for ever. */
export function burner(): FakeGuest {
  return new FakeGuest(() => ({ burn: 1_000_000_000 }));
}

/** Burns `instructions`, sleeps `ticks`, and so on. */
export function periodic(instructions: number, ticks: number): FakeGuest {
  let burning = false;
  return new FakeGuest(() => ((burning = !burning) ? { burn: instructions } : { sleep: ticks }));
}

/** Plays a list of phases, then sleeps for ever. */
export function scripted(...phases: Phase[]): FakeGuest {
  let index = 0;
  return new FakeGuest(() => phases[index++] ?? { sleep: Infinity });
}
