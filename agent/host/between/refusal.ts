// A request that was refused, as an error.

import { HostError } from "../../failure.ts";
import type { Refusal } from "../../shell/orders.ts";

/** The hypervisor refused a request: the text says why, with the numbers. */
export class RefusalError extends HostError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, what: string) {
    super("HYPERVISOR_REFUSED", `${what}: ${refusal.text}`);
    this.refusal = refusal;
  }
}

/** A refusal that is not the hypervisor's. */
export function refusalOf(text: string): Refusal {
  return { reason: -1, text, wanted: 0n, committed: 0n, limit: 0n };
}
