// Random units of privileged code: modes, status registers, exceptions and their returns, faulting accesses, domains.

import { halfwords, wordHalves } from "../assembler.js";
import { instructionTable } from "../instruction-table.js";
import { setRegister } from "../memory-unit.js";
import type { Random } from "../random.js";
import { UnitMaker } from "../random-units.js";
import { plainUnit, type State, type Unit } from "../unit.js";
import { longSectionWindow } from "./long-tables.js";
import {
  PAGE_WINDOWS,
  PAGE_WINDOW_COUNT,
  SECTION_WINDOWS,
  SECTION_WINDOW_COUNT,
  SYSTEM_BASE,
  SYSTEM_SCRATCH,
  type SystemTables,
} from "./system-program.js";

const USER = 0x10;
const SYSTEM = 0x1f;
/** Modes with an SPSR: FIQ, IRQ, Supervisor, Abort, Undefined. */
const EXCEPTION_MODES = [0x11, 0x12, 0x13, 0x17, 0x1b] as const;
export const MODES = [USER, ...EXCEPTION_MODES, SYSTEM] as const;
const T = 0x20;

/** A PSR value that can be returned to: N Z C V Q, GE, A I F, a mode that exists. */
export function randomStatus(random: Random): number {
  return ((random.word() & 0xf80f01c0) | random.pick(MODES)) >>> 0;
}

export class SystemUnitMaker {
  readonly #random: Random;
  readonly #plain: UnitMaker;
  readonly #tables: SystemTables;

  constructor(random: Random, tables: SystemTables) {
    this.#random = random;
    this.#tables = tables;
    this.#plain = new UnitMaker(instructionTable(), random, SYSTEM_SCRATCH);
  }

  /** `count` units, the first of them in `state`. */
  units(count: number, state: State): Unit[] {
    const units: Unit[] = [];
    for (let at = state; units.length < count; at = units.at(-1)!.next) units.push(this.#unit(at));
    return units;
  }

  #unit(state: State): Unit {
    if (this.#tables !== "short" && this.#random.oneIn(12)) return plainUnit(state, this.#addressTranslation(state));
    const kind = this.#random.below(100);
    if (kind < 40) return this.#plain.unit(state);
    if (kind < 58) return this.#window(state);
    if (kind < 62) return this.#crossing(state);
    if (kind < 69) return plainUnit(state, this.#exception(state));
    if (kind < 76) return plainUnit(state, [...this.#privilege(state), ...this.#changeMode(state)]);
    if (kind < 82) return plainUnit(state, this.#statusRegister(state));
    if (kind < 86) return plainUnit(state, this.#userRegisters(state));
    if (kind < 94) return this.#exceptionReturn(state);
    if (kind < 96) return plainUnit(state, this.#storeReturnState(state));
    return plainUnit(state, this.#control(state));
  }

  #halves(state: State, a32: number, t32: number): number[] {
    return state === "A32" ? wordHalves(a32 >>> 0) : halfwords(t32 >>> 0);
  }

  /** The same word in both sets: the coprocessors'. */
  #same(state: State, word: number): number[] {
    return this.#halves(state, word, word);
  }

  #set(state: State, register: number, value: number): number[] {
    return setRegister(state, register, value >>> 0, undefined, this.#random);
  }

  /** SVC: the firmware comes back in Supervisor mode. */
  #privilege(state: State): number[] {
    const number = this.#random.below(128); // 0xab would be semihosting
    return state === "A32" ? wordHalves((0xef000000 | number) >>> 0) : [0xdf00 | number];
  }

  #cps(state: State, mode: number): number[] {
    return this.#halves(state, 0xf1020000 | mode, 0xf3af8100 | mode);
  }

  /** Some exception mode, whatever mode it was before. */
  #exceptionMode(state: State): number[] {
    return [...this.#privilege(state), ...this.#cps(state, this.#random.pick(EXCEPTION_MODES))];
  }

  // ---- Memory that may fault ----------------------------------------------------------------------------------------------

  #window(state: State): Unit {
    const random = this.#random;
    const scratch = random.oneIn(2)
      ? this.#sectionWindow() + (SYSTEM_SCRATCH - SYSTEM_BASE)
      : PAGE_WINDOWS + (random.below(PAGE_WINDOW_COUNT) << 12);
    return this.#plain.memoryUnitAt(state, scratch);
  }

  #sectionWindow(): number {
    const index = this.#random.below(SECTION_WINDOW_COUNT);
    return this.#tables === "short" ? SECTION_WINDOWS + (index << 20) : longSectionWindow(index);
  }

  /** ATS1C.., and PAR with its 64 bits (B3.13.6, B4.1.112); or TTBR0 and TTBR1 with theirs. */
  #addressTranslation(state: State): number[] {
    const random = this.#random;
    const [low, high] = [random.below(4), 4 + random.below(4)];
    const address = random.oneIn(2)
      ? this.#sectionWindow() + (SYSTEM_SCRATCH - SYSTEM_BASE)
      : PAGE_WINDOWS + (random.below(PAGE_WINDOW_COUNT) << 12);
    const read = (opc1: number, m: number) =>
      this.#same(state, 0xec500f00 | (high << 16) | (low << 12) | (opc1 << 4) | m);
    if (random.oneIn(6)) return [...this.#privilege(state), ...read(random.below(2), 2)];
    return [
      ...this.#privilege(state),
      ...this.#set(state, low, address + random.below(4096)),
      ...this.#same(state, 0xee070f18 | (low << 12) | (random.below(4) << 5)),
      ...this.#halves(state, 0xf57ff06f, 0xf3bf8f6f),
      ...read(0, 7),
    ];
  }

  /** An unaligned word or halfword over the border of two pages. */
  #crossing(state: State): Unit {
    const random = this.#random;
    const base = random.below(8);
    const t = (base + 1 + random.below(7)) & 7;
    const half = random.oneIn(2);
    const address = PAGE_WINDOWS + (random.below(PAGE_WINDOW_COUNT) << 12) + (half ? 0xfff : 0xffd + random.below(3));
    const load = random.below(2) << 20;
    const registers = (base << 16) | (t << 12);
    const a32 = half ? 0xe1c000b0 : 0xe5800000;
    const t32 = half ? 0xf8a00000 : 0xf8c00000;
    return plainUnit(state, [
      ...this.#set(state, base, address),
      ...this.#halves(state, a32 | load | registers, t32 | load | registers),
    ]);
  }

  // ---- Exceptions ---------------------------------------------------------------------------------------------------------

  #exception(state: State): number[] {
    const random = this.#random;
    switch (random.below(4)) {
      case 0:
        return this.#privilege(state);
      case 1: // BKPT
        return state === "A32" ? wordHalves(0xe1200070) : [0xbe00 | random.below(128)];
      case 2: // UDF
        return state === "A32" || random.oneIn(2)
          ? this.#halves(state, 0xe7f000f0 | random.below(16), 0xf7f0a000 | random.below(256))
          : [0xde00 | random.below(256)];
      default: // an undefined VFP encoding
        return this.#same(state, 0xeeb60a40);
    }
  }

