// virtio-console with several ports. VIRTIO 1.2 §5.3.
//
// Virtio port p is console ring p + 1. Port 0 is a console (hvc0); the others are plain character ports, named
// org.pocketvisor.N. Bytes for a port that the guest has not opened wait in their ring. What a port writes goes to its ring as
// far as there is room; the chain stays next in its queue until all of it is out, so a slow host stops the guest and loses nothing.
//
// Control messages to the driver are bits, not a list: at most one of each kind waits for a port, whatever the guest asks.

import { CONFIG_CONSOLE_PORTS, VIRTIO_BUFFER } from "../../../abi/layout";
import { VIRTIO_SLOT_CONSOLE } from "../../memory-map";
import { workFull } from "../work";
import {
  consoleInputAt,
  consoleInputCount,
  consoleInputHead,
  consoleInputRun,
  consoleInputUsed,
  consoleOutputAt,
  consoleOutputPut,
  consoleOutputRun,
  consoleOutputUsed,
} from "../console-ring";
import {
  chainHead,
  chainRead,
  chainRead32,
  chainReadBytes,
  chainWrite,
  chainWriteBytes,
  queueKeepProgress,
  queueNext,
  queueOpen,
  queueProgress,
  queuePush,
  queueSignal,
  queueTake,
} from "./queue";
import { slotBreak, slotHasFeature, slotOwn, slotVisit } from "./slot";

export const CONSOLE_DEVICE_ID: u32 = 3;
export const CONSOLE_QUEUE_SIZE: u32 = 64;
const PORTS_MAX: u32 = 4;

// Feature bits (§5.3.3)
const F_MULTIPORT: u32 = 1 << 1;
const F_EMERG_WRITE: u32 = 1 << 2;

// Configuration space (§5.3.4): the size would stand at 0
const MAX_NR_PORTS: u32 = 4;
const EMERG_WR: u32 = 8;

// Queues (§5.3.2): port 0 has 0 and 1, port p > 0 has 2p + 2 and 2p + 3.
const QUEUE_CONTROL_RECEIVE: u32 = 2;
const QUEUE_CONTROL_TRANSMIT: u32 = 3;

// Control messages (§5.3.6.2): id u32, event u16, value u16
const DEVICE_READY: u32 = 0;
const DEVICE_ADD: u32 = 1;
const PORT_READY: u32 = 3;
const CONSOLE_PORT: u32 = 4;
const PORT_OPEN: u32 = 6;
const PORT_NAME: u32 = 7;
const MESSAGE_BYTES: u32 = 8;
const NAME_BYTES: u32 = 17; // "org.pocketvisor.N"
// prettier-ignore
const NAME: StaticArray<u8> = [0x6f, 0x72, 0x67, 0x2e, 0x70, 0x6f, 0x63, 0x6b, 0x65, 0x74, 0x76, 0x69, 0x73, 0x6f, 0x72, 0x2e, 0x30];

/** State:
 *
 *   +0   opened   u32  bit p: the guest has opened port p
 *   +4   stalled  u32  bit p: port p has output that found no room
 *   +8   pending  u32  × PORTS_MAX: bit e of word p: event e is to be sent for port p
 *   +24  seen     u32  × PORTS_MAX: how much input of port p was there at the last look
 */
@unmanaged
class Console {
  opened: u32;
  stalled: u32;
}
const state = changetype<Console>(slotOwn(VIRTIO_SLOT_CONSOLE));
const PENDING: u32 = slotOwn(VIRTIO_SLOT_CONSOLE) + 8;
const SEEN: u32 = PENDING + 4 * PORTS_MAX;

export function consoleFeatures(): u32 {
  return F_MULTIPORT | F_EMERG_WRITE;
}

export function consoleQueueCount(): u32 {
  return 2 + 2 * consolePortCount();
}

export function consoleConfig(offset: u32): u32 {
  return offset == MAX_NR_PORTS ? consolePortCount() : 0;
}

/** §5.3.4 emergency write: a byte to port 0, whatever the state of the queues. */
export function consoleConfigWrite(offset: u32, value: u32): void {
  if (offset == EMERG_WR) consoleOutputPut(1, value);
}

export function consoleKick(index: u32): void {
  if (index == QUEUE_CONTROL_RECEIVE) return consoleSend();
  if (index == QUEUE_CONTROL_TRANSMIT) return consoleControl();
  const port: u32 = index < 2 ? 0 : (index - 2) >>> 1;
  if (port >= consolePortCount()) return;
  if (index & 1) consoleTransmit(port);
  else consoleReceive(port);
}

/** The host may have brought input or made room for output. */
export function consoleTick(): void {
  for (let port: u32 = 0; port < consolePortCount(); port++) {
    // Input that was seen and found no buffer waits for a kick.
    const head = consoleInputHead(port + 1);
    const seen = SEEN + (port << 2);
    if (load<u32>(seen) != head) {
      store<u32>(seen, head);
      slotVisit(VIRTIO_SLOT_CONSOLE, receiveQueue(port));
    }
    if ((state.stalled >>> port) & 1 && consoleOutputRun(port + 1)) {
      slotVisit(VIRTIO_SLOT_CONSOLE, receiveQueue(port) + 1);
    }
  }
}

