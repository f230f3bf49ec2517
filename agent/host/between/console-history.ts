// What the host remembers of a console: the last bytes for post-mortem, and whether a kernel announced its panic.

const HISTORY_BYTES = 64 << 10;
const PANIC = Buffer.from("Kernel panic - not syncing", "latin1");

/** The last 64 KiB of a console's output. */
export class ConsoleHistory {
  private readonly bytes = Buffer.alloc(HISTORY_BYTES);
  private written = 0;

  append(chunk: Uint8Array): void {
    const kept = chunk.length > HISTORY_BYTES ? chunk.subarray(chunk.length - HISTORY_BYTES) : chunk;
    const at = (this.written + chunk.length - kept.length) % HISTORY_BYTES;
    const first = Math.min(kept.length, HISTORY_BYTES - at);
    this.bytes.set(kept.subarray(0, first), at);
    this.bytes.set(kept.subarray(first), 0);
    this.written += chunk.length;
  }

  /** The remembered bytes, oldest first. */
  contents(): Buffer {
    if (this.written <= HISTORY_BYTES) return Buffer.from(this.bytes.subarray(0, this.written));
    const at = this.written % HISTORY_BYTES;
    return Buffer.concat([this.bytes.subarray(at), this.bytes.subarray(0, at)]);
  }
}

/** Watches a stream for Linux's panic message, which may be cut anywhere into chunks. */
export class PanicWatch {
  private tail: Buffer = Buffer.alloc(0);
  /** Whether the message was seen since forget(). */
  seen = false;

  append(chunk: Uint8Array): void {
    if (this.seen) return;
    const text = Buffer.concat([this.tail, chunk]);
    this.seen = text.includes(PANIC);
    this.tail = text.subarray(Math.max(0, text.length - PANIC.length + 1));
  }

  /** A new boot begins. */
  forget(): void {
    this.seen = false;
    this.tail = Buffer.alloc(0);
  }
}
