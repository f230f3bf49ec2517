// Which virtio device is in which slot: the one place that asks. A device has its line in each function here.

import {
  CONFIG_DEVICES,
  DEVICE_BALLOON,
  DEVICE_BLOCK,
  DEVICE_CONSOLE,
  DEVICE_ENTROPY,
  DEVICE_NETWORK,
  VIRTIO_SLOT_COUNT,
  WORK_VISITS,
} from "../../../abi/layout";
import { WORK_RESET, WORK_VISIT, work, workFull, workVisits } from "../work";
import {
  VIRTIO_SLOT_BALLOON,
  VIRTIO_SLOT_BLOCK,
  VIRTIO_SLOT_CONSOLE,
  VIRTIO_SLOT_ENTROPY,
  VIRTIO_SLOT_NETWORK,
} from "../../memory-map";
import {
  BALLOON_DEVICE_ID,
  BALLOON_QUEUE_COUNT,
  BALLOON_QUEUE_SIZE,
  balloonConfig,
  balloonConfigWrite,
  balloonFeatures,
  balloonKick,
  balloonReset,
  balloonTick,
} from "./balloon";
import { BLOCK_DEVICE_ID, BLOCK_QUEUE_SIZE, blockConfig, blockFeatures, blockKick, blockReset } from "./block";
import {
  CONSOLE_DEVICE_ID,
  CONSOLE_QUEUE_SIZE,
  consoleConfig,
  consoleConfigWrite,
  consoleFeatures,
  consoleKick,
  consoleQueueCount,
  consoleTick,
} from "./console";
import { ENTROPY_DEVICE_ID, ENTROPY_QUEUE_SIZE, entropyKick, entropyTick } from "./entropy";
import {
  NET_DEVICE_ID,
  NET_QUEUE_COUNT,
  NET_QUEUE_SIZE,
  netConfig,
  netFeatures,
  netFeaturesFit,
  netKick,
  netReset,
  netTick,
} from "./net";
import { QUEUE_SIZE_MAX, queueAt, queueDisable } from "./queue";
import { FEATURE_ANY_LAYOUT, FEATURE_EVENT_IDX, FEATURE_INDIRECT_DESC, slotAt, slotClear, slotLegacy } from "./slot";

/** The virtio device ID in a slot, 0 for none. */
export function slotDeviceId(index: u32): u32 {
  const devices = load<u32>(CONFIG_DEVICES);
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
      return devices & DEVICE_BLOCK ? BLOCK_DEVICE_ID : 0;
    case VIRTIO_SLOT_CONSOLE:
      return devices & DEVICE_CONSOLE ? CONSOLE_DEVICE_ID : 0;
    case VIRTIO_SLOT_ENTROPY:
      return devices & DEVICE_ENTROPY ? ENTROPY_DEVICE_ID : 0;
    case VIRTIO_SLOT_BALLOON:
      return devices & DEVICE_BALLOON ? BALLOON_DEVICE_ID : 0;
    case VIRTIO_SLOT_NETWORK:
      return devices & DEVICE_NETWORK ? NET_DEVICE_ID : 0;
    default:
      return 0;
  }
}

/** Feature bits 0..31 that the device in the slot offers. */
export function slotFeatures(index: u32): u32 {
  const common = FEATURE_INDIRECT_DESC | FEATURE_EVENT_IDX | (slotLegacy(index) ? FEATURE_ANY_LAYOUT : 0);
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
      return common | blockFeatures();
    case VIRTIO_SLOT_CONSOLE:
      return common | consoleFeatures();
    case VIRTIO_SLOT_BALLOON:
      return common | balloonFeatures();
    case VIRTIO_SLOT_NETWORK:
      return common | netFeatures();
    default:
      return common;
  }
}

/** Whether what the driver took of the features 0..31 fits together (§2.2: some depend on others). */
export function slotFeaturesFit(index: u32, taken: u32): bool {
  return index != VIRTIO_SLOT_NETWORK || netFeaturesFit(taken);
}

