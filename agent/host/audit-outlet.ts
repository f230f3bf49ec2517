// Audit records on their way to the agent. While it is not there they wait, up to a bound; what is dropped beyond that is the oldest, and the next
// batch says how many are missing before it. The chain's value before each batch goes with it, so that who has the batch before can
// tell whether anything is missing in between.

import { AUDIT_BYTES, AUDIT_CHAIN, AUDIT_SEQUENCE } from "../../kernel/abi/hypervisor.ts";
import type { AuditRecords } from "../agent-messages.ts";
import type { AuditBacklog } from "./audit-log.ts";

/** 256 KiB. */
const WAITING_MAX = 4096;

export class AuditOutlet {
  private waiting: Uint8Array[] = [];
  /** The chain's value before the first that waits. */
  private chain: Uint8Array;
  private lostCount = 0;
  private readonly waitingMax: number;

  /** `backlog` is what earlier starts have left untold; the first record of this start goes on from it. */
  constructor({ records, chain, lostCount }: AuditBacklog, waitingMax = WAITING_MAX) {
    this.chain = Uint8Array.from(chain);
    this.lostCount = lostCount;
    this.waitingMax = waitingMax;
    this.add(records);
  }

  /** Takes raw records, oldest first. */
  add(bytes: Uint8Array): void {
    for (let at = 0; at + AUDIT_BYTES <= bytes.length; at += AUDIT_BYTES) {
      this.waiting.push(bytes.slice(at, at + AUDIT_BYTES));
    }
    const surplus = this.waiting.length - this.waitingMax;
    if (surplus <= 0) return;
    this.chain = chainOf(this.waiting[surplus - 1]!);
    this.waiting = this.waiting.slice(surplus);
    this.lostCount += surplus;
  }

  /** Everything that waits, once; null: nothing does. */
  take(): AuditRecords | null {
    const { waiting: records, chain, lostCount } = this;
    const first = records[0];
    if (first === undefined) return null;
    this.chain = chainOf(records.at(-1)!);
    [this.waiting, this.lostCount] = [[], 0];
    const number = new DataView(first.buffer, first.byteOffset).getBigUint64(AUDIT_SEQUENCE, true);
    return { first: Number(number), chain, records, lostCount };
  }
}

const chainOf = (record: Uint8Array): Uint8Array => record.slice(AUDIT_CHAIN, AUDIT_BYTES);
