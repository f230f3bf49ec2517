// Where a guest spends its time: a sample of its pc at the end of each slice that ended because its fuel did. In real time a slice is as
// long as the machine is fast, so a place gets samples as it gets time; in deterministic time, as it gets instructions. Slices that end
// because the guest waits, or wants the host, would put samples on the place where it does, and are left out.

import { CPU_CONTROL, CPU_PC } from "../../../kernel/abi/layout.ts";
import { RUN_FUEL } from "../../../kernel/abi/reasons.ts";
import type { Machine } from "./machine.ts";

/** A guest decides how many places there are. */
const PLACE_MAX = 65_536;
/** CPSR.M of user mode (ARM DDI 0406C B1.3.1). */
const MODE_MASK = 0x1f;
const MODE_USER = 0x10;

export interface ProfilePlace {
  /** Virtual address of an instruction. User mode's belong to whatever process was there. */
  address: number;
  user: boolean;
  samples: number;
  /** Instructions of the slices that ended here, and how many of them translated code executed. */
  instructions: number;
  translated: number;
}

export interface ProfileResult {
  places: ProfilePlace[];
  /** Samples that found no room: places beyond PLACE_MAX. */
  lost: number;
}

export class GuestProfile {
  private readonly places = new Map<number, ProfilePlace>();
  private readonly placeMax: number;
  private lost = 0;
  private instructions = 0;
  private executed = 0;

  constructor(placeMax = PLACE_MAX) {
    this.placeMax = placeMax;
  }

  /** What the machine has done so far is none of this profile's. */
  begin(machine: Machine): void {
    this.instructions = machine.instructions;
    this.executed = machine.translator?.stats().executed ?? 0;
  }

  /** A slice has ended with this RUN_* reason. */
  sliceEnded(machine: Machine, reason: number): void {
    const { instructions } = machine;
    const executed = machine.translator?.stats().executed ?? 0;
    const length = instructions - this.instructions;
    const translated = executed - this.executed;
    this.instructions = instructions;
    this.executed = executed;
    if (reason !== RUN_FUEL) return;
    const address = machine.word(CPU_PC);
    const user = (machine.word(CPU_CONTROL) & MODE_MASK) === MODE_USER;
    const key = address * 2 + (user ? 1 : 0);
    const place = this.places.get(key);
    if (place !== undefined) {
      place.samples++;
      place.instructions += length;
      place.translated += translated;
    } else if (this.places.size < this.placeMax)
      this.places.set(key, { address, user, samples: 1, instructions: length, translated });
    else this.lost++;
  }

  result(): ProfileResult {
    return { places: [...this.places.values()], lost: this.lost };
  }
}
