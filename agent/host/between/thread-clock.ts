// The processor time of the thread that asks. Wall time less this is what the host took from the thread, or what it waited for; only the rest is
// somebody's to pay. Node has no call for it, but its WASI has: clock 3 of clock_time_get is the thread's processor time (WASI preview1,
// CLOCKID_THREAD_CPUTIME_ID), which takes about a microsecond to read and moves in steps far below that.

import { createRequire } from "node:module";

interface WasiModule {
  WASI: new (options: { version: "preview1" }) => {
    initialize(instance: object): void;
    wasiImport: Record<string, unknown>;
  };
}

/** WebAssembly Core 1.0 §5.5: a function that asks for clock 3 and returns the answer as an f64. Called from JavaScript, clock_time_get makes V8
 *  optimise the caller and throw that away again at each call, on other threads (its fast path takes no BigInt). */
const MODULE = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // (i32 i64 i32) -> i32, () -> f64
  ...[1, 12, 2, 0x60, 3, 0x7f, 0x7e, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7c],
  // import w.t, of the first type
  ...[2, 7, 1, 1, 0x77, 1, 0x74, 0, 0],
  // a function of the second type; a memory of one page
  ...[3, 2, 1, 1],
  ...[5, 4, 1, 1, 1, 1],
  // export memory, cpu
  ...[7, 16, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 3, 0x63, 0x70, 0x75, 0, 1],
  // i32.const 3, i64.const 0, i32.const 0, call 0, drop, i32.const 0, i64.load, f64.convert_i64_u
  ...[10, 19, 1, 17, 0, 0x41, 3, 0x42, 0, 0x41, 0, 0x10, 0, 0x1a, 0x41, 0, 0x29, 3, 0, 0xba, 0x0b],
];

/** A function that tells this thread's processor time in nanoseconds, from an arbitrary beginning; null where there is none. */
export function threadClock(): (() => number) | null {
  try {
    return openClock();
  } catch {
    return null;
  }
}

function openClock(): (() => number) | null {
  const { WASI } = loadQuietly();
  const wasi = new WASI({ version: "preview1" });
  const imports = { w: { t: wasi.wasiImport["clock_time_get"] as () => number } };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(MODULE)), imports);
  // All that WASI wants of an instance without entry points is its memory.
  wasi.initialize(instance);
  const cpu = instance.exports["cpu"] as () => number;
  const first = cpu();
  return first > 0 ? cpu : null;
}

/** Node warns whoever loads WASI that it may change: that is ours to know, and nobody's who runs us. */
function loadQuietly(): WasiModule {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return createRequire(import.meta.url)("node:wasi") as WasiModule;
  } finally {
    process.emitWarning = emitWarning;
  }
}