  /** CPS, or MSR to the control field. */
  #changeMode(state: State): number[] {
    const random = this.#random;
    const mode = random.pick(MODES);
    const r = random.below(8);
    switch (random.below(3)) {
      case 0:
        return this.#cps(state, mode);
      case 1: {
        const imod = 2 + random.below(2);
        const masks = 1 + random.below(7);
        const a32 = 0xf1000000 | (imod << 18) | (1 << 17) | (masks << 6) | mode;
        return this.#halves(state, a32, 0xf3af8000 | (imod << 9) | (1 << 8) | (masks << 5) | mode);
      }
      default: {
        const set = this.#set(state, r, randomStatus(random));
        return [...set, ...this.#halves(state, 0xe12df000 | r, 0xf3808d00 | (r << 16))]; // msr cpsr_fsc, r
      }
    }
  }

  #statusRegister(state: State): number[] {
    const random = this.#random;
    const r = random.below(8);
    const mode = this.#exceptionMode(state);
    if (random.oneIn(2)) return [...mode, ...this.#halves(state, 0xe14f0000 | (r << 12), 0xf3ff8000 | (r << 8))]; // mrs r, spsr
    const mask = [1, 4, 8, 9, 13][random.below(5)]!;
    const set = this.#set(state, r, randomStatus(random) | (random.below(2) * T));
    return [
      ...mode,
      ...set,
      ...this.#halves(state, 0xe160f000 | (mask << 16) | r, 0xf3908000 | (mask << 8) | (r << 16)),
    ];
  }

  /** LDM and STM of the user mode's registers (A32 alone), or more of the status registers. */
  #userRegisters(state: State): number[] {
    if (state === "T32") return this.#statusRegister(state);
    const random = this.#random;
    const base = random.below(8);
    const direction = random.below(4) << 23;
    const load = random.below(2) << 20;
    const list = 1 + random.below(0x7fff);
    const word = 0xe8400000 | direction | load | (base << 16) | list;
    return [...this.#exceptionMode(state), ...this.#set(state, base, SYSTEM_SCRATCH + 192), ...wordHalves(word >>> 0)];
  }

