// What waits to be sent, on disk: a bounded queue that outlives the process.
//
// The idea. Every entry has a class, and what is worth most goes last when there is no room: security, acks, events, telemetry. Entries are
// records of a log (record-log.ts); what was sent is a record too, and both go when the log is written anew. Dropped entries leave a
// count and the span of time that they came from, which the receiver is told.
//
// When the disk refuses (full, read-only), entries are kept in memory under the same bounds, counted as unsafe, and written when it
// takes them again.

import { RecordLog } from "./record-log.ts";

/** In the order in which they are given up. */
export const OUTBOX_CLASSES = ["telemetry", "event", "ack", "security"] as const;
export type OutboxClass = (typeof OUTBOX_CLASSES)[number];

export interface OutboxEntry {
  class: OutboxClass;
  /** Rises with every entry, over restarts too. */
  sequence: number;
  /** Seconds since 1970. */
  time: number;
  payload: Uint8Array;
}

/** Entries of a class that were dropped since the receiver was last told. */
export interface OutboxLoss {
  count: number;
  /** Seconds since 1970 of the first and the last of them. */
  from: number;
  to: number;
}

export interface OutboxLimits {
  bytesMax: number;
  countMax: number;
  ageMaxSeconds: number;
}

const LIMITS: OutboxLimits = { bytesMax: 1 << 20, countMax: 5_000, ageMaxSeconds: 7 * 86_400 };
const ENTRY_OVERHEAD_BYTES = 32;
/** The log is written anew when it holds this much more than what is worth keeping. */
const WASTE_BYTES = 256 << 10;
/** Seconds between two tries to write to a disk that refused. */
const RETRY_SECONDS = 10;

const KIND_ENTRY = 1;
const KIND_SENT = 2;
const KIND_LOSS = 3;
const KIND_NEXT = 4;

export class Outbox {
  private readonly path: string;
  private log: RecordLog | null = null;
  private readonly limits: OutboxLimits;
  private readonly now: () => number;
  /** By sequence; a Map keeps the order of insertion, so the oldest come first. */
  private readonly entries = new Map<number, OutboxEntry>();
  private bytes = 0;
  /** How many there are of each class. */
  private readonly counts: Record<OutboxClass, number> = { telemetry: 0, event: 0, ack: 0, security: 0 };
  private nextSequence = 1;
  private readonly losses = new Map<OutboxClass, OutboxLoss>();
  private refusedAt = -Infinity;
  /** Entries that were accepted while the disk refused them. */
  unsafeCount = 0;
  /** Bytes of the file that were damaged when it was opened. */
  readonly damagedBytes: number;
  /** Why the disk refused last; empty when it takes what it is given. */
  trouble = "";

  /** Opens or makes the queue at `path`. `now` is seconds since 1970. A disk that refuses is no error: see `trouble`. */
  constructor(path: string, now: () => number, limits: Partial<OutboxLimits> = {}) {
    this.path = path;
    this.now = now;
    this.limits = { ...LIMITS, ...limits };
    let damagedBytes = 0;
    try {
      const opened = RecordLog.open(path, 8 * (this.limits.bytesMax + WASTE_BYTES));
      this.log = opened.log;
      damagedBytes = opened.damagedBytes;
      for (const record of opened.records) this.replay(record);
    } catch (error) {
      this.refused(error as Error);
    }
    this.damagedBytes = damagedBytes;
    this.bound();
  }

  /** How many entries wait. */
  get count(): number {
    return this.entries.size;
  }

  /** The number of the newest entry that was taken; 0: there never was one. */
  get lastSequence(): number {
    return this.nextSequence - 1;
  }

  /** Takes an entry. When it returns true, the entry is on the disk (telemetry: after the next commit()). */
  append(entryClass: OutboxClass, payload: Uint8Array): boolean {
    const entry: OutboxEntry = { class: entryClass, sequence: this.nextSequence, time: this.now(), payload };
    this.keep(entry);
    const safe = this.write([encodeEntry(entry)], entryClass !== "telemetry");
    if (!safe) this.unsafeCount++;
    this.bound();
    return safe;
  }

  /** Puts telemetry on the disk: called after a group of samples. */
  commit(): boolean {
    return this.write([], true);
  }

  /** Up to `count` entries of a class, oldest first. */
  peek(entryClass: OutboxClass, count: number): OutboxEntry[] {
    const found: OutboxEntry[] = [];
    const last = Math.min(count, this.counts[entryClass]);
    for (const entry of this.entries.values()) {
      if (found.length >= last) break;
      if (entry.class === entryClass) found.push(entry);
    }
    return found;
  }

  /** What was dropped of a class and not told yet. */
  loss(entryClass: OutboxClass): OutboxLoss | null {
    return this.losses.get(entryClass) ?? null;
  }

  /** These entries have arrived, and with them the word of `told`. What is sent twice after a cut, the receiver knows by its sequence. */
  sent(sequences: number[], told: { class: OutboxClass; count: number } | null = null): void {
    for (const sequence of sequences) this.forget(sequence);
    const records = [encodeSent(sequences)];
    const loss = told === null ? undefined : this.losses.get(told.class);
    if (told !== null && loss !== undefined) {
      loss.count -= told.count;
      if (loss.count <= 0) this.losses.delete(told.class);
      records.push(encodeLoss(told.class, this.losses.get(told.class) ?? { count: 0, from: 0, to: 0 }));
    }
    this.write(records, false);
    this.compact();
  }

