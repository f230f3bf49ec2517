// Random units: what a sequence is made of. All randomness is spent here, so that a sequence follows from its seed alone and a
// shorter one is a prefix of a longer one.

import { AL, a32Branch, halfwords, t16Move, t32Branch, t32BranchConditional, wordHalves } from "./assembler.js";
import {
  encode,
  isDecodedAs,
  randomFields,
  satisfied,
  type Fields,
  type Instruction,
  type InstructionSet,
} from "./instruction-table.js";
import { memoryAccess, setRegister, type MemoryAccess } from "./memory-unit.js";
import type { Random } from "./random.js";
import { plainUnit, type State, type Unit } from "./unit.js";
import { VFP_FORMS } from "./vfp-vectors.js";

/** Where in the scratch memory the loop counter lies: no random access goes there. */
export const LOOP_COUNTER = 16;
const GENERAL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14] as const;

export class UnitMaker {
  /** Table lines that were drawn so far. */
  readonly drawn = new Set<Instruction>();
  readonly #table: readonly Instruction[];
  readonly #random: Random;
  readonly #scratch: number;
  /** Lines without memory access, branch or other needs, by instruction set. */
  readonly #simple: Record<InstructionSet, Instruction[]>;
  readonly #memory: Record<InstructionSet, Instruction[]>;
  readonly #vfpMemory: Instruction[];

  constructor(table: readonly Instruction[], random: Random, scratch: number) {
    this.#table = table;
    this.#random = random;
    this.#scratch = scratch;
    const bySet = (wanted: (line: Instruction) => boolean) => {
      const sets = ["A32", "A32U", "T16", "T32"] as const;
      return Object.fromEntries(
        sets.map((set) => [set, table.filter((line) => line.set === set && wanted(line))]),
      ) as Record<InstructionSet, Instruction[]>;
    };
    const special = ["never", "memory", "branch", "it"];
    this.#simple = bySet((line) => !line.constraints.some((constraint) => special.includes(constraint)));
    const isExclusive = (line: Instruction) => line.decoding.endsWith("Exclusive");
    this.#memory = bySet((line) => line.constraints.includes("memory") && !isExclusive(line));
    this.#vfpMemory = this.#memory.A32.filter((line) => line.decoding === "a32VfpTransfer");
  }

  /** `count` units, the first of them in `state`. */
  units(count: number, state: State): Unit[] {
    const units: Unit[] = [];
    for (let at = state; units.length < count; at = units.at(-1)!.next) units.push(this.unit(at));
    return units;
  }

