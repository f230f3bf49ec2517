// Event channels, the guest's side: pending bits of 32 ports, one interrupt for all, and the question that is with the host.
// There are no registers: the guest comes by hypervisor calls (arm/hypercall; devices/README tells how to use them).
//
// The interrupt line is level-sensitive: it is high while an enabled port is pending. Acknowledging a port before looking at it loses
// nothing, because whatever happens after the acknowledgement raises the port again.

import {
  CHANNEL_PORT_COUNT,
  CHANNEL_REQUEST,
  CHANNEL_STATE,
  CONFIG_DEVICES,
  DEVICE_CHANNEL,
  EXIT_REQUEST,
} from "../../abi/layout";
import { RUN_CHANNEL, RUN_REPLAN } from "../../abi/reasons";
import { CHANNEL_IRQ } from "../memory-map";
import { pagesWritten } from "../pages";
import { irqSet } from "./irq";
import { WORK_ASK, work, workPages } from "./work";

/** State:
 *
 *   +0  pending  u32  bit n: port n has news
 *   +4  enabled  u32  bit n: port n may interrupt
 */
@unmanaged
class ChannelState {
  pending: u32;
  enabled: u32;
}
const channel = changetype<ChannelState>(CHANNEL_STATE);

/** The question with the host: kernel/abi/layout CHANNEL_REQUEST_*.
 *
 *   +0  state     u32  1 = the guest waits for an answer
 *   +4  function  u32
 *   +8  port      u32
 *   +12 offset    u32  in linear memory
 *   +16 length    u32
 */
@unmanaged
class ChannelRequest {
  state: u32;
  function: u32;
  port: u32;
  offset: u32;
  length: u32;
}
const request = changetype<ChannelRequest>(CHANNEL_REQUEST);

export function channelReset(): void {
  channel.pending = 0;
  channel.enabled = 0;
  request.state = 0;
  channelLevel();
}

/** Whether this partition has channels at all. */
export function channelPresent(): bool {
  return (load<u32>(CONFIG_DEVICES) & DEVICE_CHANNEL) != 0;
}

/** Port `port` has news. */
export function channelRaise(port: u32): void {
  if (port >= CHANNEL_PORT_COUNT) return;
  channel.pending |= 1 << port;
  channelLevel();
}

export function channelPending(): u32 {
  return channel.pending;
}

/** The guest has seen the ports in `mask`. */
export function channelAcknowledge(mask: u32): void {
  channel.pending &= ~mask;
  channelLevel();
}

/** The ports in `mask` may interrupt, and no others. Returns those that might before. */
export function channelEnable(mask: u32): u32 {
  const before = channel.enabled;
  channel.enabled = mask;
  channelLevel();
  return before;
}

/** Puts a question to the host and leaves run(). [offset, offset + length) is inside guest RAM. Should a weightier exit be under way, the
 *  host finds the question in the request block. */
export function channelAsk(call: u32, port: u32, offset: u32, length: u32): void {
  work(WORK_ASK);
  request.function = call;
  request.port = port;
  request.offset = offset;
  request.length = length;
  request.state = 1;
  const pending = load<u32>(EXIT_REQUEST);
  if (pending == 0 || pending == RUN_REPLAN) store<u32>(EXIT_REQUEST, RUN_CHANNEL);
}

/** The question is answered; `written` bytes of the guest's buffer are new. False when there was none. */
export function channelAnswered(written: u32): bool {
  if (!request.state) return false;
  request.state = 0;
  pagesWritten(request.offset, min<u32>(written, request.length));
  workPages(min<u32>(written, request.length));
  return true;
}

/** The function of the last question. */
export function channelAsked(): u32 {
  return request.function;
}

function channelLevel(): void {
  irqSet(CHANNEL_IRQ, (channel.pending & channel.enabled) != 0);
}
