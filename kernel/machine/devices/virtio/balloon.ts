// virtio balloon: the host asks the guest to do without some pages. VIRTIO 1.2 §5.5.
//
// WebAssembly memory does not shrink, so inflated pages free nothing on the host: the device keeps count, no more. A page number that
// is not RAM counts for nothing. A chain carries VIRTIO_BUFFER_BYTES / 4 = 512 page numbers at most (Linux sends 256).

import { CONFIG_BALLOON_PAGES, VIRTIO_BUFFER, VIRTIO_BUFFER_BYTES } from "../../../abi/layout";
import { work, workFull } from "../work";
import { VIRTIO_SLOT_BALLOON } from "../../memory-map";
import { ramAt } from "../../pages";
import { chainHead, chainRead, chainReadBytes, queueNext, queueOpen, queuePush, queueSignal, queueTake } from "./queue";
import { slotBreak, slotConfigChanged, slotOwn, slotVisit } from "./slot";

export const BALLOON_DEVICE_ID: u32 = 5;
export const BALLOON_QUEUE_COUNT: u32 = 2;
const QUEUE_INFLATE: u32 = 0;

// Feature bits (§5.5.3)
const F_MUST_TELL_HOST: u32 = 1 << 0;
const F_DEFLATE_ON_OOM: u32 = 1 << 2;

// Configuration space (§5.5.4)
const NUM_PAGES: u32 = 0; // read-only
const ACTUAL: u32 = 4;

/** State:
 *
 *   +0  wanted    u32  num_pages as the guest reads it
 *   +4  actual    u32  what the guest says it has given
 *   +8  inflated  u32  valid page numbers seen on the inflate queue
 *   +12 deflated  u32  … and on the deflate queue
 */
@unmanaged
class Balloon {
  wanted: u32;
  actual: u32;
  inflated: u32;
  deflated: u32;
}
const balloon = changetype<Balloon>(slotOwn(VIRTIO_SLOT_BALLOON));

export function balloonFeatures(): u32 {
  return F_MUST_TELL_HOST | F_DEFLATE_ON_OOM;
}

export function balloonConfig(offset: u32): u32 {
  if (offset == NUM_PAGES) return balloon.wanted;
  return offset == ACTUAL ? balloon.actual : 0;
}

export function balloonConfigWrite(offset: u32, value: u32, size: u32): void {
  if (offset == ACTUAL && size == 4) balloon.actual = value;
}

export function balloonReset(): void {
  balloon.wanted = load<u32>(CONFIG_BALLOON_PAGES);
}

/** Serves a step of chains. */
export function balloonKick(index: u32): void {
  if (!queueOpen(VIRTIO_SLOT_BALLOON, index)) return;
  while (!workFull() && queueNext()) {
    if (chainReadBytes > VIRTIO_BUFFER_BYTES) {
      slotBreak(VIRTIO_SLOT_BALLOON);
      break;
    }
    const bytes = chainRead(0, VIRTIO_BUFFER, chainReadBytes);
    work(bytes >>> 3);
    let valid: u32 = 0;
    for (let n: u32 = 0; n + 4 <= bytes; n += 4) {
      const page = load<u32>(VIRTIO_BUFFER + n);
      if (page < 1 << 20 && ramAt(page << 12, 4096)) valid++;
    }
    if (index == QUEUE_INFLATE) balloon.inflated += valid;
    else balloon.deflated += valid;
    queueTake();
    queuePush(chainHead, 0);
  }
  if (workFull()) slotVisit(VIRTIO_SLOT_BALLOON, index);
  queueSignal();
}

/** The host may have changed its wish. */
export function balloonTick(): void {
  const wanted = load<u32>(CONFIG_BALLOON_PAGES);
  if (balloon.wanted == wanted) return;
  balloon.wanted = wanted;
  slotConfigChanged(VIRTIO_SLOT_BALLOON);
}
