// Random units of Advanced SIMD, between them what feeds it: moves from core registers, FPSCR's modes, ordinary VFP transfers.

import { AL, halfwords, wordHalves } from "./assembler.js";
import { setRegister } from "./memory-unit.js";
import { NEON_DATA, NEON_TRANSFERS, neonFields, neonT32, neonWord } from "./neon-forms.js";
import type { Random } from "./random.js";
import { plainUnit, type State, type Unit } from "./unit.js";

/** Where accesses begin: transfers of up to 64 bytes stay inside the scratch memory. */
const [FIRST_TARGET, LAST_TARGET] = [160, 320];

export class NeonUnitMaker {
  readonly #random: Random;
  readonly #scratch: number;

  constructor(random: Random, scratch: number) {
    this.#random = random;
    this.#scratch = scratch;
  }

  /** `count` units of one instruction set. */
  units(count: number, state: State): Unit[] {
    return Array.from({ length: count }, () => plainUnit(state, this.#halves(state)));
  }

  #halves(state: State): number[] {
    const kind = this.#random.below(100);
    if (kind < 66)
      return this.#sometimesConditional(
        state,
        this.#encoded(state, neonWord(this.#random.pick(NEON_DATA), this.#random)),
      );
    if (kind < 84) return this.#transfer(state);
    if (kind < 94) return this.#move(state);
    return this.#status(state);
  }

  #encoded(state: State, word: number): number[] {
    return state === "A32" ? wordHalves(word) : halfwords(neonT32(word));
  }

  /** In T32 an IT block may make any of them conditional. */
  #sometimesConditional(state: State, halves: number[]): number[] {
    if (state === "A32" || !this.#random.oneIn(6)) return halves;
    return [0xbf08 | (this.#random.below(14) << 4), ...halves];
  }

  /** A load or store in scratch memory, as aligned as it asks for and often no more. */
  #transfer(state: State): number[] {
    const random = this.#random;
    for (;;) {
      const form = random.pick(NEON_TRANSFERS);
      const word = neonWord(form, random);
      const f = neonFields(form, word);
      if (state === "T32" && f["X"] === f["R"]) continue;
      // 32 is the largest alignment that any of them asks for.
      const target = this.#scratch + FIRST_TARGET + (random.below(LAST_TARGET - FIRST_TARGET) & -this.#alignment(word));
      return [...setRegister(state, f["R"]!, target, undefined, random), ...this.#encoded(state, word)];
    }
  }

  /** Some power of two that is at least what the word asks for: 1 only where nothing is asked. */
  #alignment(word: number): number {
    const isMultiple = ((word >>> 23) & 1) === 0;
    const asked = isMultiple ? (word >>> 4) & 3 : (word >>> 4) & 15;
    return asked === 0 ? (this.#random.oneIn(2) ? 1 : 8) : 32;
  }

  /** VMOV between a core register and a scalar, VDUP. */
  #move(state: State): number[] {
    const random = this.#random;
    const t = this.#core(state);
    const n = random.below(32);
    const registers = ((n & 15) << 16) | ((n >> 4) << 7) | (t << 12);
    const [opc1, opc2] = random.pick([[2, 0], [2, 1], [2, 2], [2, 3], [3, 0], [3, 3], [0, 1], [0, 3], [1, 1], [1, 3], [0, 0], [1, 0]] as const); // prettier-ignore
    const isWord = opc1 < 2 && (opc2 & 1) === 0;
    let word: number;
    switch (random.below(3)) {
      case 0: // to a scalar
        word = 0x0e000b10 | (opc1 << 21) | (opc2 << 5);
        break;
      case 1: // from a scalar, extended with or without sign
        word = 0x0e100b10 | (opc1 << 21) | (opc2 << 5) | (isWord ? 0 : random.below(2) << 23);
        break;
      default: {
        const quad = n % 2 === 0 ? random.below(2) : 0;
        word = 0x0e800b10 | (quad << 21) | (random.pick([0, 1 << 5, 1 << 22]) as number);
      }
    }
    const condition = state === "A32" && random.oneIn(3) ? random.below(15) : AL;
    word = ((word | registers) + condition * 0x10000000) >>> 0;
    return state === "A32" ? wordHalves(word) : halfwords(word);
  }

  /** VMSR FPSCR with any modes: Advanced SIMD takes none of them but AHP. */
  #status(state: State): number[] {
    const t = this.#core(state);
    const value = (this.#random.word() & 0xffc0009f) >>> 0;
    const word = (0xeee10a10 | (t << 12)) >>> 0;
    const halves = setRegister(state, t, value, undefined, this.#random);
    return [...halves, ...(state === "A32" ? wordHalves(word) : halfwords(word))];
  }

  #core(state: State): number {
    for (;;) {
      const register = this.#random.below(15);
      if (!(register === 13 && state === "T32")) return register;
    }
  }
}
