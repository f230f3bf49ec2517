// Two machines as one: the first is interpreted, the second is translated wherever it can be, and both get the same slices and the
// same of the host. After every slice they must be in the same state; RAM is compared every now and then, and at the end.
//
// Both are configured alike, translator's memory and all, so that whatever lies in one lies at the same place in the other; the
// first is just never translated. Slices are of a random length, so that they end anywhere in a block or a region. What the guest
// says goes out once, from the first machine; what the host serves it (console input, random numbers, a disk's data) is copied.

import {
  BLOCK_READ,
  BLOCK_REQUESTS,
  BLOCK_REQUEST_BYTES,
  BLOCK_REQUEST_OPERATION,
  BLOCK_REQUEST_SEGMENTS,
  BLOCK_REQUEST_SEGMENT_COUNT,
  BLOCK_SEGMENT_MAX,
  CONFIG_FW_CFG_OFFSET,
  CPU_PC,
  CPU_THUMB,
  ENTROPY_POOL,
  ENTROPY_POOL_CAPACITY,
} from "../../../kernel/abi/layout.ts";
import { Failure } from "../../failure.ts";
import type { EntropySource } from "./entropy.ts";
import { hex, StateComparison, type StateLine } from "./state.ts";
import { Machine, type MachineConfig } from "./machine.ts";
import type { Translator } from "./translator.ts";

/** Longest slice, and how long the short ones are: the first, for small guests, and one of four. */
const FUEL_MAX = 20_000;
const FUEL_SHORT_MAX = 100;
const SHORT_FIRST = 256;
/** Slices between two looks at all of RAM. */
const MEMORY_PERIOD = 1024;
/** Slices between two translations of everything that was decoded; before, at each power of two. */
const TRANSLATION_PERIOD = 4096;
/** Modules of one such translation: the others come with the next. */
const MODULE_MAX = 64;

/** Translated code did something else than the interpreter. The message is several lines: both states, side by side. */
export class DivergenceError extends Failure {
  readonly lines: StateLine[];

  constructor(message: string, lines: StateLine[]) {
    super("TRANSLATION_DIVERGED", message);
    this.lines = lines;
  }
}

export class MachinePair extends Machine {
  /** The machine that is translated. */
  readonly twin: Machine;
  private readonly comparison: StateComparison;
  private slices = 0;
  private random: number;
  /** The last slice's begin. */
  private begin = { pc: 0, thumb: 0, instructions: 0, fuel: 0 };

  /** `seed` says how long slices are. Throws as Machine does. */
  constructor(module: WebAssembly.Module, config: MachineConfig, now: () => number, seed = 1) {
    super(module, config, now);
    this.twin = new Machine(module, config, now);
    this.comparison = new StateComparison(this, this.twin);
    this.random = seed >>> 0;
  }

  override get translator(): Translator | null {
    return this.twin.translator;
  }

  /** Executes a slice of at most `fuel` on both, and compares; how long it is, the pair decides. Throws DivergenceError. */
  override run(most = FUEL_MAX): number {
    const fuel = Math.min(this.nextFuel(), most);
    this.begin = { pc: this.word(CPU_PC), thumb: this.word(CPU_THUMB), instructions: this.instructions, fuel };
    const reason = super.run(fuel);
    const twinReason = this.runTwin(fuel);
    if (reason !== twinReason) this.diverged(`run() returned ${reason} interpreted and ${twinReason} translated`);
    if (!this.comparison.stateEqual()) this.diverged("their states differ");
    const count = ++this.slices;
    if (count % MEMORY_PERIOD === 0) this.compareMemory();
    if (count % TRANSLATION_PERIOD === 0 || (count & (count - 1)) === 0) this.twin.translator!.everything(MODULE_MAX);
    return reason;
  }

  /** Compares registers, devices, firmware and RAM. Throws DivergenceError. */
  compareAll(): void {
    if (!this.comparison.stateEqual()) this.diverged("their states differ");
    this.compareMemory();
  }

  /** The host has written into the first machine's memory: images before the first instruction. */
  copyMemory(): void {
    const from = this.word(CONFIG_FW_CFG_OFFSET);
    this.twin.bytes.set(this.bytes.subarray(from), from);
  }

  override reset(): void {
    this.compareAll();
    super.reset();
    this.twin.reset();
  }

  override tick(): void {
    super.tick();
    this.twin.tick();
  }

  override advance(ticks: number): void {
    super.advance(ticks);
    this.twin.advance(ticks);
  }

  override deadline(): number {
    this.twin.deadline();
    return super.deadline();
  }

  override limitTranslation(codeBytes: number): void {
    this.twin.limitTranslation(codeBytes);
  }

  override blockComplete(index: number, status: number): void {
    const at = BLOCK_REQUESTS + index * BLOCK_REQUEST_BYTES;
    if (this.word(at + BLOCK_REQUEST_OPERATION) === BLOCK_READ) {
      const count = Math.min(this.word(at + BLOCK_REQUEST_SEGMENT_COUNT), BLOCK_SEGMENT_MAX);
      for (let segment = at + BLOCK_REQUEST_SEGMENTS, n = 0; n < count; n++, segment += 8) {
        const from = this.word(segment);
        const to = from + this.word(segment + 4);
        // One that the disk service has refused may name anything.
        if (to <= this.bytes.length) this.twin.bytes.set(this.bytes.subarray(from, to), from);
      }
    }
    super.blockComplete(index, status);
    this.twin.blockComplete(index, status);
  }

  override consoleInput(port: number, source: Uint8Array): number {
    this.twin.consoleInput(port, source);
    return super.consoleInput(port, source);
  }

  override consoleOutputTaken(port: number, count: number): void {
    super.consoleOutputTaken(port, count);
    this.twin.consoleOutputTaken(port, count);
  }

  override fillEntropy(source: EntropySource): void {
    super.fillEntropy(source);
    this.twin.bytes.set(this.bytes.subarray(ENTROPY_POOL, ENTROPY_POOL + 4 + ENTROPY_POOL_CAPACITY), ENTROPY_POOL);
  }

  override pressPowerKey(): boolean {
    this.twin.pressPowerKey();
    return super.pressPowerKey();
  }

  private runTwin(fuel: number): number {
    try {
      return this.twin.run(fuel);
    } catch (error) {
      return this.diverged(`the translated machine trapped (${(error as Error).message})`);
    }
  }

  private compareMemory(): void {
    if (!this.comparison.memoryEqual()) this.diverged("their memories differ");
  }

  /** xorshift32 (Marsaglia 2003). */
  private nextFuel(): number {
    let x = this.random === 0 ? 1 : this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x >>> 0;
    const short = this.slices < SHORT_FIRST || (this.random & 3) === 0;
    return 1 + ((this.random >>> 8) % (short ? FUEL_SHORT_MAX : FUEL_MAX));
  }

  private diverged(how: string): never {
    const { pc, thumb, instructions, fuel } = this.begin;
    const lines = this.comparison.lines();
    const table = lines.map(({ name, interpreted, translated }) => {
      const mark = interpreted === translated ? " " : "*";
      return `${mark} ${name.padEnd(24)} ${hex(interpreted)}   ${hex(translated)}`;
    });
    const where =
      `interpreted and translated code disagree after ${this.instructions} instructions: ${how}\n` +
      `the last slice began after ${instructions} instructions at pc ${hex(pc)} (${thumb === 0 ? "ARM" : "Thumb"} state), with fuel ${fuel}`;
    const head = `  ${"".padEnd(24)} interpreted  translated`;
    throw new DivergenceError([where, head, ...table].join("\n"), lines);
  }
}
