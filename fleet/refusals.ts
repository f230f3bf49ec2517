// What a device's events say of a policy that it was sent: an event is no report, and is not signed; it can only make a device count as failed
// before its time is up.

import { HANDSET_EVENTS, REASONS, type Reason } from "../agent/wire/reasons.ts";
import type { EventMessage } from "../agent/wire/reports.ts";

/** A device's clock may be behind ours by this much. */
const SKEW_SECONDS = 300;
/** These say nothing of this document: a newer one is in force or out, or they came too fast and come again. */
const NOT_ITS_FAULT: ReadonlySet<Reason> = new Set<Reason>(["rollback", "superseded", "rate"]);

/** Why a device has refused a policy for this partition since `pushedAt`; null: it has not said that it did. */
export function policyRefusal(events: readonly EventMessage[], partition: string, pushedAt: number): Reason | null {
  for (const { time, code, args } of events) {
    if (time < pushedAt - SKEW_SECONDS) continue;
    // The agent names the document in arguments 1 and 2, the handset behind its reason's number.
    const [number, at] = code === HANDSET_EVENTS["document-refused"] ? [args?.get(1), 2] : [code, 1];
    const reason = (Object.keys(REASONS) as Reason[]).find((each) => REASONS[each] === number);
    if (reason === undefined || NOT_ITS_FAULT.has(reason)) continue;
    if (args?.get(at) === "pol" && args.get(at + 1) === partition) return reason;
  }
  return null;
}
