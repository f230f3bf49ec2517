// Compiles what a machine has translated: between two slices it takes a module out of the machine's memory, compiles it, and puts
// its functions into the machine's own table.

import type { MachineTranslation } from "./machine.ts";

/** Places in a machine's table: kernel/machine/arm/translation, FUNCTION_COUNT. */
const FUNCTION_COUNT = 4096;
const IMPORT_PREFIX = "translated";

/** What translation has cost and made, beside the machine's own counters. */
export interface TranslationTimes {
  moduleCount: number;
  /** Time from asking for a module to having it in the table. */
  compileMs: number;
}

export class Translator {
  readonly times: TranslationTimes = { moduleCount: 0, compileMs: 0 };
  private readonly machine: MachineTranslation;
  private readonly bytes: Uint8Array;
  private readonly imports: WebAssembly.Imports;
  private readonly now: () => number;

  /** `exports` are all of the machine's; `now` is host monotonic time in nanoseconds. */
  constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory, now: () => number) {
    this.machine = exports as unknown as MachineTranslation;
    this.bytes = new Uint8Array(memory.buffer);
    this.now = now;
    const table = exports["table"] as WebAssembly.Table;
    if (table.length < FUNCTION_COUNT) table.grow(FUNCTION_COUNT - table.length);
    const functions = Object.entries(exports).filter(([name]) => name.startsWith(IMPORT_PREFIX));
    const named = functions.map(([name, value]) => [name.slice(IMPORT_PREFIX.length), value]);
    this.imports = { m: { ...Object.fromEntries(named), t: table, r: memory } };
  }

  /** Compiles what became hot since the last call. Called between slices; returns whether there was anything. */
  step(): boolean {
    const start = this.now();
    const length = this.machine.translateModule();
    if (length === 0) return false;
    const at = this.machine.translateOffset();
    const module = new WebAssembly.Module(this.bytes.slice(at, at + length));
    // The module's element segments put its functions into the table.
    new WebAssembly.Instance(module, this.imports);
    this.machine.translateInstalled();
    this.times.moduleCount++;
    this.times.compileMs += (this.now() - start) / 1e6;
    return true;
  }
}
