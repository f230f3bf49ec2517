// An orderly end of a partition: its power key is pressed, and it has as long as it gets on with it. Whoever does not is cut.
//
// Looks are counted, not time: between two of them lies LOOK_MS.

import { setTimeout } from "node:timers/promises";

const LOOK_MS = 250;
/** 10 seconds without progress. */
const QUIET_LOOKS_MAX = 40;
/** A minute in all. */
const LOOKS_MAX = 240;
/** Executed between two looks: a guest that idles stays below, one that stops its services does not. */
const BUSY_INSTRUCTIONS = 250_000;

/** What can be seen of a partition from outside. Counts only grow. */
export interface Sight {
  state: string;
  /** Why it is in that state, in words. */
  reason: string;
  instructions: number;
  /** What it has said and what its devices have moved. */
  moved: number;
}

export interface PowerKey {
  /** Presses it. False when the guest does not listen. */
  press(): Promise<boolean>;
  look(): Promise<Sight>;
}

export interface Ending {
  /** It has ended by itself. */
  off: boolean;
  /** In words: how it ended, or why it is to be cut. */
  why: string;
}

/** Presses the key of a partition and waits until it has ended. It cuts nothing itself, and waits no longer once `cut` is aborted. `pressed` is
 *  called when there is something to wait for. */
export async function powerDown(
  key: PowerKey,
  cut: AbortSignal,
  pressed: () => void,
  pause: (milliseconds: number, signal: AbortSignal) => Promise<unknown> = wait,
): Promise<Ending> {
  if (cut.aborted) return { off: false, why: "cut at once, as was asked" };
  let before = await key.look();
  if (before.state !== "running") return { off: false, why: `cut: it was ${before.state}` };
  if (!(await key.press())) return { off: false, why: "cut: its guest does not listen for the power key" };
  pressed();
  for (let looks = 0, quiet = 0; looks < LOOKS_MAX; looks++) {
    await pause(LOOK_MS, cut);
    const sight = await key.look();
    if (ended(sight)) return { off: true, why: sight.reason };
    if (sight.state !== "running") return { off: false, why: `cut: it was ${sight.state} meanwhile` };
    if (cut.aborted) return { off: false, why: "cut before it was off, as was asked" };
    quiet = progressed(before, sight) ? 0 : quiet + 1;
    if (quiet >= QUIET_LOOKS_MAX)
      return { off: false, why: `cut: no progress for ${(quiet * LOOK_MS) / 1000} s after the power key` };
    before = sight;
  }
  return { off: false, why: `cut: not off ${(LOOKS_MAX * LOOK_MS) / 1000} s after the power key` };
}

function ended({ state }: Sight): boolean {
  return state === "stopped" || state === "failed" || state === "locked";
}

function progressed(before: Sight, after: Sight): boolean {
  return after.moved !== before.moved || after.instructions - before.instructions > BUSY_INSTRUCTIONS;
}

/** Waits, or returns when the wait is not wanted any more. */
function wait(milliseconds: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
}
