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

/** Collect young garbage on the thread that made it. Otherwise V8's own threads do a good part of that, and no book sees what a partition made
 *  them do. (--single-threaded-gc would move the rest too, but V8 ends the process when it is set while a collection is under way.) */
const OWN_COLLECTION = "--no-parallel-scavenge";

/** All of them: `doctor` says which ones this engine does not know. It takes them then for nothing, with a word on standard error. */
export const ENGINE_FLAGS: readonly string[] = [EAGER, TIERING, HINTS, OWN_COLLECTION];

/** Sets the flags, and puts the compilers behind the guests. */
export function setEngineFlags(): void {
  for (const flag of [EAGER, TIERING, HINTS]) setFlagsFromString(flag);
  compilersGiveWay();
}

/** For a process that carries a handset. */
export function collectOwnGarbage(): void {
  setFlagsFromString(OWN_COLLECTION);
}
