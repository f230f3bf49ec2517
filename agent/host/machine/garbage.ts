// V8's collector, asked for: memories and code outside of its heap come back when what refers to them is collected, and V8 does not see how much
// that is.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | null = null;

/** Collects now. Takes milliseconds. */
export function collectGarbage(): void {
  // The function is there in contexts made after the flag was set, in no other.
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}