  close(): void {
    this.commit();
    this.log?.close();
  }

  private keep(entry: OutboxEntry): void {
    this.forget(entry.sequence);
    this.entries.set(entry.sequence, entry);
    this.bytes += sizeOf(entry);
    this.counts[entry.class]++;
    this.nextSequence = Math.max(this.nextSequence, entry.sequence + 1);
  }

  private forget(sequence: number): void {
    const entry = this.entries.get(sequence);
    if (entry === undefined) return;
    this.bytes -= sizeOf(entry);
    this.counts[entry.class]--;
    this.entries.delete(sequence);
  }

  /** Makes room: too old, too many, too large. */
  private bound(): void {
    const oldest = this.now() - this.limits.ageMaxSeconds;
    for (const entry of this.entries.values()) {
      // A clock that was set back makes later entries older: each is looked at when it is the oldest.
      if (entry.time >= oldest) break;
      this.drop(entry);
    }
    while (this.entries.size > this.limits.countMax || this.bytes > this.limits.bytesMax) this.drop(this.worst());
    this.compact();
  }

  /** The oldest of the class that is worth least. */
  private worst(): OutboxEntry {
    for (const each of OUTBOX_CLASSES) {
      const [entry] = this.peek(each, 1);
      if (entry !== undefined) return entry;
    }
    throw new RangeError("an empty queue is too large");
  }

  private drop(entry: OutboxEntry): void {
    this.forget(entry.sequence);
    const { time } = entry;
    const { count, from, to } = this.losses.get(entry.class) ?? { count: 0, from: time, to: time };
    const loss = { count: count + 1, from: Math.min(from, time), to: Math.max(to, time) };
    this.losses.set(entry.class, loss);
    this.write([encodeSent([entry.sequence]), encodeLoss(entry.class, loss)], false);
  }

  /** Writes records, and with `sync` puts them on the disk. False: the disk refuses; what they say is in memory. */
  private write(records: Uint8Array[], sync: boolean): boolean {
    if (this.trouble !== "" && !this.recover()) return false;
    try {
      if (records.length > 0) this.log!.append(records);
      if (sync) this.log!.sync();
      return true;
    } catch (error) {
      this.refused(error as Error);
      return false;
    }
  }

  /** Tries a disk that refused again: the file is written from what is in memory. */
  private recover(): boolean {
    if (this.now() - this.refusedAt < RETRY_SECONDS) return false;
    try {
      this.log ??= RecordLog.open(this.path, 0).log;
      this.rewrite();
      this.trouble = "";
      return true;
    } catch (error) {
      this.refused(error as Error);
      return false;
    }
  }

  private refused(error: Error): void {
    this.trouble = error.message;
    this.refusedAt = this.now();
  }

  private compact(): void {
    if (this.log === null || this.trouble !== "" || this.log.size < 2 * this.bytes + WASTE_BYTES) return;
    try {
      this.rewrite();
    } catch (error) {
      this.refused(error as Error);
    }
  }

  private rewrite(): void {
    this.log!.rewrite([
      encodeNumbers(KIND_NEXT, [this.nextSequence]),
      ...[...this.losses].map(([each, loss]) => encodeLoss(each, loss)),
      ...[...this.entries.values()].map(encodeEntry),
    ]);
  }

  private replay(record: Uint8Array): void {
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    const numbers = (): number[] =>
      Array.from({ length: (record.length - 1) >> 3 }, (_, n) => view.getFloat64(1 + 8 * n, true));
    switch (record[0]) {
      case KIND_ENTRY: {
        const entryClass = OUTBOX_CLASSES[record[1]!];
        if (entryClass === undefined || record.length < ENTRY_HEADER_BYTES) return;
        const [sequence, time] = [view.getFloat64(2, true), view.getFloat64(10, true)];
        this.keep({ class: entryClass, sequence, time, payload: record.slice(ENTRY_HEADER_BYTES) });
        return;
      }
      case KIND_SENT:
        for (const sequence of numbers()) this.forget(sequence);
        return;
      case KIND_LOSS: {
        const [index, count, from, to] = numbers() as [number, number, number, number];
        const entryClass = OUTBOX_CLASSES[index];
        if (entryClass === undefined) return;
        if (count > 0) this.losses.set(entryClass, { count, from, to });
        else this.losses.delete(entryClass);
        return;
      }
      case KIND_NEXT:
        this.nextSequence = Math.max(this.nextSequence, numbers()[0] ?? 1);
    }
  }
}

const ENTRY_HEADER_BYTES = 18;

function sizeOf(entry: OutboxEntry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}

function encodeEntry(entry: OutboxEntry): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES + entry.payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = KIND_ENTRY;
  bytes[1] = OUTBOX_CLASSES.indexOf(entry.class);
  view.setFloat64(2, entry.sequence, true);
  view.setFloat64(10, entry.time, true);
  bytes.set(entry.payload, ENTRY_HEADER_BYTES);
  return bytes;
}

function encodeSent(sequences: number[]): Uint8Array {
  return encodeNumbers(KIND_SENT, sequences);
}

function encodeLoss(entryClass: OutboxClass, { count, from, to }: OutboxLoss): Uint8Array {
  return encodeNumbers(KIND_LOSS, [OUTBOX_CLASSES.indexOf(entryClass), count, from, to]);
}

function encodeNumbers(kind: number, numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(1 + 8 * numbers.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kind;
  numbers.forEach((number, n) => view.setFloat64(1 + 8 * n, number, true));
  return bytes;
}
