// The hypervisor's two rings, read: events and audit records.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import type { HandsetEvent } from "../../view.ts";
import { stateName } from "../between/reason-text.ts";
import type { HypervisorExports } from "./exports.ts";
import type { HypervisorMemory } from "./memory.ts";

const EVENT_KINDS: Record<number, string> = {
  [abi.EVENT_FAULT]: "fault",
  [abi.EVENT_CPU_EXHAUSTED]: "cpu-exhausted",
  [abi.EVENT_ENERGY_EMPTY]: "energy-empty",
  [abi.EVENT_BUDGET]: "budget",
  [abi.EVENT_RESTART]: "restart",
  [abi.EVENT_CHANNEL]: "channel",
};

const NO_RECORDS = new Uint8Array(0);
const NO_EVENTS: readonly HandsetEvent[] = [];

export class HypervisorRings {
  private readonly told: HandsetEvent[] = [];
  private readonly memory: HypervisorMemory;
  private readonly exports: HypervisorExports;

  constructor(memory: HypervisorMemory, exports: HypervisorExports) {
    this.memory = memory;
    this.exports = exports;
  }

  /** Something that the host saw: an event, and a record in the audit. `partition` may be NO_PARTITION. */
  tell(kind: string, partition: number, reason: number, value: number): void {
    this.exports.auditNote(partition, reason, value >>> 0, Math.floor(value / 2 ** 32));
    this.told.push({ kind, partition, reason, timeNs: this.exports.hypervisorNow(), value });
  }

  /** Takes everything out of the event ring, and what was told since. */
  events(): readonly HandsetEvent[] {
    const head = this.memory.word(abi.EVENT_HEAD);
    let tail = this.memory.word(abi.EVENT_TAIL);
    if (head === tail && this.told.length === 0) return NO_EVENTS;
    const found: HandsetEvent[] = [];
    for (; tail !== head; tail = (tail + 1) >>> 0) {
      const at = abi.EVENTS + (tail % abi.EVENT_COUNT) * abi.EVENT_BYTES;
      const kind = this.memory.half(at + abi.EVENT_KIND);
      found.push({
        kind:
          kind === abi.EVENT_STATE
            ? stateName(this.memory.wide(at + abi.EVENT_VALUE))
            : (EVENT_KINDS[kind] ?? "unknown"),
        partition: this.memory.half(at + abi.EVENT_PARTITION),
        reason: this.memory.word(at + abi.EVENT_REASON),
        timeNs: this.memory.wide(at + abi.EVENT_TIME),
        value: this.memory.wide(at + abi.EVENT_VALUE),
      });
    }
    this.memory.set(abi.EVENT_TAIL, tail);
    found.push(...this.told.splice(0));
    return found;
  }

  /** Takes everything out of the audit ring: records of AUDIT_BYTES, oldest first. */
  takeAudit(): Uint8Array {
    const head = this.memory.word(abi.AUDIT_HEAD);
    const tail = this.memory.word(abi.AUDIT_TAIL);
    // This runs in each round of the loop: nothing is made when there is nothing.
    if (head === tail) return NO_RECORDS;
    const taken = new Uint8Array(((head - tail) >>> 0) * abi.AUDIT_BYTES);
    for (let n = 0; n < taken.length / abi.AUDIT_BYTES; n++) {
      const at = abi.AUDITS + ((tail + n) % abi.AUDIT_COUNT) * abi.AUDIT_BYTES;
      taken.set(this.memory.bytes.subarray(at, at + abi.AUDIT_BYTES), n * abi.AUDIT_BYTES);
    }
    this.memory.set(abi.AUDIT_TAIL, head);
    return taken;
  }

  /** Audit records that found the ring full, since the start. */
  get auditLost(): number {
    return this.memory.word(abi.AUDIT_LOST);
  }

  /** SHA-256 of the audit ring's last record, in hexadecimal: it covers everything before it. */
  auditHash(): string {
    return Buffer.from(this.memory.bytes.subarray(abi.AUDIT_HASH, abi.AUDIT_HASH + 32)).toString("hex");
  }
}
