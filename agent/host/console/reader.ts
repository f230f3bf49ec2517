// A reader of a partition's console that loses nothing: it holds the log at its cursor, so that the guest waits for whoever reads. A reader that
// takes nothing for longer than its patience lets go of the log until it has caught up; what is lost meanwhile is counted and said.

import type { ConsoleLog } from "../between/console-log.ts";

const CHUNK_BYTES = 16 << 10;

export interface ReaderOptions {
  /** Takes bytes; resolves when it can take more. */
  output: (bytes: Buffer) => Promise<void> | void;
  /** Wakes the handset worker. */
  ring: () => void;
  /** Whether the guest waits for this reader. One reader of a log may ask for it. */
  hold: boolean;
  /** Milliseconds without a byte taken after which the guest does not wait any longer. */
  patienceMs: number;
}

export class ConsoleReader {
  private readonly log: ConsoleLog;
  private readonly options: ReaderOptions;
  private cursor: number;
  private pumping: Promise<void> | null = null;
  private closed = false;
  private holding = false;

  /** Reads what is in the log, and what comes. */
  constructor(log: ConsoleLog, options: ReaderOptions) {
    this.log = log;
    this.options = options;
    const { cursor, bytes } = log.readFrom(0);
    this.cursor = (cursor - bytes.length) >>> 0;
    this.hold();
  }

  /** The log has grown. Resolves when all of it was taken. */
  pump(): Promise<void> {
    this.pumping ??= this.run().finally(() => (this.pumping = null));
    return this.pumping;
  }

  /** Reads no more; the guest waits for it no longer. */
  close(): void {
    this.closed = true;
    this.letGo();
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      const part = this.log.readFrom(this.cursor);
      if (part.bytes.length === 0) return;
      if (part.lost > 0) await this.options.output(Buffer.from(`\r\n[pocketvisor: ${part.lost} bytes were lost]\r\n`));
      for (let at = 0; at < part.bytes.length && !this.closed; at += CHUNK_BYTES) {
        await this.give(part.bytes.subarray(at, at + CHUNK_BYTES));
      }
      this.cursor = part.cursor;
      if (this.closed) return;
      if (!this.holding) this.hold();
      else if (this.log.taken(this.cursor)) this.options.ring();
    }
  }

  private async give(bytes: Buffer): Promise<void> {
    const given = this.options.output(bytes);
    if (given === undefined) return;
    const { patienceMs } = this.options;
    const timer = Number.isFinite(patienceMs) ? setTimeout(() => this.letGo(), patienceMs) : undefined;
    try {
      await given;
    } finally {
      clearTimeout(timer);
    }
  }

  private hold(): void {
    if (!this.options.hold) return;
    this.log.hold(this.cursor);
    this.holding = true;
  }

  private letGo(): void {
    if (!this.holding) return;
    this.holding = false;
    if (this.log.release()) this.options.ring();
  }
}
