// What stands between the hypervisor and a machine that somebody looks into: a debugger, a profile, a comparison. The hypervisor calls the
// functions here instead of the machine's own; a machine that nobody looks into has none of this.

import { RUN_BREAK } from "../../../kernel/abi/reasons.ts";
import { DebugGate, type DebugDoor } from "../debug/gate.ts";
import { wasmEntries } from "../machine/entries.ts";
import type { Machine, MachineEntries } from "../machine/machine.ts";
import { MachinePair } from "../machine/pair.ts";
import { GuestProfile, type ProfileResult } from "../machine/profile.ts";

export class Instruments {
  private machine: Machine | null = null;
  private gate: DebugGate | null = null;
  private profile: GuestProfile | null = null;
  /** Units that the last run used, and how many of them were device work. */
  private executed = 0;
  private worked = 0;
  /** Nanoseconds that debuggers before this one made the guest stand. */
  private stood = 0;
  private readonly hostNow: () => number;
  /** The guest's clock: it stands while a debugger makes the guest stand. Nanoseconds. */
  readonly now = (): number => (this.gate === null ? this.hostNow() - this.stood : this.gate.now());

  constructor(hostNow: () => number) {
    this.hostNow = hostNow;
  }

  /** A new machine, or none. */
  attach(machine: Machine | null): void {
    this.machine = machine;
    if (this.gate !== null) this.gate.machine = machine;
    if (machine !== null) this.profile?.begin(machine);
  }

  /** The machine's entries, by way of whoever looks into it. */
  get entries(): MachineEntries {
    const machine = this.machine!;
    if (this.gate === null && this.profile === null && !(machine instanceof MachinePair)) return machine.entries;
    return wasmEntries({
      run: (fuel) => this.run(machine, fuel),
      runExecuted: () => this.executed,
      runWork: () => this.worked,
      machineDeadline: () => machine.deadline(),
      machineAdvance: (ticks) => machine.advance(ticks),
    });
  }

  /** Whether a debugger is there. */
  get debugged(): boolean {
    return this.gate !== null;
  }

  /** A debugger has come: the guest stands. */
  debug(door: DebugDoor): void {
    const { stood } = this;
    this.gate = new DebugGate(door, () => this.hostNow() - stood);
    this.gate.machine = this.machine;
  }

  /** It has gone, and its breakpoints with it: the guest goes on. */
  undebug(): void {
    if (this.gate === null) return;
    this.gate.leave();
    this.stood = this.hostNow() - this.gate.now();
    this.gate = null;
  }

  /** Answers a debugger's questions; false while the guest must stand. */
  mayRun(): boolean {
    return this.gate === null || this.gate.mayRun();
  }

  beginProfile(): void {
    this.profile = new GuestProfile();
    if (this.machine !== null) this.profile.begin(this.machine);
  }

  /** Where the guest spent its time; null when nobody asked. */
  get profileResult(): ProfileResult | null {
    return this.profile?.result() ?? null;
  }

  /** Ends the profile; returns it. */
  endProfile(): ProfileResult | null {
    const result = this.profileResult;
    this.profile = null;
    return result;
  }

  private run(machine: Machine, fuel: number): number {
    const { gate } = this;
    this.executed = this.worked = 0;
    if (gate?.standing === true) return RUN_BREAK;
    const [instructions, work] = [machine.instructions, machine.work];
    try {
      const reason = gate === null ? machine.run(fuel) : gate.run(machine, fuel);
      gate?.sliceEnded(reason);
      this.profile?.sliceEnded(machine, reason);
      return reason;
    } finally {
      this.worked = machine.work - work;
      this.executed = machine.instructions - instructions + this.worked;
    }
  }
}
