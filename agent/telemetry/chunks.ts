// Log and console bytes on their way: a command opened them, and a guest may write a million lines a second. So they have a rate and a small
// queue of their own, in memory; what does not fit is dropped, and the next chunk says how many bytes.

import { Bucket } from "../bucket.ts";
import type { LogChunk } from "../wire/streams.ts";

const BYTES_PER_SECOND = 16 << 10;
const BURST_BYTES = 64 << 10;
const WAITING_BYTES_MAX = 128 << 10;
const STREAMS_MAX = 16;

export interface Chunk {
  kind: "log" | "con";
  name: string;
  chunk: LogChunk;
}

export class Chunks {
  private readonly bucket: Bucket;
  private readonly waiting: Chunk[] = [];
  private bytes = 0;
  /** Bytes dropped of each stream since its last chunk. */
  private readonly dropped = new Map<string, number>();

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.bucket = new Bucket(BURST_BYTES, BYTES_PER_SECOND, now);
  }

  add(added: Chunk): void {
    const key = `${added.kind}/${added.name}`;
    const size = added.chunk.bytes.length;
    const before = (this.dropped.get(key) ?? 0) + (added.chunk.lostCount ?? 0);
    const known = this.dropped.has(key) || this.dropped.size < STREAMS_MAX;
    if (!known || this.bytes + size > WAITING_BYTES_MAX) {
      if (known) this.dropped.set(key, before + size);
      return;
    }
    this.dropped.set(key, 0);
    this.bytes += size;
    this.waiting.push({ ...added, chunk: before > 0 ? { ...added.chunk, lostCount: before } : added.chunk });
  }

  /** The oldest chunk, when it may be sent now. */
  take(): Chunk | null {
    const [next] = this.waiting;
    if (next === undefined || !this.bucket.take(next.chunk.bytes.length)) return null;
    this.waiting.shift();
    this.bytes -= next.chunk.bytes.length;
    return next;
  }

  /** Milliseconds until the oldest may be sent; null: nothing waits. */
  waitMs(): number | null {
    const [next] = this.waiting;
    return next === undefined ? null : this.bucket.waitMs(next.chunk.bytes.length);
  }

  /** The link is gone: what waited is of no use later. */
  clear(): void {
    for (const { kind, name, chunk } of this.waiting.splice(0)) {
      const key = `${kind}/${name}`;
      this.dropped.set(key, (this.dropped.get(key) ?? 0) + chunk.bytes.length);
    }
    this.bytes = 0;
  }
}
