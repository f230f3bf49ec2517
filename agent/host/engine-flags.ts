// How V8 compiles what the machine translates. Flags hold for the whole process, and for what is compiled after they were set: a worker
// sets them before its first module.

import { setFlagsFromString } from "node:v8";

/** Compile when a module is made, between slices, and not at a function's first call, inside one. */
const EAGER = "--no-wasm-lazy-compilation";
/** The optimising compiler takes ten times as long as the first one, and its code runs half as long again faster: a function earns it by about
 *  this many bytes of WebAssembly executed (V8's default is 1.8 million). */
const TIERING = "--wasm-tiering-budget=20000000";

/** Sets the flags. */
export function setEngineFlags(): void {
  setFlagsFromString(EAGER);
  setFlagsFromString(TIERING);
}
