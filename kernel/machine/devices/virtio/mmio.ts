// virtio over MMIO: the registers of all slots. VIRTIO 1.2 §4.2.
//
// The machine's slots speak version 2, or version 1, the legacy interface (§4.2.4): there queues are given by page numbers, features have 32 bits,
// and there is no FEATURES_OK. A driver that speaks version 1 whatever it is told is understood, too (slotLegacy).
//
// A slot without a device reads as one with DeviceID 0, which tells a driver to leave it alone (§4.2.2.2).

import { VIRTIO_SLOT_COUNT } from "../../../abi/layout";
import { queueAt, queueEnable, queueEnableLegacy } from "./queue";
import {
  FEATURE_VERSION_1_HIGH,
  STATUS_ACKNOWLEDGE,
  STATUS_DRIVER,
  STATUS_DRIVER_OK,
  STATUS_FAILED,
  STATUS_FEATURES_OK,
  STATUS_NEEDS_RESET,
  Slot,
  slotAcknowledge,
  slotAt,
  slotLegacy,
  slotVisit,
} from "./slot";
import {
  slotConfig,
  slotConfigWrite,
  slotDeviceId,
  slotFeatures,
  slotFeaturesFit,
  slotQueueCount,
  slotQueueSize,
  slotQueueStop,
  slotReset,
  slotsTick,
} from "./slots";

// Registers (§4.2.2 table 4.1)
const MAGIC_VALUE: u32 = 0x000;
const VERSION: u32 = 0x004;
const DEVICE_ID: u32 = 0x008;
const VENDOR_ID: u32 = 0x00c;
const DEVICE_FEATURES: u32 = 0x010;
const DEVICE_FEATURES_SEL: u32 = 0x014;
const DRIVER_FEATURES: u32 = 0x020;
const DRIVER_FEATURES_SEL: u32 = 0x024;
const QUEUE_SEL: u32 = 0x030;
const QUEUE_NUM_MAX: u32 = 0x034;
const QUEUE_NUM: u32 = 0x038;
const QUEUE_READY: u32 = 0x044;
const QUEUE_NOTIFY: u32 = 0x050;
const INTERRUPT_STATUS: u32 = 0x060;
const INTERRUPT_ACK: u32 = 0x064;
const STATUS: u32 = 0x070;
const QUEUE_DESC_LOW: u32 = 0x080;
const QUEUE_DESC_HIGH: u32 = 0x084;
const QUEUE_DRIVER_LOW: u32 = 0x090;
const QUEUE_DRIVER_HIGH: u32 = 0x094;
const QUEUE_DEVICE_LOW: u32 = 0x0a0;
const QUEUE_DEVICE_HIGH: u32 = 0x0a4;
const SHM_LEN_LOW: u32 = 0x0b0;
const SHM_BASE_HIGH: u32 = 0x0bc;
const CONFIG_GENERATION: u32 = 0x0fc;
// Legacy registers (§4.2.4 table 4.3)
const GUEST_PAGE_SIZE: u32 = 0x028;
const QUEUE_ALIGN: u32 = 0x03c;
const QUEUE_PFN: u32 = 0x040;
const CONFIG: u32 = 0x100;

const MAGIC: u32 = 0x74726976; // "virt"
const VENDOR: u32 = 0x52564b50; // "PKVR"
const STATUS_DRIVER_BITS: u32 =
  STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK | STATUS_FEATURES_OK | STATUS_FAILED;

/** Power-on reset of all slots. */
export function mmioReset(): void {
  for (let index: u32 = 0; index < VIRTIO_SLOT_COUNT; index++) slotReset(index);
}

