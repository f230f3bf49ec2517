// The kernel worker's side of the disk: takes requests out of the machine's table, and completes them.
//
// realtime       pieces go to the I/O worker, and a completion is an input like any other.
// deterministic  the request is served here and now, at the instruction at which the machine left run().

import {
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_REQUESTS,
  BLOCK_REQUEST_BYTES,
  BLOCK_REQUEST_COUNT,
  BLOCK_REQUEST_OPERATION,
  BLOCK_REQUEST_SECTOR_COUNT,
  BLOCK_REQUEST_SECTOR_HIGH,
  BLOCK_REQUEST_SECTOR_LOW,
  BLOCK_REQUEST_SEGMENTS,
  BLOCK_REQUEST_SEGMENT_COUNT,
  BLOCK_REQUEST_STATE,
  BLOCK_SEGMENT_MAX,
  BLOCK_TAKEN,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
} from "../../kernel/abi/layout.ts";
import { SECTOR_BYTES, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED, type BlockStore } from "./block-store.ts";
import type { DiskQueue } from "./disk-queue.ts";
import type { Machine } from "./machine.ts";
import type { Doorbell } from "./mailbox.ts";

/** Bytes of data at a time when this thread serves. */
const PIECE_BYTES = 32 << 10;

interface Transfer {
  operation: number;
  sector: number;
  byteCount: number;
  /** Bytes that are done. */
  done: number;
  /** Bytes of the piece under way. */
  piece: number;
  segments: Uint8Array[];
}

export class DiskService {
  private readonly transfers: (Transfer | null)[] = Array.from({ length: BLOCK_REQUEST_COUNT }, () => null);
  private underWay = 0;
  private readonly machine: Machine;
  private readonly queue: DiskQueue | null;
  private readonly store: BlockStore | null;
  private readonly scratch: Uint8Array;
  private readonly pieceBytes: number;

  /** With a queue, the I/O worker serves; with a store, this thread does. */
  constructor(machine: Machine, backend: { queue: DiskQueue } | { store: BlockStore } | null) {
    this.machine = machine;
    this.queue = backend !== null && "queue" in backend ? backend.queue : null;
    this.store = backend !== null && "store" in backend ? backend.store : null;
    this.pieceBytes = this.queue?.pieceBytes ?? PIECE_BYTES;
    this.scratch = new Uint8Array(this.store === null ? 0 : PIECE_BYTES);
  }

  /** Whether requests are with the I/O worker. */
  get busy(): boolean {
    return this.underWay > 0;
  }

