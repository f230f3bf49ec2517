// The handset worker's side of the disk: takes requests out of the machine's table, and completes them.
//
// realtime       pieces go to the I/O worker, and a completion is an input like any other.
// deterministic  the request is served here and now, at the instruction at which the machine left run().
//
// A request is charged once, before it is taken: its operation and the bytes that it moves. One that the partition cannot pay for now
// stays pending in the table, and with it all that come behind it, until release() is called; the guest runs meanwhile.

import {
  BLOCK_CANCELLED,
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_FREE,
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
} from "../../../kernel/abi/layout.ts";
import { SECTOR_BYTES, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "./block-store.ts";
import type { DiskStore } from "./open.ts";
import type { DiskQueue } from "./queue.ts";
import type { Machine } from "../machine/machine.ts";
import type { Doorbell } from "../between/doorbell.ts";

/** Bytes of data at a time when this thread serves. */
const PIECE_BYTES = 32 << 10;

/** Whether a request that moves so many bytes may begin: now, when release() is called, or never. */
export type DiskCharge = (bytes: number) => "now" | "later" | "never";

interface DiskLimits {
  charge: DiskCharge;
  /** The host could not read or write what the guest asked for. */
  lost: () => void;
}

const UNLIMITED: DiskLimits = { charge: () => "now", lost: () => undefined };

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
  /** The entry whose request was refused for now, or -1. */
  private heldSlot = -1;
  private firstSlot = 0;
  private readonly machine: Machine;
  private readonly queue: DiskQueue | null;
  private readonly store: DiskStore | null;
  private readonly scratch: Uint8Array;
  private readonly pieceBytes: number;
  private readonly limits: DiskLimits;

  /** With a queue, the I/O worker serves; with a store, this thread does. */
  constructor(machine: Machine, backend: { queue: DiskQueue } | { store: DiskStore } | null, limits = UNLIMITED) {
    this.machine = machine;
    this.limits = limits;
    this.queue = backend !== null && "queue" in backend ? backend.queue : null;
    this.store = backend !== null && "store" in backend ? backend.store : null;
    this.pieceBytes = this.queue?.pieceBytes ?? PIECE_BYTES;
    this.scratch = new Uint8Array(this.store === null ? 0 : PIECE_BYTES);
  }

  /** Whether requests are with the I/O worker. */
  get busy(): boolean {
    return this.underWay > 0;
  }

  /** What was held back may be asked for again. */
  release(): void {
    this.heldSlot = -1;
  }

  /** Takes every pending request that may begin; true when one was completed. Call it when run() returned: devices raise RUN_IO, but
   *  a heavier reason may hide it. */
  takeRequests(): boolean {
    let any = false;
    // A completion frees an entry, and the device may fill it at once, before or behind this one.
    for (let idle = 0; this.heldSlot < 0 && idle < BLOCK_REQUEST_COUNT; this.nextSlot()) {
      const outcome = this.takeRequest(this.firstSlot);
      if (outcome === "held") break;
      idle = outcome === "nothing" ? idle + 1 : 0;
      any ||= outcome === "completed";
    }
    return any;
  }

  /** The entry that was held back comes first next time, and the others follow it: none is passed over for ever. */
  private nextSlot(): void {
    this.firstSlot = (this.firstSlot + 1) % BLOCK_REQUEST_COUNT;
  }

  private takeRequest(slot: number): "nothing" | "held" | "taken" | "completed" {
    const { machine, store, queue, limits } = this;
    const at = BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES;
    if (machine.word(at + BLOCK_REQUEST_STATE) !== BLOCK_PENDING || this.transfers[slot] !== null) return "nothing";
    const transfer = this.readRequest(at);
    if (typeof transfer === "number") return this.answer(slot, transfer);
    const charged = limits.charge(chargedBytes(transfer));
    if (charged === "never") return this.answer(slot, STATUS_ERROR);
    if (charged === "later") {
      this.heldSlot = slot;
      return "held";
    }
    if (queue !== null) {
      machine.setWord(at + BLOCK_REQUEST_STATE, BLOCK_TAKEN);
      this.transfers[slot] = transfer;
      this.underWay++;
      this.submitPiece(slot, transfer, queue);
      return "taken";
    }
    const status = store === null ? STATUS_ERROR : this.serveHere(transfer, store);
    if (status === STATUS_ERROR) limits.lost();
    return this.answer(slot, status);
  }

  private answer(slot: number, status: number): "completed" {
    this.machine.blockComplete(slot, status);
    return "completed";
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
      const state = this.machine.word(at + BLOCK_REQUEST_STATE);
      const wanted = state === BLOCK_TAKEN;
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
      if (status === STATUS_ERROR) this.limits.lost();
      // An entry that a reset of the device cancelled is out of use until it is handed back.
      if (wanted || state === BLOCK_CANCELLED) this.machine.blockComplete(slot, status);
      any ||= wanted;
    }
    return any;
  }

  /** Forgets what is under way: the machine is about to be reset, or is gone. Sleeps until no piece is with the I/O worker. */
  settle(doorbell: Doorbell): void {
    this.release();
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
          // The reset would take it for cancelled, and nobody would hand it back.
          this.machine.setWord(BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES + BLOCK_REQUEST_STATE, BLOCK_FREE);
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
    // The device has bounded the sum by the disk; what is charged is a u32.
    return transfer.byteCount % SECTOR_BYTES === 0 && transfer.byteCount < 2 ** 32 ? transfer : STATUS_ERROR;
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

  private serveHere(transfer: Transfer, store: DiskStore): number {
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

/** What passes to or from the disk. A discard or a flush moves nothing; zeroes are written. */
function chargedBytes({ operation, byteCount }: Transfer): number {
  return operation === BLOCK_DISCARD || operation === BLOCK_FLUSH ? 0 : byteCount;
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