/** Virtqueues of the slot, 0 without a device. */
export function slotQueueCount(index: u32): u32 {
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
    case VIRTIO_SLOT_ENTROPY:
      return 1;
    case VIRTIO_SLOT_CONSOLE:
      return consoleQueueCount();
    case VIRTIO_SLOT_BALLOON:
      return BALLOON_QUEUE_COUNT;
    case VIRTIO_SLOT_NETWORK:
      return slotDeviceId(index) ? NET_QUEUE_COUNT : 0;
    default:
      return 0;
  }
}

/** QueueNumMax of the slot. A driver of the legacy transport may have its size built in: there it is QEMU's. Linux fills a queue with buffers, or
 *  keeps a request for each entry: the modern ones are as large as they need be. */
export function slotQueueSize(index: u32): u32 {
  if (slotLegacy(index)) return QUEUE_SIZE_MAX;
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
      return BLOCK_QUEUE_SIZE;
    case VIRTIO_SLOT_CONSOLE:
      return CONSOLE_QUEUE_SIZE;
    case VIRTIO_SLOT_ENTROPY:
      return ENTROPY_QUEUE_SIZE;
    case VIRTIO_SLOT_NETWORK:
      return NET_QUEUE_SIZE;
    default:
      return BALLOON_QUEUE_SIZE;
  }
}

/** One visit of virtqueue `queue`, or a step of one: the device asks for the next visit itself. */
function visit(index: u32, queue: u32): void {
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
      return blockKick();
    case VIRTIO_SLOT_CONSOLE:
      return consoleKick(queue);
    case VIRTIO_SLOT_ENTROPY:
      return entropyKick();
    case VIRTIO_SLOT_NETWORK:
      return netKick(queue);
    default:
      return balloonKick(queue);
  }
}

/** A word of the configuration space. */
export function slotConfig(index: u32, offset: u32): u32 {
  switch (index) {
    case VIRTIO_SLOT_BLOCK:
      return blockConfig(offset);
    case VIRTIO_SLOT_CONSOLE:
      return consoleConfig(offset);
    case VIRTIO_SLOT_BALLOON:
      return balloonConfig(offset);
    case VIRTIO_SLOT_NETWORK:
      return netConfig(offset);
    default:
      return 0;
  }
}

/** The driver writes `size` bytes into the configuration space. */
export function slotConfigWrite(index: u32, offset: u32, value: u32, size: u32): void {
  if (index == VIRTIO_SLOT_CONSOLE) consoleConfigWrite(offset, value);
  else if (index == VIRTIO_SLOT_BALLOON) balloonConfigWrite(offset, value, size);
}

const SLOTS: u32 = (1 << VIRTIO_SLOT_COUNT) - 1;

/** Visits virtqueues until enough is owed for one step (work), in the order of slots and queues. */
export function slotsContinue(): void {
  while (workVisits() & SLOTS && !workFull()) {
    const index = ctz<u32>(workVisits());
    const slot = slotAt(index);
    if (slot.visits) {
      const queue = ctz<u32>(slot.visits);
      slot.visits &= slot.visits - 1;
      work(WORK_VISIT);
      visit(index, queue);
    }
    if (!slot.visits) store<u32>(WORK_VISITS, workVisits() & ~(1 << index));
  }
}

/** Looks for what the host has brought. */
export function slotsTick(): void {
  if (slotDeviceId(VIRTIO_SLOT_CONSOLE)) consoleTick();
  if (slotDeviceId(VIRTIO_SLOT_ENTROPY)) entropyTick();
  if (slotDeviceId(VIRTIO_SLOT_BALLOON)) balloonTick();
  if (slotDeviceId(VIRTIO_SLOT_NETWORK)) netTick();
}

/** A queue out of use takes the requests that came from it along. */
export function slotQueueStop(index: u32, queueIndex: u32): void {
  queueDisable(index, queueIndex);
  if (index == VIRTIO_SLOT_BLOCK) blockReset();
}

/** Power-on state, for whatever is in the slot. */
export function slotReset(index: u32): void {
  work(WORK_RESET);
  slotClear(index);
  if (index == VIRTIO_SLOT_BLOCK) blockReset();
  else if (index == VIRTIO_SLOT_BALLOON) balloonReset();
  else if (index == VIRTIO_SLOT_NETWORK && slotDeviceId(index)) netReset();
  for (let n: u32 = 0; n < slotQueueCount(index); n++) queueAt(index, n).size = slotQueueSize(index);
}
