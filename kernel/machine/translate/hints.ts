// Which way branches nearly always go, for the engine's optimising compiler: WebAssembly's branch hinting proposal, the custom section
// "metadata.code.branch_hint". Slow paths are then laid out behind the function, and registers are spilled there and not before. An engine
// that does not know the section skips it.
//
//   list    HINTS_MAX × u32: offset of the branch in the function's body << 1 | taken; function by function, offsets ascending

import { byte, emitPosition, leb } from "./emitter";

const HINTS_MAX: u32 = 8192;
/** Room that the list takes, and the most that the section can. */
export const HINTS_BYTES: u32 = HINTS_MAX * 4;
export const HINTS_SECTION_BYTES: u32 = HINTS_MAX * 5 + 256;

let list: u32 = 0;
let count: u32 = 0;
/** Where the function's body is being written, and its first hint. */
let body: u32 = 0;
let first: u32 = 0;
/** Hints of each function of the module, u16. */
const counts: usize = memory.data(32);

/** A module begins; the list may lie at `at`. */
export function hintsStart(at: u32): void {
  list = at;
  count = 0;
}

/** A function's body begins here. What was said of one that was not finished is forgotten: `keep` hints stay. */
export function hintsFunction(): void {
  body = emitPosition();
  first = count;
}

/** The function is not finished. */
export function hintsForget(): void {
  count = first;
}

/** The function, number `which` of the module, is complete: `bytes` were put in front of its body. */
export function hintsDone(which: u32, bytes: u32): void {
  for (let i = first; i < count; i++) store<u32>(list + (i << 2), load<u32>(list + (i << 2)) + (bytes << 1));
  store<u16>(counts + (which << 1), <u16>(count - first));
}

function note(taken: u32): void {
  if (count < HINTS_MAX) store<u32>(list + (count++ << 2), ((emitPosition() - body) << 1) | taken);
}

/** The `if` or `br_if` that is written next nearly always finds its condition true. */
export function likely(): void {
  note(1);
}

/** … false. */
export function unlikely(): void {
  note(0);
}

/** Writes the section's content, for `functionCount` functions, the first being number `base` of the module's. */
export function writeHints(functionCount: u32, base: u32): void {
  const name = "metadata.code.branch_hint";
  leb(name.length);
  for (let i = 0; i < name.length; i++) byte(name.charCodeAt(i));
  leb(functionCount);
  let at = list;
  for (let i: u32 = 0; i < functionCount; i++) {
    const own = <u32>load<u16>(counts + (i << 1));
    leb(base + i);
    leb(own);
    for (const end = at + (own << 2); at < end; at += 4) {
      leb(load<u32>(at) >>> 1);
      byte(1);
      byte(load<u32>(at) & 1);
    }
  }
}