/** Reads `size` bytes at `offset` of slot `index`. Registers answer to words alone (§4.2.2.2), the configuration to any size. */
export function mmioRead(index: u32, offset: u32, size: u32): u32 {
  const id = index < VIRTIO_SLOT_COUNT ? slotDeviceId(index) : 0;
  if (offset >= CONFIG) {
    if (!id) return 0;
    const word = slotConfig(index, (offset - CONFIG) & ~3) >>> ((offset & 3) << 3);
    return size == 4 ? word : word & ((1 << (size << 3)) - 1);
  }
  if (size != 4) return 0;
  switch (offset) {
    case MAGIC_VALUE:
      return MAGIC;
    case VERSION:
      return slotLegacy(index) ? 1 : 2;
    case DEVICE_ID:
      return id;
    case VENDOR_ID:
      return VENDOR;
    default:
      if (!id) return 0;
      return slotLegacy(index) ? mmioRegisterLegacy(index, offset) : mmioRegister(index, offset);
  }
}

/** What the two interfaces have in common is in mmioRegister(). */
function mmioRegisterLegacy(index: u32, offset: u32): u32 {
  const slot = slotAt(index);
  switch (offset) {
    case DEVICE_FEATURES:
      return slot.deviceFeaturesSelect == 0 ? slotFeatures(index) : 0;
    case QUEUE_PFN:
      return slot.queueSelect < slotQueueCount(index) ? queueAt(index, slot.queueSelect).pageNumber : 0;
    case STATUS:
      return slot.status & ~STATUS_NEEDS_RESET; // which version 1 does not know
    case QUEUE_NUM_MAX:
    case INTERRUPT_STATUS:
      return mmioRegister(index, offset);
    default:
      return 0;
  }
}

function mmioRegister(index: u32, offset: u32): u32 {
  const slot = slotAt(index);
  switch (offset) {
    case DEVICE_FEATURES:
      if (slot.deviceFeaturesSelect == 0) return slotFeatures(index);
      return slot.deviceFeaturesSelect == 1 ? FEATURE_VERSION_1_HIGH : 0;
    case QUEUE_NUM_MAX:
      return slot.queueSelect < slotQueueCount(index) ? slotQueueSize(index) : 0;
    case QUEUE_READY:
      return slot.queueSelect < slotQueueCount(index) ? queueAt(index, slot.queueSelect).ready : 0;
    case INTERRUPT_STATUS:
      return slot.interruptStatus;
    case STATUS:
      return slot.status;
    case CONFIG_GENERATION:
      return slot.configGeneration;
    default:
      // §4.2.2.2: a shared memory region that does not exist has length and address -1.
      return offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH ? ~0 : 0;
  }
}

/** Writes `size` bytes at `offset` of slot `index`. */
export function mmioWrite(index: u32, offset: u32, value: u32, size: u32): void {
  if (index >= VIRTIO_SLOT_COUNT || !slotDeviceId(index)) return;
  if (offset >= CONFIG) return slotConfigWrite(index, offset - CONFIG, value, size);
  if (size != 4) return;
  const slot = slotAt(index);
  switch (offset) {
    case DEVICE_FEATURES_SEL:
      slot.deviceFeaturesSelect = value;
      return;
    case DRIVER_FEATURES:
      return mmioDriverFeatures(slot, value);
    case DRIVER_FEATURES_SEL:
      slot.driverFeaturesSelect = value;
      return;
    case QUEUE_SEL:
      slot.queueSelect = value;
      return;
    case QUEUE_NOTIFY:
      if (value < slotQueueCount(index)) slotVisit(index, value);
      return;
    case INTERRUPT_ACK:
      return slotAcknowledge(index, value);
    case STATUS:
      return slotLegacy(index) ? mmioStatusLegacy(index, value) : mmioStatus(index, value);
    case GUEST_PAGE_SIZE:
      slot.guestPageSize = value;
      return;
    default:
      if (slot.queueSelect >= slotQueueCount(index)) return;
      if (slotLegacy(index)) mmioQueueWriteLegacy(index, slot.queueSelect, offset, value);
      else mmioQueueWrite(index, slot.queueSelect, offset, value);
  }
}

/** Looks for what the host has brought. */
export function mmioTick(): void {
  slotsTick();
}

