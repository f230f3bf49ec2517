// Audit records on their way to the agent. They wait until it says that they lie in its queue: what a killed agent had been given is given to the
// next one again. Up to a bound; what is dropped beyond that is the oldest, and the next batch says how many are missing before it. The
// chain's value before each batch goes with it, so that who has the batch before can tell whether anything is missing in between.

import { AUDIT_BYTES, AUDIT_CHAIN, AUDIT_SEQUENCE } from "../../../kernel/abi/hypervisor.ts";
import type { AuditRecords } from "../../agent-messages.ts";
import type { AuditBacklog } from "./log.ts";

/** 256 KiB. */
const WAITING_MAX = 4096;

export class AuditOutlet {
  /** Oldest first; the first `givenCount` of them have been given to the agent that is there. */
  private waiting: Uint8Array[] = [];
  private givenCount = 0;
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
    this.lostCount += surplus;
    this.drop(surplus);
  }

  /** What has not been given to this agent yet; null: nothing. */
  take(): AuditRecords | null {
    const { waiting, givenCount } = this;
    const records = waiting.slice(givenCount);
    const [first] = records;
    if (first === undefined) return null;
    const chain = givenCount === 0 ? this.chain : chainOf(waiting[givenCount - 1]!);
    this.givenCount = waiting.length;
    return { first: numberOf(first), chain, records, lostCount: givenCount === 0 ? this.lostCount : 0 };
  }

  /** The agent has every record before this number. */
  taken(next: number): void {
    const count = this.waiting.slice(0, this.givenCount).filter((record) => numberOf(record) < next).length;
    if (count === 0) return;
    this.lostCount = 0;
    this.drop(count);
  }

  /** Another agent is to come: it is given everything that waits. */
  again(): void {
    this.givenCount = 0;
  }

  private drop(count: number): void {
    this.chain = chainOf(this.waiting[count - 1]!);
    this.waiting = this.waiting.slice(count);
    this.givenCount = Math.max(0, this.givenCount - count);
  }
}

const chainOf = (record: Uint8Array): Uint8Array => record.slice(AUDIT_CHAIN, AUDIT_BYTES);

function numberOf(record: Uint8Array): number {
  return Number(new DataView(record.buffer, record.byteOffset).getBigUint64(AUDIT_SEQUENCE, true));
}