  /** One unit of any kind. */
  unit(state: State): Unit {
    const kind = this.#random.below(100);
    if (kind < 20) return this.#memoryUnit(state);
    if (kind < 34) return plainUnit(state, this.#vfpHalves(state, this.#condition(state)));
    if (kind < 38) return this.#vfpStatus(state);
    if (kind < 46) return this.#branch(state);
    if (kind < 49) return this.#exclusive(state);
    if (kind < 53) return this.#jump(state);
    if (kind < 55) return this.#loop(state);
    if (kind < 56) return this.#selfModify(state);
    if (state === "T32" && kind < 75) return this.#ifThen();
    return plainUnit(state, this.#simpleHalves(state, false));
  }

  // ---- Instructions without needs -----------------------------------------------------------------------------------

  #condition(state: State): number {
    return state === "A32" && this.#random.oneIn(3) ? this.#random.below(15) : AL;
  }

  /** Fields that keep to a line's constraints and to `accept`. */
  #draw(line: Instruction, condition: number, accept: (fields: Fields) => boolean = () => true): number | undefined {
    for (let attempt = 0; attempt < 200; attempt++) {
      const fields = randomFields(line, this.#random);
      if ("cond" in fields) fields["cond"] = condition;
      if (!satisfied(line, fields) || !accept(fields)) continue;
      const word = encode(line, fields);
      if (!isDecodedAs(this.#table, line, word)) continue;
      this.drawn.add(line);
      return word;
    }
    return undefined;
  }

  #simpleHalves(state: State, inIfThen: boolean): number[] {
    for (;;) {
      const set =
        state === "A32" ? (this.#random.oneIn(20) ? "A32U" : "A32") : this.#random.pick(["T16", "T32"] as const);
      const line = this.#random.pick(this.#simple[set]);
      if (inIfThen && line.decoding === "t32Clrex") continue;
      const word = this.#draw(line, this.#condition(state), (fields) => isPredictable(line, fields, inIfThen));
      if (word === undefined) continue;
      return state === "A32" ? wordHalves(word) : set === "T16" ? [word] : halfwords(word);
    }
  }

  // ---- VFP ------------------------------------------------------------------------------------------------------------

  /** Data processing or a transfer; T32 has the A32 encodings under AL. */
  #vfpHalves(state: State, condition: number): number[] {
    const word = (this.#random.oneIn(4) ? this.#vfpTransfer(state) : this.#vfpData()) | (condition << 28);
    return state === "A32" ? wordHalves(word >>> 0) : halfwords(word >>> 0);
  }

  #vfpData(): number {
    const form = this.#random.pick(VFP_FORMS);
    let word = form.pattern;
    const places = [
      [12, 22],
      [16, 7],
      [0, 5],
    ] as const;
    places.forEach(([field, extra], i) => {
      const kind = form.registers[i];
      if (kind === "-") return;
      const register = this.#random.below(32);
      if (kind === "d") word |= ((register & 15) << field) | ((register >> 4) << extra);
      else word |= ((register >> 1) << field) | ((register & 1) << extra);
    });
    return word;
  }

  #vfpTransfer(state: State): number {
    const t = this.#core(state);
    const load = this.#random.below(2) << 20;
    const n = this.#random.below(32);
    switch (this.#random.below(5)) {
      case 0: // VMOV Sn, Rt
        return 0x0e000a10 | load | ((n >> 1) << 16) | ((n & 1) << 7) | (t << 12);
      case 1: // VMOV.32 Dn[x], Rt
        return 0x0e000b10 | load | (this.#random.below(2) << 21) | ((n & 15) << 16) | ((n >> 4) << 7) | (t << 12);
      case 2: {
        // VMOV Dm, Rt, Rt2
        const t2 = this.#core(state, t);
        return 0x0c400b10 | load | (t2 << 16) | (t << 12) | ((n >> 4) << 5) | (n & 15);
      }
      case 3: {
        // VMOV Sm, Sm1, Rt, Rt2
        const t2 = this.#core(state, t);
        const m = n % 31;
        return 0x0c400a10 | load | (t2 << 16) | (t << 12) | ((m & 1) << 5) | (m >> 1);
      }
      default: // VMRS, often to the flags
        return 0x0ef10a10 | ((this.#random.oneIn(2) ? 15 : t) << 12);
    }
  }

  /** A core register other than `but`, PC, and SP in T32. */
  #core(state: State, but = -1): number {
    for (;;) {
      const register = this.#random.below(15);
      if (register !== but && !(register === 13 && state === "T32")) return register;
    }
  }

  /** VMSR FPSCR with any modes but short vectors, which this VFP does not have. */
  #vfpStatus(state: State): Unit {
    const t = this.#core(state);
    const value = (this.#random.word() & 0xffc0009f) >>> 0;
    const word = 0xeee10a10 | (t << 12);
    const halves = setRegister(state, t, value, undefined, this.#random);
    halves.push(...(state === "A32" ? wordHalves(word >>> 0) : halfwords(word >>> 0)));
    return plainUnit(state, halves);
  }

  // ---- Memory -----------------------------------------------------------------------------------------------------------

  #memoryUnit(state: State): Unit {
    return this.memoryUnitAt(state, this.#scratch);
  }

  /** A load or store to scratch memory at another address: an alias, or one that faults. */
  memoryUnitAt(state: State, scratch: number): Unit {
    const { before, halves } = this.#memoryHalves(state, scratch);
    return plainUnit(state, [...before, ...halves]);
  }

  #memoryHalves(state: State, scratch = this.#scratch): { before: number[]; halves: number[] } {
    for (;;) {
      const vfp = this.#random.oneIn(4);
      const set = state === "A32" ? "A32" : this.#random.pick(["T16", "T32"] as const);
      const line = this.#random.pick(vfp ? this.#vfpMemory : this.#memory[set]);
      const access: MemoryAccess | undefined = memoryAccess(this.#table, line, state, scratch, this.#random);
      if (!access) continue;
      this.drawn.add(line);
      const { before, word } = access;
      if (state === "A32") return { before, halves: wordHalves(word) };
      return { before, halves: line.set === "T16" ? [word] : halfwords(word) };
    }
  }

  /** LDREX and STREX of one size at one address, now and then with a CLREX between them: the store's result tells. */
  #exclusive(state: State): Unit {
    const random = this.#random;
    const suffix = random.pick(["", "D", "B", "H"]);
    const [n, t, t2, d] = this.#distinct(4, suffix === "D" && state === "A32");
    const target =
      this.#scratch +
      8 * (20 + random.below(20)) +
      (suffix === "B" ? random.below(8) : suffix === "H" ? 2 * random.below(4) : 0);
    const imm8 = state === "T32" && suffix === "" ? random.below(256) : 0;
    const fields = { cond: AL, Rn: n!, Rt: t!, Rt2: t2!, Rd: d!, imm8 };
    const line = (name: string) => this.#table.find((l) => l.set === state && l.name === name)!;
    const half = state === "A32" ? wordHalves : halfwords;
    const halves = setRegister(state, n!, target - 4 * imm8, undefined, random);
    if (!random.oneIn(8)) halves.push(...half(encode(line("LDREX" + suffix), fields)));
    if (random.oneIn(4)) halves.push(...half(state === "A32" ? 0xf57ff01f : 0xf3bf8f2f));
    halves.push(...half(encode(line("STREX" + suffix), fields)));
    // Leave the monitor in a known state: one that was never armed is not told apart.
    halves.push(...half(state === "A32" ? 0xf57ff01f : 0xf3bf8f2f));
    return plainUnit(state, halves);
  }

  /** Distinct general registers; with `pair` the second is even and the third follows it, as A32's LDREXD wants. */
  #distinct(count: number, pair: boolean): number[] {
    for (;;) {
      const registers = Array.from({ length: count }, () => this.#random.pick(GENERAL) as number);
      if (pair) {
        registers[1]! &= ~1;
        if (registers[1]! >= 12) continue;
        registers[2] = registers[1]! + 1;
      }
      if (new Set(registers).size === count) return registers;
    }
  }

  // ---- Branches ---------------------------------------------------------------------------------------------------------

  /** A branch forward, over a few units. */
  #branch(state: State): Unit {
    const random = this.#random;
    if (state === "A32") {
      const opcode = (random.oneIn(3) ? 0x0b000000 : 0x0a000000) | (random.below(15) << 28);
      return {
        state,
        next: state,
        size: () => 4,
        emit: (at, _next, ahead) => wordHalves(a32Branch(opcode, at, ahead(at, 4000))),
      };
    }
    const condition = random.below(14);
    const register = random.below(8);
    const nonZero = random.below(2) << 11;
    const unit = (size: number, emit: Unit["emit"]): Unit => ({ state, next: state, size: () => size, emit });
    switch (random.below(6)) {
      case 0:
        return unit(2, (at, _next, ahead) => [0xd000 | (condition << 8) | (((ahead(at, 250) - at - 4) >> 1) & 0xff)]);
      case 1:
        return unit(2, (at, _next, ahead) => [0xe000 | (((ahead(at, 2000) - at - 4) >> 1) & 0x7ff)]);
      case 2:
        // Its offset is never negative: the unit after next is the nearest that it reaches.
        return unit(4, (at, next, ahead) => {
          const offset = Math.max(ahead(at, 120), next) - at - 4;
          return [0xb100 | nonZero | ((offset >> 6) << 9) | (((offset >> 1) & 31) << 3) | register, 0xbf00];
        });
      case 3:
        return unit(4, (at, _next, ahead) => halfwords(t32BranchConditional(condition, ahead(at, 4000) - at - 4)));
      case 4:
        return unit(4, (at, _next, ahead) => halfwords(t32Branch(0xf000d000, ahead(at, 4000) - at - 4)));
      default:
        return unit(4, (at, _next, ahead) => halfwords(t32Branch(0xf0009000, ahead(at, 4000) - at - 4)));
    }
  }

  /** Goes to the next unit by a written program counter, often into the other instruction set. */
  #jump(state: State): Unit {
    const random = this.#random;
    const [r, s] = this.#distinct(2, false) as [number, number];
    const low = r & 7;
    const slot = this.#scratch + 4 * (40 + random.below(40));
    const other: State = state === "A32" ? "T32" : "A32";
    const to = random.oneIn(2) ? other : state;
    const code = (next: number) => (to === "T32" ? next | 1 : next);
    const set = (register: number, value: number) => setRegister(state, register, value, undefined, random);
    const half = state === "A32" ? wordHalves : halfwords;
    // Ways that take any target: the register's or the memory word's bit 0 chooses the instruction set.
    const ways: ((next: number) => number[])[] =
      state === "A32"
        ? [
            (next) => [...set(r, code(next)), ...half(0xe12fff10 | r)], // bx
            (next) => [...set(r, code(next)), ...half(0xe12fff30 | r)], // blx
            (next) => [...set(r, code(next)), ...half(0xe1a0f000 | r)], // mov pc, r
            (next) => [...set(r, code(next)), ...set(s, slot), ...half(0xe5800000 | (s << 16) | (r << 12)), ...half(0xe590f000 | (s << 16))],
            (next) => [...set(r, code(next)), ...set(s, slot), ...half(0xe5800000 | (s << 16) | (r << 12)), ...half(0xe8908000 | (s << 16))],
            (next) => [...set(r, code(next)), ...set(13, slot), ...half(0xe58d0000 | (r << 12)), ...half(0xe49df004)], // pop {pc}
          ]
        : [
            (next) => [...set(r, code(next)), 0x4700 | (r << 3)], // bx
            (next) => [...set(r, code(next)), 0x4780 | (r << 3)], // blx
            (next) => [...set(r, code(next)), ...set(s, slot), ...half(0xf8c00000 | (s << 16) | (r << 12)), ...half(0xf8d0f000 | (s << 16))],
            (next) => [...set(r, code(next)), ...set(s, slot), ...half(0xf8c00000 | (s << 16) | (r << 12)), ...half(0xf8500b04 | (s << 16) | 0xf000)],
            (next) => [...set(low, code(next)), ...set(12, slot), t16Move(13, 12), 0x9000 | (low << 8), 0xbd00], // pop {pc}
          ]; // prettier-ignore
    const way = random.pick(ways);
    if (random.oneIn(4)) return this.#fixedJump(state);
    const bytes = 2 * way(0).length;
    return {
      state,
      next: to,
      size: (at) => bytes + (to === "A32" && (at + bytes) & 2 ? 2 : 0),
      emit: (at, next) => {
        const halves = way(next);
        return to === "A32" && (at + bytes) & 2 ? [...halves, 0xbf00] : halves;
      },
    };
  }

  /** Ways whose destination is in the instruction: BLX, a sum with PC, a branch table. */
  #fixedJump(state: State): Unit {
    const random = this.#random;
    if (state === "A32") {
      if (random.oneIn(2)) return { state, next: "T32", size: () => 4, emit: () => wordHalves(0xfaffffff) }; // blx to here + 4
      // add pc, pc, #0 skips one instruction
      return plainUnit(state, [...wordHalves(0xe28ff000), ...wordHalves(0xe1e00000)]);
    }
    if (random.oneIn(2)) {
      // blx to the next word: at an address ≡ 2 (mod 4) PC rounds down to the instruction behind it
      return {
        state,
        next: "A32",
        size: (at) => (at & 2 ? 6 : 4),
        emit: (at) => (at & 2 ? [0xbf00, 0xf000, 0xe800] : [0xf000, 0xe800]),
      };
    }
    const r = random.pick(GENERAL);
    const entry = random.below(4);
    const wide = random.below(2);
    // tbb or tbh [pc, r]; the table's entries all lead behind the table
    const table = wide ? [4, 4, 4, 4] : [0x0202, 0x0202];
    const set = setRegister(state, r, entry, undefined, random);
    return plainUnit(state, [...set, 0xe8df, 0xf000 | (wide << 4) | r, ...table]);
  }