/** §2.2.1: once FEATURES_OK stands, features do not change. */
function mmioDriverFeatures(slot: Slot, value: u32): void {
  if (slot.status & STATUS_FEATURES_OK) return;
  if (slot.driverFeaturesSelect == 0) slot.driverFeaturesLow = value;
  else if (slot.driverFeaturesSelect == 1) slot.driverFeaturesHigh = value;
  else slot.driverFeaturesOther |= value;
}

/** §2.1: bits are set one by one, zero resets. FEATURES_OK does not stay when the features are not ours (§2.2.2, §6.1). */
function mmioStatus(index: u32, value: u32): void {
  if (value == 0) return slotReset(index);
  const slot = slotAt(index);
  const old = slot.status;
  let bits = old | (value & STATUS_DRIVER_BITS);
  if (!(old & STATUS_FEATURES_OK)) {
    const known = !(slot.driverFeaturesLow & ~slotFeatures(index)) && !slot.driverFeaturesOther;
    const fits = known && slotFeaturesFit(index, slot.driverFeaturesLow);
    if (!fits || slot.driverFeaturesHigh != FEATURE_VERSION_1_HIGH) bits &= ~STATUS_FEATURES_OK;
    if (!(bits & STATUS_FEATURES_OK)) bits &= ~STATUS_DRIVER_OK;
  }
  slot.status = bits;
  if (bits & ~old & STATUS_DRIVER_OK) {
    // What was made available before (§3.1.1 lets the driver fill its queues first) starts to move now.
    visitAll(index);
  }
}

/** §3.1.2: the legacy driver takes its features without being asked again. What is not ours is not kept: there is no bit to refuse it. */
function mmioStatusLegacy(index: u32, value: u32): void {
  if (value == 0) return slotReset(index);
  const slot = slotAt(index);
  const old = slot.status;
  slot.status = old | (value & STATUS_DRIVER_BITS & ~STATUS_FEATURES_OK);
  slot.driverFeaturesLow &= slotFeatures(index);
  if (slot.status & ~old & STATUS_DRIVER_OK) visitAll(index); // what it made available before
}

function visitAll(index: u32): void {
  for (let queue: u32 = 0; queue < slotQueueCount(index); queue++) slotVisit(index, queue);
}

function mmioQueueWriteLegacy(index: u32, queueIndex: u32, offset: u32, value: u32): void {
  const queue = queueAt(index, queueIndex);
  if (offset == QUEUE_PFN) {
    slotQueueStop(index, queueIndex);
    queue.pageNumber = value;
    if (value) queueEnableLegacy(index, queueIndex, slotAt(index).guestPageSize);
    return;
  }
  if (queue.ready) return;
  if (offset == QUEUE_NUM) queue.size = value;
  else if (offset == QUEUE_ALIGN) queue.alignment = value;
}

function mmioQueueWrite(index: u32, queueIndex: u32, offset: u32, value: u32): void {
  const queue = queueAt(index, queueIndex);
  if (offset == QUEUE_READY) {
    if (value & 1) queueEnable(index, queueIndex, slotQueueSize(index));
    else slotQueueStop(index, queueIndex);
    return;
  }
  // §4.2.2.2: the driver leaves a queue in use alone.
  if (queue.ready) return;
  switch (offset) {
    case QUEUE_NUM:
      queue.size = value;
      return;
    case QUEUE_DESC_LOW:
      queue.descriptorLow = value;
      return;
    case QUEUE_DESC_HIGH:
      queue.descriptorHigh = value;
      return;
    case QUEUE_DRIVER_LOW:
      queue.driverLow = value;
      return;
    case QUEUE_DRIVER_HIGH:
      queue.driverHigh = value;
      return;
    case QUEUE_DEVICE_LOW:
      queue.deviceLow = value;
      return;
    case QUEUE_DEVICE_HIGH:
      queue.deviceHigh = value;
      return;
    default:
      return;
  }
}
