// Block requests between the handset worker and the I/O worker: a table of slots in shared memory, one slot for each entry of
// the machine's request table. A request that is larger than a slot's buffer passes in pieces, one at a time.

import { BLOCK_REQUEST_COUNT } from "../../../kernel/abi/layout.ts";
import { STATUS_ERROR } from "./block-store.ts";
import { doorbellRing } from "../between/doorbell.ts";

// A slot's words.
const STATE = 0;
const OPERATION = 1;
const SECTOR = 2; // two words
const BYTES = 4; // two words
const STATUS = 6;
const SLOT_WORDS = 8;

const SLOT_IDLE = 0;
const SLOT_SUBMITTED = 1;
const SLOT_DONE = 2;

/** Word 0 is the I/O worker's doorbell, word 1 asks it to end, word 2 says that it is gone, word 3 counts nanoseconds that it has worked,
 *  word 4 pieces that it has done. */
const QUIT = 1;
const LOST = 2;
const SPENT = 3;
const DONE_COUNT = 4;
const FIRST_SLOT = 8;

export interface Piece {
  operation: number;
  sector: number;
  /** Of the data, or of the range that is discarded. */
  byteCount: number;
}

export class DiskQueue {
  readonly buffer: SharedArrayBuffer;
  /** Bytes of data that pass at a time. */
  readonly pieceBytes: number;
  private readonly words: Int32Array;

  /** A new queue with this many bytes for each slot's data, a multiple of a sector, or a view of one made by another thread. */
  constructor(from: SharedArrayBuffer | number) {
    const wordBytes = (FIRST_SLOT + BLOCK_REQUEST_COUNT * SLOT_WORDS) * 4;
    this.buffer = typeof from === "number" ? new SharedArrayBuffer(wordBytes + BLOCK_REQUEST_COUNT * from) : from;
    this.pieceBytes = (this.buffer.byteLength - wordBytes) / BLOCK_REQUEST_COUNT;
    this.words = new Int32Array(this.buffer, 0, wordBytes / 4);
  }

  /** The slot's data. */
  data(slot: number): Uint8Array {
    return new Uint8Array(this.buffer, this.words.byteLength + slot * this.pieceBytes, this.pieceBytes);
  }

  /** Handset worker: hands a piece over; its data is in place already. */
  submit(slot: number, piece: Piece): void {
    const at = FIRST_SLOT + slot * SLOT_WORDS;
    this.words[at + OPERATION] = piece.operation;
    this.setWide(at + SECTOR, piece.sector);
    this.setWide(at + BYTES, piece.byteCount);
    Atomics.store(this.words, at + STATE, SLOT_SUBMITTED);
    doorbellRing(this.words);
  }

  /** Handset worker: whether a piece is in the slot, finished or not. */
  isBusy(slot: number): boolean {
    return Atomics.load(this.words, FIRST_SLOT + slot * SLOT_WORDS + STATE) !== SLOT_IDLE;
  }

  /** Handset worker: the status of a finished piece, whose slot is idle again; null while it is not finished. Without an I/O worker
   *  every piece is an error. */
  finished(slot: number): number | null {
    const at = FIRST_SLOT + slot * SLOT_WORDS;
    // Read in this order: what the worker finished before it went is not lost.
    const lost = Atomics.load(this.words, LOST) === 1;
    const state = Atomics.load(this.words, at + STATE);
    if (state !== SLOT_DONE && !(lost && state === SLOT_SUBMITTED)) return null;
    const status = state === SLOT_DONE ? this.words[at + STATUS]! : STATUS_ERROR;
    Atomics.store(this.words, at + STATE, SLOT_IDLE);
    return status;
  }

  /** I/O worker: the pieces that wait, by slot. */
  submitted(): { slot: number; piece: Piece }[] {
    const found = [];
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      const at = FIRST_SLOT + slot * SLOT_WORDS;
      if (Atomics.load(this.words, at + STATE) !== SLOT_SUBMITTED) continue;
      const piece = {
        operation: this.words[at + OPERATION]!,
        sector: this.wide(at + SECTOR),
        byteCount: this.wide(at + BYTES),
      };
      found.push({ slot, piece });
    }
    return found;
  }

  /** Main thread: a number that changes with every piece that is done, or null when none waits. */
  progress(): number | null {
    let waits = false;
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++)
      waits ||= Atomics.load(this.words, FIRST_SLOT + slot * SLOT_WORDS + STATE) === SLOT_SUBMITTED;
    return waits ? Atomics.load(this.words, DONE_COUNT) : null;
  }

  /** I/O worker: a piece is done. */
  complete(slot: number, status: number): void {
    const at = FIRST_SLOT + slot * SLOT_WORDS;
    Atomics.add(this.words, DONE_COUNT, 1);
    this.words[at + STATUS] = status;
    Atomics.store(this.words, at + STATE, SLOT_DONE);
  }

  /** I/O worker: it has worked so long. */
  spend(nanoseconds: number): void {
    Atomics.add(this.words, SPENT, Math.round(nanoseconds));
  }

  /** Handset worker: nanoseconds that the I/O worker has worked since the last call. */
  takeSpent(): number {
    return Atomics.exchange(this.words, SPENT, 0) >>> 0;
  }

  /** Main thread: there is no I/O worker any more. */
  lose(): void {
    Atomics.store(this.words, LOST, 1);
  }

  /** Asks the I/O worker to end after what it has. */
  quit(): void {
    Atomics.store(this.words, QUIT, 1);
    doorbellRing(this.words);
  }

  /** Main thread: a new I/O worker is about to begin, where one was asked to end. */
  renew(): void {
    // What one that was given up never finished is an error.
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      const at = FIRST_SLOT + slot * SLOT_WORDS;
      if (Atomics.load(this.words, at + STATE) === SLOT_SUBMITTED) this.complete(slot, STATUS_ERROR);
    }
    Atomics.store(this.words, QUIT, 0);
    Atomics.store(this.words, LOST, 0);
  }

  get quitting(): boolean {
    return Atomics.load(this.words, QUIT) === 1;
  }

  /** I/O worker: the doorbell's value, and sleeping until it changes. */
  heard(): number {
    return Atomics.load(this.words, 0);
  }

  sleep(heard: number, milliseconds: number): void {
    Atomics.wait(this.words, 0, heard, milliseconds);
  }

  private setWide(at: number, value: number): void {
    this.words[at] = value | 0;
    this.words[at + 1] = Math.floor(value / 2 ** 32);
  }

  private wide(at: number): number {
    return (this.words[at]! >>> 0) + (this.words[at + 1]! >>> 0) * 2 ** 32;
  }
}