  /** Goes back a few units while the loop counter in the scratch memory lasts: it counts all loops of the sequence. */
  #loop(state: State): Unit {
    const [counter, value] = this.#distinct(2, false) as [number, number];
    const half = state === "A32" ? wordHalves : halfwords;
    const registers = (counter << 16) | (value << 12);
    const body = [...setRegister(state, counter, this.#scratch + LOOP_COUNTER, undefined, this.#random)];
    if (state === "A32") {
      body.push(...half(0xe5900000 | registers), ...half(0xe2500001 | (value << 16) | (value << 12)));
      body.push(...half((0xe5800000 | registers) >>> 0));
    } else {
      body.push(...half((0xf8d00000 | registers) >>> 0), ...half((0xf1b00001 | (value << 16) | (value << 8)) >>> 0));
      body.push(...half((0xf8c00000 | registers) >>> 0));
    }
    return {
      state,
      next: state,
      size: () => 2 * body.length + 4,
      emit: (at, _next, _ahead, back) => {
        const from = at + 2 * body.length;
        const target = back(from, 4000);
        if (state === "A32") return [...body, ...wordHalves(a32Branch(0xca000000, from, target))]; // bgt
        return [...body, ...halfwords(t32BranchConditional(12, target - from - 4))];
      },
    };
  }

  /** Writes an instruction over the one that is executed next (ARM DDI 0406C A3.5.4; the stores of this machine and of the
   *  oracle reach the instruction side at once, and the ISB starts a new block). */
  #selfModify(state: State): Unit {
    const [at, value] = this.#distinct(2, false) as [number, number];
    const old = this.#wordHalves(state);
    const fresh = this.#wordHalves(state);
    const word = ((fresh[1]! << 16) | fresh[0]!) >>> 0;
    const half = state === "A32" ? wordHalves : halfwords;
    const store = (state === "A32" ? 0xe5800000 : 0xf8c00000) | (at << 16) | (value << 12);
    const barrier = state === "A32" ? 0xf57ff06f : 0xf3bf8f6f;
    const emit = (address: number) => {
      const set = (place: number) => [
        ...setRegister(state, at, place, undefined, this.#random),
        ...setRegister(state, value, word, undefined, this.#random),
        ...half(store >>> 0),
        ...half(barrier),
      ];
      return [...set(address + 2 * set(0).length), ...old];
    };
    const bytes = 2 * emit(0).length;
    return { state, next: state, size: () => bytes, emit };
  }

  /** A simple instruction of 32 bits. */
  #wordHalves(state: State): number[] {
    for (;;) {
      const halves = this.#simpleHalves(state, false);
      if (halves.length === 2) return halves;
    }
  }

  // ---- IT -----------------------------------------------------------------------------------------------------------------

  /** IT and the one to four instructions under it. A load or store can only be the first: what is under IT might change its
   *  base register. A branch can only be the last. */
  #ifThen(): Unit {
    const random = this.#random;
    const count = 1 + random.below(4);
    const condition = random.below(15);
    let mask = 0;
    for (let i = 1; i < count; i++) {
      const otherwise = condition === 14 ? 0 : random.below(2);
      mask |= ((condition & 1) ^ otherwise) << (4 - i);
    }
    mask |= 1 << (4 - count);
    const branch = random.oneIn(5) ? random.pick([0xe000, 0xf0009000, 0xf000d000]) : 0; // B (T2), B (T4), BL
    const before: number[] = [];
    const halves = [0xbf00 | (condition << 4) | mask];
    for (let i = 0; i < (branch ? count - 1 : count); i++) {
      if (i === 0 && random.oneIn(4)) {
        const access = this.#memoryHalves("T32");
        before.push(...access.before);
        halves.push(...access.halves);
      } else if (random.oneIn(6)) {
        halves.push(...this.#vfpHalves("T32", AL));
      } else {
        halves.push(...this.#simpleHalves("T32", true));
      }
    }
    const all = [...before, ...halves];
    if (!branch) return plainUnit("T32", all);
    return {
      state: "T32",
      next: "T32",
      size: () => 2 * all.length + 4,
      emit: (at, _next, ahead) => {
        const from = at + 2 * all.length;
        const offset = ahead(from, 2000) - from - 4;
        if (branch === 0xe000) return [...all, branch | ((offset >> 1) & 0x7ff), 0xbf00];
        return [...all, ...halfwords(t32Branch(branch, offset))];
      },
    };
  }
}

/** What the table's constraints leave open: rules that the manual states in prose or that hold in an IT block only. */
function isPredictable(line: Instruction, fields: Fields, inIfThen: boolean): boolean {
  const f = (name: string) => fields[name] ?? 0;
  if (line.decoding === "a32Msr" || line.decoding === "t32Msr") {
    return f("mask") !== 0 && (f("mask") & 2) === 0; // not CPSR.E: this machine is little-endian
  }
  if (line.decoding === "t32Saturate") return f("sh") === 0 || f("imm3") + f("imm2") !== 0;
  if (line.decoding === "t16ShiftImmediate" && inIfThen) return line.argument !== "0" || f("imm5") !== 0;
  return true;
}
