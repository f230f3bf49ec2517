// The event ring: what the host hears of the hypervisor. A full ring counts what it loses; the records tell the state anyway.

import {
  EVENTS,
  EVENT_BYTES,
  EVENT_COUNT,
  EVENT_HEAD,
  EVENT_KIND,
  EVENT_LOST,
  EVENT_PARTITION,
  EVENT_REASON,
  EVENT_TAIL,
  EVENT_TIME,
  EVENT_VALUE,
} from "../abi/hypervisor";
import { state } from "./state";

export function eventPut(kind: u32, partition: u32, reason: u32, value: u64): void {
  const head = load<u32>(EVENT_HEAD);
  if (head - load<u32>(EVENT_TAIL) >= EVENT_COUNT) {
    store<u32>(EVENT_LOST, load<u32>(EVENT_LOST) + 1);
    return;
  }
  const at = EVENTS + (head & (EVENT_COUNT - 1)) * EVENT_BYTES;
  store<u16>(at + EVENT_KIND, <u16>kind);
  store<u16>(at + EVENT_PARTITION, <u16>partition);
  store<u32>(at + EVENT_REASON, reason);
  store<u64>(at + EVENT_TIME, state.now);
  store<u64>(at + EVENT_VALUE, value);
  store<u32>(EVENT_HEAD, head + 1);
}
