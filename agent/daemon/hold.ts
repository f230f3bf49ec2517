// Documents that cannot be accepted yet. A broker sends what it retains in any order: a policy before the root that names its signer, a
// group's document before the list of groups. It sends them once, so they are held, the newest of each topic, and judged again
// whenever what is trusted changes.

import type { Via } from "../wire/accept.ts";
import type { Reason } from "../wire/reasons.ts";

/** What another root, time, list of groups or a quieter minute may put right. */
const MAY_CHANGE: ReadonlySet<Reason> = new Set<Reason>([
  "no-root",
  "signer",
  "threshold",
  "audience",
  "not-yet",
  "issued-ahead",
  "expired",
  "no-time",
  "epoch-jump",
  "root-skip",
  "partition-unknown",
  "mixed-up",
  "rate",
]);
const HELD_BYTES_MAX = 512 << 10;
const HELD_MAX = 64;

export interface Held {
  key: string;
  via: Via;
  bytes: Uint8Array;
  reason: Reason;
  /** Milliseconds of the monotonic clock. */
  since: number;
  told: boolean;
}

export class Hold {
  private readonly held = new Map<string, Held>();
  private bytes = 0;

  /** Whether a refusal for this reason may be another one later. Commands are answered or gone, but one that waits for the time. An answer to the
   *  question of the time is worth nothing later. */
  static isFor(via: Via, reason: Reason): boolean {
    if (via.kind === "now") return false;
    return via.kind === "cmd" ? reason === "no-time" : MAY_CHANGE.has(reason);
  }

  /** Keeps a document instead of the one of the same topic. False: there is no room. */
  put(entry: Held): boolean {
    this.remove(entry.key);
    if (this.held.size >= HELD_MAX || this.bytes + entry.bytes.length > HELD_BYTES_MAX) return false;
    this.held.set(entry.key, entry);
    this.bytes += entry.bytes.length;
    return true;
  }

  remove(key: string): void {
    this.bytes -= this.held.get(key)?.bytes.length ?? 0;
    this.held.delete(key);
  }

  list(): Held[] {
    return [...this.held.values()];
  }
}