/** The queue of a port's input; the next one is that of its output. */
function receiveQueue(port: u32): u32 {
  return port ? 2 + 2 * port : 0;
}

/** A step of a port's input to the guest. */
function consoleReceive(port: u32): void {
  const multiport = slotHasFeature(VIRTIO_SLOT_CONSOLE, F_MULTIPORT);
  if (multiport && !((state.opened >>> port) & 1)) return;
  if (!queueOpen(VIRTIO_SLOT_CONSOLE, receiveQueue(port))) return;
  const ring = port + 1;
  while (consoleInputCount(ring) && !workFull() && queueNext()) {
    let written: u32 = 0;
    // Twice, for the ring's bytes may lie across its end.
    for (let pass = 0; pass < 2; pass++) {
      const part = chainWrite(written, consoleInputAt(ring), consoleInputRun(ring));
      consoleInputUsed(ring, part);
      written += part;
    }
    queueTake();
    queuePush(chainHead, written);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_CONSOLE, receiveQueue(port));
  queueSignal();
}

/** A step of a port's output from the guest. */
function consoleTransmit(port: u32): void {
  if (!queueOpen(VIRTIO_SLOT_CONSOLE, receiveQueue(port) + 1)) return;
  const ring = port + 1;
  state.stalled &= ~(1 << port);
  while (!workFull() && queueNext()) {
    let done = queueProgress();
    while (done < chainReadBytes) {
      const part = chainRead(done, consoleOutputAt(ring), consoleOutputRun(ring));
      if (part == 0) break;
      consoleOutputUsed(ring, part);
      done += part;
    }
    if (done < chainReadBytes) {
      queueKeepProgress(done);
      state.stalled |= 1 << port;
      return queueSignal();
    }
    queueTake();
    queuePush(chainHead, 0);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_CONSOLE, receiveQueue(port) + 1);
  queueSignal();
}

/** §5.3.6.2: the driver's control messages. */
function consoleControl(): void {
  if (!queueOpen(VIRTIO_SLOT_CONSOLE, QUEUE_CONTROL_TRANSMIT)) return;
  while (!workFull() && queueNext()) {
    if (chainReadBytes >= MESSAGE_BYTES) consoleMessage(chainRead32(0), chainRead32(4) & 0xffff, chainRead32(4) >>> 16);
    queueTake();
    queuePush(chainHead, 0);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_CONSOLE, QUEUE_CONTROL_TRANSMIT);
  slotVisit(VIRTIO_SLOT_CONSOLE, QUEUE_CONTROL_RECEIVE);
  queueSignal();
}

function consoleMessage(port: u32, event: u32, value: u32): void {
  if (event == DEVICE_READY) {
    for (let p: u32 = 0; value == 1 && p < consolePortCount(); p++) consolePend(p, DEVICE_ADD);
    return;
  }
  if (port >= consolePortCount()) return;
  if (event == PORT_READY && value == 1) {
    consolePend(port, port ? PORT_NAME : CONSOLE_PORT);
    consolePend(port, PORT_OPEN); // the host's end is always open
  } else if (event == PORT_OPEN) {
    if (value) {
      state.opened |= 1 << port;
      slotVisit(VIRTIO_SLOT_CONSOLE, receiveQueue(port));
    } else state.opened &= ~(1 << port);
  }
}

function consolePend(port: u32, event: u32): void {
  const at = PENDING + (port << 2);
  store<u32>(at, load<u32>(at) | (1 << event));
}

/** Sends what is pending, as far as the driver has buffers: by port, and within it ADD, then CONSOLE_PORT, OPEN, NAME. */
function consoleSend(): void {
  if (!queueOpen(VIRTIO_SLOT_CONSOLE, QUEUE_CONTROL_RECEIVE)) return;
  for (let port: u32 = 0; port < consolePortCount(); port++) {
    const at = PENDING + (port << 2);
    while (load<u32>(at)) {
      if (workFull()) {
        slotVisit(VIRTIO_SLOT_CONSOLE, QUEUE_CONTROL_RECEIVE);
        return queueSignal();
      }
      if (!queueNext()) return queueSignal();
      const event = ctz(load<u32>(at));
      if (chainWriteBytes < MESSAGE_BYTES) return slotBreak(VIRTIO_SLOT_CONSOLE);
      store<u32>(VIRTIO_BUFFER, port);
      store<u32>(VIRTIO_BUFFER, event | ((event == DEVICE_ADD ? 0 : 1) << 16), 4);
      let written = chainWrite(0, VIRTIO_BUFFER, MESSAGE_BYTES);
      if (event == PORT_NAME) {
        memory.copy(VIRTIO_BUFFER, changetype<usize>(NAME), NAME_BYTES);
        store<u8>(VIRTIO_BUFFER + NAME_BYTES - 1, <u8>(0x30 + port));
        written += chainWrite(MESSAGE_BYTES, VIRTIO_BUFFER, NAME_BYTES);
      }
      store<u32>(at, load<u32>(at) & (load<u32>(at) - 1));
      queueTake();
      queuePush(chainHead, written);
    }
  }
  queueSignal();
}

function consolePortCount(): u32 {
  return min<u32>(max<u32>(load<u32>(CONFIG_CONSOLE_PORTS), 1), PORTS_MAX);
}
