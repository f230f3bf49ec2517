// Documents that were good and could not be taken at that moment: the disk was full, the check was cut off. The broker does not send them again while
// the link holds, so they are kept here, the newest of each topic, and judged again until they are taken or refused for what they say.

import type { Via } from "../../wire/accept.ts";
import type { Reason } from "../../wire/reasons.ts";

/** What has nothing to do with the document. */
const PASSING: ReadonlySet<Reason> = new Set<Reason>(["storage", "rate", "unchecked"]);
/** Commands are answered and done with. An answer to a question of the time is worth nothing later. */
const ONCE: ReadonlySet<Via["kind"]> = new Set(["cmd", "now"]);
const KEPT_MAX = 32;
const TRIES_MAX = 8;

interface Kept {
  via: Via;
  envelope: Uint8Array;
  tries: number;
}

export class Retries {
  private readonly kept = new Map<string, Kept>();

  /** Keeps a document that was refused for this reason, if another try may help. */
  refused(envelope: Uint8Array, via: Via, reason: Reason): void {
    const key = keyOf(via, envelope);
    if (!PASSING.has(reason) || ONCE.has(via.kind)) {
      this.kept.delete(key);
      return;
    }
    // A full disk may stay full for days. A check that is cut off again and again is the document's own doing.
    const tries = (this.kept.get(key)?.tries ?? 0) + (reason === "unchecked" ? 1 : 0);
    if (tries >= TRIES_MAX) this.kept.delete(key);
    else if (this.kept.size < KEPT_MAX || this.kept.has(key)) this.kept.set(key, { via, envelope, tries });
  }

  /** It was taken, or is in force already. */
  taken(envelope: Uint8Array, via: Via): void {
    this.kept.delete(keyOf(via, envelope));
  }

  /** What waits for another try. */
  list(): { via: Via; envelope: Uint8Array }[] {
    return [...this.kept.values()];
  }

  /** Whether this very document is waiting: its refusal has been told. */
  isWaiting(envelope: Uint8Array, via: Via): boolean {
    return this.kept.has(keyOf(via, envelope));
  }
}

const keyOf = ({ kind, partition = "" }: Via, envelope: Uint8Array): string =>
  `${kind}/${partition}/${Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length).toString("base64")}`;
