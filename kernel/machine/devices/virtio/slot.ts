// A virtio-mmio slot: the state that all virtio devices share, and how a device speaks to its driver.
// VIRTIO 1.2 §2.1 (status), §4.2.2 (registers). The registers themselves are in mmio.

import { CONFIG_VIRTIO, VIRTIO_LEGACY, VIRTIO_SLOT_BYTES, VIRTIO_STATE, WORK_VISITS } from "../../../abi/layout";
import { VIRTIO_IRQ } from "../../memory-map";
import { irqSet } from "../irq";

// Device status (§2.1)
export const STATUS_ACKNOWLEDGE: u32 = 1;
export const STATUS_DRIVER: u32 = 2;
export const STATUS_DRIVER_OK: u32 = 4;
export const STATUS_FEATURES_OK: u32 = 8;
export const STATUS_NEEDS_RESET: u32 = 64;
export const STATUS_FAILED: u32 = 128;

// InterruptStatus (§4.2.2)
export const INTERRUPT_USED: u32 = 1;
export const INTERRUPT_CONFIG: u32 = 2;

// Reserved feature bits (§6) that every device here offers; ANY_LAYOUT is the legacy interface's (§6.3)
export const FEATURE_ANY_LAYOUT: u32 = 1 << 27;
export const FEATURE_INDIRECT_DESC: u32 = 1 << 28;
export const FEATURE_EVENT_IDX: u32 = 1 << 29;
export const FEATURE_VERSION_1_HIGH: u32 = 1 << (32 - 32);

/** State, at the start of the slot's VIRTIO_SLOT_BYTES:
 *
 *   +0x000  status               u32
 *   +0x004  interruptStatus      u32
 *   +0x008  deviceFeaturesSelect u32
 *   +0x00c  driverFeaturesSelect u32
 *   +0x010  driverFeaturesLow    u32  what the driver took, bits 0..31
 *   +0x014  driverFeaturesHigh   u32  bits 32..63
 *   +0x018  driverFeaturesOther  u32  non-zero: bits above 63 were asked for, and none exist
 *   +0x01c  queueSelect          u32
 *   +0x020  configGeneration     u32  survives a reset
 *   +0x024  visits               u32  bit n: virtqueue n is to be visited, for the first time or to go on
 *   +0x028  guestPageSize        u32  legacy: the unit of QueuePFN, 0 before the driver writes it, which makes its slot legacy
 *   +0x040  the device's own, SLOT_OWN_BYTES
 *   +0x1c0  virtqueues, see queue
 */
@unmanaged
export class Slot {
  status: u32;
  interruptStatus: u32;
  deviceFeaturesSelect: u32;
  driverFeaturesSelect: u32;
  driverFeaturesLow: u32;
  driverFeaturesHigh: u32;
  driverFeaturesOther: u32;
  queueSelect: u32;
  configGeneration: u32;
  visits: u32;
  guestPageSize: u32;
}
const OWN: u32 = 0x40;
const QUEUES: u32 = 0x1c0;

/** Whether the slot speaks the legacy transport (§4.2.4): the machine's choice, for all of them; or its driver's, who writes GuestPageSize, which
 *  version 2 does not know. Drivers that never look at the version do so (kvm-unit-tests), up to the next reset. */
export function slotLegacy(index: u32): bool {
  return load<u32>(CONFIG_VIRTIO) == VIRTIO_LEGACY || slotAt(index).guestPageSize != 0;
}

// @ts-ignore: decorator
@inline
export function slotAt(index: u32): Slot {
  return changetype<Slot>(VIRTIO_STATE + index * VIRTIO_SLOT_BYTES);
}

/** Where the device of slot `index` keeps its own state. */
// @ts-ignore: decorator
@inline
export function slotOwn(index: u32): u32 {
  return VIRTIO_STATE + index * VIRTIO_SLOT_BYTES + OWN;
}

/** Where the virtqueues of slot `index` are kept. */
// @ts-ignore: decorator
@inline
export function slotQueues(index: u32): u32 {
  return VIRTIO_STATE + index * VIRTIO_SLOT_BYTES + QUEUES;
}

/** Clears everything that a reset clears (§2.4), queues and the device's own state included. */
export function slotClear(index: u32): void {
  const slot = slotAt(index);
  const generation = slot.configGeneration;
  memory.fill(changetype<usize>(slot), 0, VIRTIO_SLOT_BYTES);
  slot.configGeneration = generation;
  irqSet(VIRTIO_IRQ + index, false);
}

/** Virtqueue `queue` is to be visited: the CPU sees to it before the guest's next instruction (work). */
export function slotVisit(index: u32, queue: u32): void {
  slotAt(index).visits |= 1 << queue;
  store<u32>(WORK_VISITS, load<u32>(WORK_VISITS) | (1 << index));
}

/** Whether the device may touch its queues: the driver is ready and nothing is broken (§3.1.1 step 8, §2.1.2). Drivers of the legacy
 *  interface need not say that they are ready: a queue that is set up is in use (§3.1.2). */
export function slotLive(index: u32): bool {
  if (slotLegacy(index)) return (slotAt(index).status & STATUS_NEEDS_RESET) == 0;
  return (slotAt(index).status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK;
}

export function slotHasFeature(index: u32, bit: u32): bool {
  return (slotAt(index).driverFeaturesLow & bit) != 0;
}

/** Raises INTERRUPT_* bits. */
export function slotInterrupt(index: u32, bits: u32): void {
  slotAt(index).interruptStatus |= bits;
  irqSet(VIRTIO_IRQ + index, true);
}

/** The driver has read and acknowledged INTERRUPT_* bits. */
export function slotAcknowledge(index: u32, bits: u32): void {
  const slot = slotAt(index);
  slot.interruptStatus &= ~bits;
  irqSet(VIRTIO_IRQ + index, slot.interruptStatus != 0);
}

/** The configuration space has changed (§2.5.1). */
export function slotConfigChanged(index: u32): void {
  slotAt(index).configGeneration++;
  if (slotLive(index)) slotInterrupt(index, INTERRUPT_CONFIG);
}

/** The driver broke a rule that leaves the device without footing: nothing moves until it resets the device (§2.1.2). */
export function slotBreak(index: u32): void {
  const live = slotLive(index);
  slotAt(index).status |= STATUS_NEEDS_RESET;
  if (live) slotInterrupt(index, INTERRUPT_CONFIG);
}
