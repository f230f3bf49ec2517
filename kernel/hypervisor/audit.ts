// The audit ring: what was done, in an order that nobody can rewrite unseen. Each record carries the hash of the one before it and
// of itself. When the host does not come to fetch records, new ones are lost, and the next one that fits says how many: the
// chain has no silent gap.

import {
  AUDITS,
  AUDIT_BYTES,
  AUDIT_CHAIN,
  AUDIT_COUNT,
  AUDIT_GAP,
  AUDIT_HASH,
  AUDIT_HEAD,
  AUDIT_INIT,
  AUDIT_KIND,
  AUDIT_LOST,
  AUDIT_PARTITION,
  AUDIT_REASON,
  AUDIT_RING,
  AUDIT_SEQUENCE,
  AUDIT_TAIL,
  AUDIT_TIME,
  AUDIT_VALUE,
  BOARD_AUDIT_CHAIN,
  BOARD_AUDIT_HASH,
  BOARD_AUDIT_ORIGIN,
  BOARD_AUDIT_SEQUENCE,
  BOARD_MODE,
  NO_PARTITION,
} from "../abi/hypervisor";
import { sha256Block } from "./sha256";
import { state } from "./state";

/** +12 of the ring: records lost since the last one that was written. */
const GAP: u32 = AUDIT_RING + 12;
/** +16: sequence number of the next record. */
const NEXT: u32 = AUDIT_RING + 16;
/** Below the ring, no state: the block to hash. */
const BLOCK: u32 = AUDIT_RING - 0x40;

/** The first record of a start: it goes on from what the board block names, and so binds the chain to all that was before. */
export function auditBegin(): void {
  memory.copy(AUDIT_HASH, BOARD_AUDIT_HASH, 32);
  store<u64>(NEXT, load<u64>(BOARD_AUDIT_SEQUENCE));
  const mode = <u64>load<u32>(BOARD_MODE);
  auditPut(AUDIT_INIT, NO_PARTITION, load<u32>(BOARD_AUDIT_CHAIN), (load<u64>(BOARD_AUDIT_ORIGIN) << 1) | mode);
}

export function auditPut(kind: u32, partition: u32, reason: u32, value: u64): void {
  const gap = load<u32>(GAP);
  // A gap is told before what follows it, so both must fit.
  if (load<u32>(AUDIT_HEAD) - load<u32>(AUDIT_TAIL) >= AUDIT_COUNT - (gap ? 1 : 0)) {
    store<u32>(GAP, gap + 1);
    store<u32>(AUDIT_LOST, load<u32>(AUDIT_LOST) + 1);
    return;
  }
  if (gap) {
    store<u32>(GAP, 0);
    write(AUDIT_GAP, NO_PARTITION, 0, <u64>gap);
  }
  write(kind, partition, reason, value);
}

function write(kind: u32, partition: u32, reason: u32, value: u64): void {
  const head = load<u32>(AUDIT_HEAD);
  const at = AUDITS + (head & (AUDIT_COUNT - 1)) * AUDIT_BYTES;
  const sequence = load<u64>(NEXT);
  store<u64>(NEXT, sequence + 1);
  store<u64>(at + AUDIT_SEQUENCE, sequence);
  store<u64>(at + AUDIT_TIME, state.now);
  store<u16>(at + AUDIT_KIND, <u16>kind);
  store<u16>(at + AUDIT_PARTITION, <u16>partition);
  store<u32>(at + AUDIT_REASON, reason);
  store<u64>(at + AUDIT_VALUE, value);
  memory.copy(BLOCK, AUDIT_HASH, 32);
  memory.copy(BLOCK + 32, at, 32);
  sha256Block(BLOCK, AUDIT_HASH);
  memory.copy(at + AUDIT_CHAIN, AUDIT_HASH, 32);
  store<u32>(AUDIT_HEAD, head + 1);
}
