// How V8 compiles what the machine translates. Flags hold for the whole process, and for what is compiled after they were set: a worker
// sets them before its first module.

import { setFlagsFromString } from "node:v8";
import { compilersGiveWay } from "./compiler-threads.ts";

/** Compile when a module is made, between slices, and not at a function's first call, inside one. */
const EAGER = "--no-wasm-lazy-compilation";
/** The optimising compiler takes fifteen times as long as the first one, on another processor if there is one, and what it makes of translated
 *  code is little faster: a function earns it by about this many bytes of WebAssembly executed (V8's default is 1.8 million; with
 *  20 million, scripting languages were half as fast again slower than interpreted). */
const TIERING = "--wasm-tiering-budget=800000000";

/** Read the hints which way translated branches go (kernel/machine/translate/hints). */
const HINTS = "--experimental-wasm-branch-hinting";

/** All of them: `doctor` says which ones this engine does not know. It takes them then for nothing, with a word on standard error. */
export const ENGINE_FLAGS: readonly string[] = [EAGER, TIERING, HINTS];

/** Sets the flags, and puts the compilers behind the guests. */
export function setEngineFlags(): void {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
  compilersGiveWay();
}
