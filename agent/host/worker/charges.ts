// What a partition's disk and network are charged with the hypervisor before they move anything, and what it is told when they fail.

import { CHARGE_NETWORK_BYTE } from "../../../kernel/abi/hypervisor.ts";
import { DONE, LIMIT_CAPACITY } from "../../../kernel/abi/reasons.ts";
import type { Radio } from "../../network/radio.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";

/** Whether something may be moved: now, when the hypervisor says so, or never, because it is larger than its limit can hold. */
export type Charged = "now" | "later" | "never";

/** What goes wrong again and again is told once in so long: a guest that reads a broken disk all day must not drive everything else out of the
 *  audit. */
const NOTICE_INTERVAL_NS = 60e9;

export class Charges {
  private readonly hypervisor: Hypervisor;
  private readonly id: number;
  private lossCount = 0;
  private lossToldNs = -Infinity;

  private readonly radio: Radio;

  constructor(hypervisor: Hypervisor, radio: Radio, id: number) {
    this.hypervisor = hypervisor;
    this.radio = radio;
    this.id = id;
  }

  disk(bytes: number): Charged {
    const reason = this.hypervisor.chargeBlock(this.id, bytes);
    if (reason === DONE) return "now";
    if (reason !== LIMIT_CAPACITY) return "later";
    this.tellLoss(LIMIT_CAPACITY);
    return "never";
  }

  /** IP bytes that the guest sends or receives. The radio comes first: what it does not carry takes nothing from a limit. */
  network(bytes: number, direction: "up" | "down"): Charged {
    if (!this.radio.mayMove(this.id, bytes, direction, this.hypervisor.now())) return "later";
    const reason = this.hypervisor.charge(this.id, CHARGE_NETWORK_BYTE, bytes);
    if (reason === DONE) {
      this.radio.moved(this.id, bytes, direction);
      return "now";
    }
    return reason === LIMIT_CAPACITY ? "never" : "later";
  }

  /** The machine ends: it waits for no radio. */
  networkEnds(): void {
    this.radio.drop(this.id, this.hypervisor.now());
  }

  /** Says, in an event and in the audit, that the guest got an I/O error for `reason`. */
  tellLoss(reason: number): void {
    this.lossCount++;
    const now = this.hypervisor.now();
    if (now - this.lossToldNs < NOTICE_INTERVAL_NS) return;
    this.lossToldNs = now;
    this.hypervisor.rings.tell("disk-error", this.id, reason, this.lossCount);
  }
}