  /** Any of the ways back from an exception, to the next unit in a random mode and instruction set. */
  #exceptionReturn(state: State): Unit {
    const random = this.#random;
    const next: State = random.oneIn(2) ? "A32" : "T32";
    const status = randomStatus(random) | (next === "T32" ? T : 0);
    const [base, r] = [random.below(4), 4 + random.below(4)];
    const offset = random.oneIn(2) ? 0 : 4 * random.below(8);
    const slot = SYSTEM_SCRATCH + 128 + 4 * random.below(40);
    const mode = this.#exceptionMode(state);
    const way = random.below(state === "A32" ? 4 : 2);
    const words = (to: number): number[] => {
      const spsr = [...this.#set(state, r, status), ...this.#halves(state, 0xe16ff000 | r, 0xf3908f00 | (r << 16))];
      const pointer = this.#set(state, base, slot);
      const target = this.#set(state, r, to);
      const store = this.#halves(state, 0xe5800000 | (base << 16) | (r << 12), 0xf8c00000 | (base << 16) | (r << 12));
      if (way === 0) {
        const lr = this.#set(state, 14, to + offset);
        return [...mode, ...spsr, ...lr, ...this.#halves(state, 0xe25ef000 | offset, 0xf3de8f00 | offset)]; // subs pc, lr, #
      }
      if (way === 1) {
        const second = this.#set(state, r, status);
        const storeSecond = this.#halves(
          state,
          0xe5800004 | (base << 16) | (r << 12),
          0xf8c00004 | (base << 16) | (r << 12),
        );
        const rfe = this.#halves(state, 0xf8900a00 | (base << 16), 0xe990c000 | (base << 16));
        return [...mode, ...pointer, ...target, ...store, ...second, ...storeSecond, ...rfe];
      }
      if (way === 2) {
        return [...mode, ...spsr, ...this.#set(state, 14, to), ...wordHalves(0xe1b0f00e)]; // movs pc, lr
      }
      return [...mode, ...spsr, ...pointer, ...target, ...store, ...wordHalves((0xe8d08000 | (base << 16)) >>> 0)]; // ldm {pc}^
    };
    const bytes = 2 * words(0).length;
    const pad = (at: number) => next === "A32" && ((at + bytes) & 2) !== 0;
    return {
      state,
      next,
      size: (at) => bytes + (pad(at) ? 2 : 0),
      emit: (at, to) => (pad(at) ? [...words(to), 0xbf00] : words(to)),
    };
  }

  /** SRS onto another mode's stack. */
  #storeReturnState(state: State): number[] {
    const random = this.#random;
    const mode = random.pick([...EXCEPTION_MODES, SYSTEM]);
    const writeBack = random.below(2) << 21;
    const increment = random.below(2);
    const a32 = 0xf84d0500 | (increment ? 1 << 23 : 1 << 24) | writeBack | mode;
    const t32 = (increment ? 0xe98dc000 : 0xe80dc000) | writeBack | mode;
    return [
      ...this.#privilege(state),
      ...this.#cps(state, mode),
      ...this.#set(state, 13, SYSTEM_SCRATCH + 160),
      ...this.#exceptionMode(state),
      ...this.#halves(state, a32, t32),
    ];
  }

  /** Domains, alignment checking, and the VFP's switch. */
  #control(state: State): number[] {
    const random = this.#random;
    const r = random.below(8);
    const privilege = random.oneIn(4) ? [] : this.#privilege(state);
    const write = (value: number, word: number) => [
      ...privilege,
      ...this.#set(state, r, value),
      ...this.#same(state, word | (r << 12)),
      ...this.#halves(state, 0xf57ff06f, 0xf3bf8f6f),
    ];
    switch (random.below(4)) {
      case 0: // DACR; domain 0, where the code lies, stays a client
        return write(0xd | (random.pick([0, 1, 3]) << 4) | (random.pick([0, 1, 3]) << 6), 0xee030f10);
      case 1: {
        const bit = this.#halves(state, 0xe3800002 | (r << 16) | (r << 12), 0xf0400002 | (r << 16) | (r << 8));
        const read = this.#same(state, 0xee110f10 | (r << 12));
        const store = this.#same(state, 0xee010f10 | (r << 12));
        // The register's other bits differ between implementations: it is set again before anyone looks.
        return [...this.#privilege(state), ...read, ...bit, ...store, ...this.#set(state, r, 0)];
      }
      case 2:
        return write(random.oneIn(2) ? 0 : 0x40000000, 0xeee80a10); // FPEXC
      default:
        return write(random.word(), 0xee080f17); // TLBIALL
    }
  }
}