  /** Takes every pending request. Call it when run() returned: devices raise RUN_IO, but a heavier reason may hide it. */
  takeRequests(): void {
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      const at = BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES;
      // An entry whose earlier request was cancelled by a device reset may be in use again while its piece is still under way.
      if (this.machine.word(at + BLOCK_REQUEST_STATE) !== BLOCK_PENDING || this.transfers[slot] !== null) continue;
      this.machine.setWord(at + BLOCK_REQUEST_STATE, BLOCK_TAKEN);
      const transfer = this.readRequest(at);
      if (typeof transfer === "number") this.machine.blockComplete(slot, transfer);
      else if (this.store !== null) this.machine.blockComplete(slot, this.serveHere(transfer, this.store));
      else if (this.queue !== null) {
        this.transfers[slot] = transfer;
        this.underWay++;
        this.submitPiece(slot, transfer, this.queue);
      } else this.machine.blockComplete(slot, STATUS_ERROR);
    }
  }

  /** Looks for finished pieces; true when a request was completed. */
  takeCompletions(): boolean {
    if (this.queue === null || this.underWay === 0) return false;
    let any = false;
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      const transfer = this.transfers[slot];
      if (transfer === null || transfer === undefined) continue;
      const status = this.queue.finished(slot);
      if (status === null) continue;
      const at = BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES;
      const wanted = this.machine.word(at + BLOCK_REQUEST_STATE) === BLOCK_TAKEN;
      if (wanted && status === STATUS_OK && transfer.operation === BLOCK_READ) {
        scatter(this.queue.data(slot).subarray(0, transfer.piece), transfer.segments, transfer.done);
      }
      transfer.done += transfer.piece;
      if (wanted && status === STATUS_OK && transfer.done < transfer.byteCount) {
        this.submitPiece(slot, transfer, this.queue);
        continue;
      }
      this.transfers[slot] = null;
      this.underWay--;
      if (wanted) this.machine.blockComplete(slot, status);
      any = true;
    }
    return any;
  }

  /** Forgets what is under way: the machine is about to be reset, or is gone. Sleeps until no piece is with the I/O worker. */
  settle(doorbell: Doorbell): void {
    if (this.queue === null) return;
    for (;;) {
      const heard = doorbell.heard();
      let waiting = false;
      for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
        if (this.transfers[slot] === null) continue;
        if (this.queue.finished(slot) === null) waiting = true;
        else {
          this.transfers[slot] = null;
          this.underWay--;
        }
      }
      if (!waiting) return;
      doorbell.sleep(heard, Infinity);
    }
  }

  /** A request as a transfer, or the status to refuse it with. The device has checked that segments lie in guest RAM; the
   *  bounds are checked again, because this is the last place before host memory is copied. */
  private readRequest(at: number): Transfer | number {
    const { machine } = this;
    const operation = machine.word(at + BLOCK_REQUEST_OPERATION);
    const sector = machine.word(at + BLOCK_REQUEST_SECTOR_LOW) + machine.word(at + BLOCK_REQUEST_SECTOR_HIGH) * 2 ** 32;
    const transfer: Transfer = { operation, sector, byteCount: 0, done: 0, piece: 0, segments: [] };
    if (operation === BLOCK_FLUSH) return transfer;
    if (operation === BLOCK_DISCARD || operation === BLOCK_WRITE_ZEROES) {
      transfer.byteCount = machine.word(at + BLOCK_REQUEST_SECTOR_COUNT) * SECTOR_BYTES;
      return transfer;
    }
    if (operation !== BLOCK_READ && operation !== BLOCK_WRITE) return STATUS_UNSUPPORTED;
    const count = machine.word(at + BLOCK_REQUEST_SEGMENT_COUNT);
    if (count > BLOCK_SEGMENT_MAX) return STATUS_ERROR;
    for (let index = 0; index < count; index++) {
      const offset = machine.word(at + BLOCK_REQUEST_SEGMENTS + index * 8);
      const length = machine.word(at + BLOCK_REQUEST_SEGMENTS + index * 8 + 4);
      if (offset + length > machine.bytes.length) return STATUS_ERROR;
      transfer.segments.push(machine.bytes.subarray(offset, offset + length));
      transfer.byteCount += length;
    }
    return transfer.byteCount % SECTOR_BYTES === 0 ? transfer : STATUS_ERROR;
  }

  private submitPiece(slot: number, transfer: Transfer, queue: DiskQueue): void {
    transfer.piece = this.nextPiece(transfer);
    if (transfer.operation === BLOCK_WRITE)
      gather(queue.data(slot).subarray(0, transfer.piece), transfer.segments, transfer.done);
    const sector = transfer.sector + transfer.done / SECTOR_BYTES;
    queue.submit(slot, { operation: transfer.operation, sector, byteCount: transfer.piece });
  }

  /** Only data passes in pieces: a discard of a whole disk is one request. */
  private nextPiece(transfer: Transfer): number {
    const left = transfer.byteCount - transfer.done;
    const data = transfer.operation === BLOCK_READ || transfer.operation === BLOCK_WRITE;
    return data ? Math.min(left, this.pieceBytes) : left;
  }

  private serveHere(transfer: Transfer, store: BlockStore): number {
    do {
      const piece = this.nextPiece(transfer);
      const data = this.scratch.subarray(0, Math.min(piece, PIECE_BYTES));
      if (transfer.operation === BLOCK_WRITE) gather(data, transfer.segments, transfer.done);
      const status = store.serve(transfer.operation, transfer.sector + transfer.done / SECTOR_BYTES, piece, data);
      if (status !== STATUS_OK) return status;
      if (transfer.operation === BLOCK_READ) scatter(data, transfer.segments, transfer.done);
      transfer.done += piece;
    } while (transfer.done < transfer.byteCount);
    return STATUS_OK;
  }
}

/** Copies `data` into the segments, from byte `skip` of them on. */
export function scatter(data: Uint8Array, segments: Uint8Array[], skip: number): void {
  eachPart(data.length, segments, skip, (segment, at) => segment.set(data.subarray(at, at + segment.length)));
}

/** Copies the segments' bytes, from byte `skip` on, into `data`. */
export function gather(data: Uint8Array, segments: Uint8Array[], skip: number): void {
  eachPart(data.length, segments, skip, (segment, at) => data.set(segment, at));
}

function eachPart(
  length: number,
  segments: Uint8Array[],
  skip: number,
  visit: (part: Uint8Array, at: number) => void,
): void {
  let at = 0;
  for (const segment of segments) {
    if (skip >= segment.length) {
      skip -= segment.length;
      continue;
    }
    const part = segment.subarray(skip, skip + length - at);
    visit(part, at);
    at += part.length;
    skip = 0;
    if (at === length) return;
  }
}
