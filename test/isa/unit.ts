// A unit is the smallest piece of a random sequence that makes sense alone: an instruction, or a few that belong together
// (an address made ready and the load that uses it; an IT block; a way from A32 to T32 and back).

export type State = "A32" | "T32";

/** Start of a unit in the same instruction set, at most `reach` bytes from `from`. */
export type Find = (from: number, reach: number) => number;

export interface Unit {
  /** Instruction set in which the unit is entered. */
  state: State;
  /** Instruction set in which the next unit goes on. */
  next: State;
  /** Bytes that the unit takes at this address. */
  size(address: number): number;
  /** The unit's halfwords. `next` is the address behind it; `ahead` and `back` find a unit start within `reach` bytes. */
  emit(address: number, next: number, ahead: Find, back: Find): number[];
}

/** A unit of fixed halfwords that stays in its instruction set. */
export function plainUnit(state: State, halves: number[]): Unit {
  return { state, next: state, size: () => 2 * halves.length, emit: () => halves };
}

export interface Sequence {
  /** First address, bit 0 set for T32. */
  entry: number;
  halves: number[];
}

/** Lays `units` out from `address` (a multiple of 4) and ends with a jump to `leave` that needs no register. */
export function assemble(units: readonly Unit[], address: number, leave: number): Sequence {
  const starts: number[] = [];
  let at = address;
  for (const unit of units) {
    starts.push(at);
    at += unit.size(at);
  }
  const finalState = units.at(-1)?.next ?? "A32";
  const halves: number[] = [];
  units.forEach((unit, index) => {
    const next = starts[index + 1] ?? at;
    const ahead = (from: number, reach: number) => {
      // A branch must arrive in its own instruction set. Which unit it goes to follows from the address: no randomness here.
      for (let skip = 1 + ((from >> 1) % 4); skip > 0; skip--) {
        const target = starts[index + 1 + skip];
        if (target !== undefined && units[index + 1 + skip]!.state === unit.state && target - from <= reach)
          return target;
      }
      return next;
    };
    const back = (from: number, reach: number) => {
      for (let skip = 1 + ((from >> 1) % 6); skip > 0; skip--) {
        const target = starts[index - skip];
        if (target !== undefined && units[index - skip]!.state === unit.state && from - target <= reach) return target;
      }
      return starts[index]!;
    };
    halves.push(...unit.emit(starts[index]!, next, ahead, back));
  });
  if (finalState === "A32") {
    halves.push(0xf004, 0xe51f); // ldr pc, [pc, #-4]
  } else {
    if (at & 2) halves.push(0xbf00);
    halves.push(0xf8df, 0xf000); // ldr.w pc, [pc]
  }
  halves.push(leave & 0xffff, leave >>> 16);
  return { entry: address | (units[0]?.state === "T32" ? 1 : 0), halves };
}
