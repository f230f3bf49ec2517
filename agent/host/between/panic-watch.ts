// Whether a guest's kernel announced its panic on the console.

const PANIC = Buffer.from("Kernel panic - not syncing", "latin1");

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
