// Compiles what a machine has translated: between two slices it takes a module out of the machine's memory, compiles it, and puts
// its functions into the machine's own table.

import {
  CLOCK_STATE,
  CONFIG_TRANSLATE_CODE_BYTES,
  CONFIG_TRANSLATE_SIMD,
  STATS_TRANSLATED_BYTES,
  STATS_TRANSLATED_ENTRIES,
  STATS_TRANSLATED_EXECUTED,
  STATS_TRANSLATED_FUNCTIONS,
  STATS_TRANSLATED_INSTRUCTIONS,
  STATS_TRANSLATION_DROPS,
  STATS_TRANSLATION_FLUSHES,
} from "../../../kernel/abi/layout.ts";
import type { TranslationStats } from "../../view.ts";
import { collectGarbage } from "./garbage.ts";

/** Places in a machine's table: kernel/machine/arm/translation, FUNCTION_COUNT. */
const FUNCTION_COUNT = 2048;
/** Time that may go into compiling: some at first, and then a share of what the guest has had. */
const COMPILE_MS_FIRST = 200;
const COMPILE_SHARE = 0.1;
const IMPORT_PREFIX = "translated";
/** WebAssembly that is compiled between two collections. V8 keeps the code of modules that nobody refers to until it collects, which it puts off
 *  while the heap is small; and it ends the process when code has filled the space that it set aside, some ten times what is compiled here. */
const COLLECT_BYTES = 16 << 20;

/** A module with one function, of vectors: (v128.const 0) and drop. An engine without them does not validate it. */
const VECTOR_PROBE = Uint8Array.from(
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0].concat(
    [1, 4, 1, 0x60, 0, 0],
    [3, 2, 1, 0],
    [10, 23, 1, 21, 0, 0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0), 0x1a, 0x0b],
  ),
);

/** What the translator calls (kernel/machine/translate). */
export interface MachineTranslation {
  /** Bytes of the module that it has written, or 0. */
  translateModule(): number;
  /** The same for every decoded block, hot or not. */
  translateEverything(): number;
  translateOffset(): number;
  translateInstalled(): void;
}

export class Translator {
  /** False: nothing more is compiled. */
  enabled = true;
  private moduleCount = 0;
  private compileMs = 0;
  private compileMsMax = 0;
  private uncollectedBytes = 0;
  private readonly machine: MachineTranslation;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly imports: Record<string, Record<string, unknown>>;
  private readonly now: () => number;

  /** `exports` are all of the machine's; `now` is host monotonic time in nanoseconds. `vectors` is whether modules may have them. */
  constructor(
    exports: Record<string, unknown>,
    memory: WebAssembly.Memory,
    now: () => number,
    vectors = WebAssembly.validate(VECTOR_PROBE),
  ) {
    this.machine = exports as unknown as MachineTranslation;
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.now = now;
    this.view.setUint32(CONFIG_TRANSLATE_SIMD, vectors ? 1 : 0, true);
    const table = exports["table"] as WebAssembly.Table;
    if (table.length < FUNCTION_COUNT) table.grow(FUNCTION_COUNT - table.length);
    const functions = Object.entries(exports).filter(([name]) => name.startsWith(IMPORT_PREFIX));
    const named = functions.map(([name, value]) => [name.slice(IMPORT_PREFIX.length), value]);
    this.imports = { m: { ...Object.fromEntries(named), t: table, r: memory } };
  }

  /** Compiles what became hot since the last call. Called between slices; returns whether there was anything. `hadNs` is the time that
   *  the guest has had so far: alone, all that passed; beside others, its own processor time. */
  step(hadNs: number): boolean {
    // A guest whose hot code changes all the time would otherwise be compiled more than it runs.
    const allowedMs = COMPILE_MS_FIRST + COMPILE_SHARE * (hadNs / 1e6);
    if (!this.enabled || this.compileMs > allowedMs) return false;
    return this.install(this.now(), this.machine.translateModule());
  }

  /** Compiles all that was decoded so far, hot or not: `moduleMax` modules of it. */
  everything(moduleMax = Infinity): void {
    for (let n = 0; n < moduleMax && this.install(this.now(), this.machine.translateEverything()); n++);
  }

  /** What was translated, and how much of the work it did. */
  stats(): TranslationStats {
    const count = (at: number): number => Number(this.view.getBigUint64(at, true));
    const executed = count(STATS_TRANSLATED_EXECUTED);
    const instructions = count(CLOCK_STATE);
    return {
      codeBytesMax: this.view.getUint32(CONFIG_TRANSLATE_CODE_BYTES, true),
      functions: count(STATS_TRANSLATED_FUNCTIONS),
      bytes: count(STATS_TRANSLATED_BYTES),
      instructions: count(STATS_TRANSLATED_INSTRUCTIONS),
      modules: this.moduleCount,
      compileMs: this.compileMs,
      compileMsMax: this.compileMsMax,
      drops: count(STATS_TRANSLATION_DROPS),
      flushes: count(STATS_TRANSLATION_FLUSHES),
      entries: count(STATS_TRANSLATED_ENTRIES),
      executed,
      share: instructions === 0 ? 0 : executed / instructions,
    };
  }

  private install(start: number, length: number): boolean {
    if (length === 0) return false;
    const at = this.machine.translateOffset();
    const module = new WebAssembly.Module(this.bytes.slice(at, at + length));
    // The module's element segments put its functions into the table.
    new WebAssembly.Instance(module, this.imports);
    this.machine.translateInstalled();
    this.moduleCount++;
    this.uncollectedBytes += length;
    if (this.uncollectedBytes >= COLLECT_BYTES) {
      this.uncollectedBytes = 0;
      collectGarbage();
    }
    const spentMs = (this.now() - start) / 1e6;
    this.compileMs += spentMs;
    this.compileMsMax = Math.max(this.compileMsMax, spentMs);
    return true;
  }
}
