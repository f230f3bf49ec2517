// The handset worker's side of the disk: takes requests out of the machine's table, and completes them.
//
// realtime       pieces go to the I/O worker, and a completion is an input like any other.
// deterministic  the request is served here and now, at the instruction at which the machine left run().
//
// A request is charged once, before it is taken: its operation and the bytes that it moves. What the I/O worker worked for it is processor time
// of the partition, and is charged before the next piece is handed over. What the partition cannot pay for now waits, and with it all that
// come behind it, until release() is called; the guest runs meanwhile.
//
// A machine that is reset or gone waits for nobody: pieces that are with the I/O worker touch the queue's memory alone. They are orphans then;
// the next machine's requests stay in its table until the last orphan is back, because none may be overtaken.

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

/** Bytes of data at a time when this thread serves. */
const PIECE_BYTES = 32 << 10;

/** Whether a request that moves so many bytes may begin: now, when release() is called, or never. */
export type DiskCharge = (bytes: number) => "now" | "later" | "never";

interface DiskLimits {
  charge: DiskCharge;
  /** The host could not read or write what the guest asked for. */
  lost: () => void;
  /** The I/O worker has worked so many nanoseconds for the partition. */
  spent: (nanoseconds: number) => void;
  /** Whether the partition has paid for what was done for it: else nothing more is done now. */
  paid: () => boolean;
}

const UNLIMITED: DiskLimits = { charge: () => "now", lost: () => undefined, spent: () => undefined, paid: () => true };
/** Zeroes take no memory on their way: they are written in larger pieces. */
const ZERO_PIECE_BYTES = 256 << 10;

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
  /** Slots whose pieces belong to a machine that is not there any more. */
  private readonly orphans = new Set<number>();
  /** Slots whose next piece waits until the partition has paid. */
  private readonly unpaid = new Set<number>();
  /** A request was held back for the same reason. */
  private unpaidSlot = false;
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
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++)
      if (this.queue?.isBusy(slot) === true) this.orphans.add(slot);
  }

  /** Whether requests are with the I/O worker. */
  get busy(): boolean {
    return this.underWay > 0;
  }

  /** Whether pieces of a machine that is gone are still with the I/O worker. */
  get settling(): boolean {
    for (const slot of this.orphans) if (this.queue!.finished(slot) !== null) this.orphans.delete(slot);
    return this.orphans.size > 0;
  }

  /** Whether something waits until the partition has paid. */
  get owing(): boolean {
    return this.unpaid.size > 0 || this.unpaidSlot;
  }

  /** What was held back may be asked for again. */
  release(): void {
    this.heldSlot = -1;
    this.unpaidSlot = false;
    if (this.unpaid.size === 0 || !this.limits.paid()) return;
    for (const slot of [...this.unpaid]) {
      this.unpaid.delete(slot);
      const transfer = this.transfers[slot];
      if (transfer !== null && transfer !== undefined) this.submitPiece(slot, transfer, this.queue!);
    }
  }

  /** Takes every pending request that may begin; true when one was completed. Call it when run() returned: devices raise RUN_IO, but
   *  a heavier reason may hide it. */
  takeRequests(): boolean {
    let any = false;
    if (this.settling || this.unpaid.size > 0) return false;
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
    if (queue !== null && !limits.paid()) {
      this.heldSlot = slot;
      this.unpaidSlot = true;
      return "held";
    }
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
    if (this.queue === null) return false;
    const spent = this.queue.takeSpent();
    if (spent > 0) this.limits.spent(spent);
    if (this.underWay === 0) return false;
    const paid = this.limits.paid();
    let any = false;
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      const transfer = this.transfers[slot];
      if (transfer === null || transfer === undefined || this.unpaid.has(slot)) continue;
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
        if (paid) this.submitPiece(slot, transfer, this.queue);
        else this.unpaid.add(slot);
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

  /** Forgets what is under way: the machine is about to be reset, or is gone. */
  abandon(): void {
    this.release();
    this.unpaid.clear();
    for (let slot = 0; slot < BLOCK_REQUEST_COUNT; slot++) {
      if (this.transfers[slot] === null) continue;
      this.transfers[slot] = null;
      this.underWay--;
      if (this.queue?.isBusy(slot) === true) this.orphans.add(slot);
      // The reset would take it for cancelled, and nobody would hand it back.
      this.machine.setWord(BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES + BLOCK_REQUEST_STATE, BLOCK_FREE);
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

  /** What moves data or writes zeroes passes in pieces; a discard of a whole disk is one request. */
  private nextPiece({ operation, byteCount, done }: Transfer): number {
    const left = byteCount - done;
    if (operation === BLOCK_WRITE_ZEROES) return Math.min(left, ZERO_PIECE_BYTES);
    return operation === BLOCK_READ || operation === BLOCK_WRITE ? Math.min(left, this.pieceBytes) : left;
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
