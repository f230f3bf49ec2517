// Token buckets: how many operations or bytes may pass a device. A limit is {rate a second, burst}; a bucket fills at the rate up to the
// burst, and what passes is taken out. A charge larger than the burst passes when the bucket is full and leaves it below zero, so that
// the rate holds in the long run whatever the sizes are.

import { flow, flowTime } from "./flow";

const SECOND: u32 = 1_000_000_000;

/** State (kernel/abi/hypervisor BUCKET_*):
 *
 *   +0  level      i64
 *   +8  filled     u64  ns: when the level was right
 *   +16 used       u64  units that passed
 *   +24 remainder  u32  see flow
 *   +28 throttled  u32  refusals
 */
@unmanaged
class Bucket {
  level: i64;
  filled: u64;
  used: u64;
  remainder: u32;
  throttled: u32;
}

/** A full bucket. `limit` is the address of {rate u32, burst u32}. */
export function bucketReset(at: usize, limit: usize, now: u64): void {
  const bucket = changetype<Bucket>(at);
  bucket.level = <i64>load<u32>(limit, 4);
  bucket.filled = now;
  bucket.remainder = 0;
}

/** When `amount` may pass: 0 = now, or the moment to ask again. Takes nothing. */
export function bucketWait(at: usize, limit: usize, amount: u32, now: u64): u64 {
  const rate = load<u32>(limit);
  if (!rate) return 0;
  const bucket = changetype<Bucket>(at);
  const burst = <i64>load<u32>(limit, 4);
  const remainder = at + offsetof<Bucket>("remainder");
  const gained = flow(rate, now - bucket.filled, SECOND, remainder);
  bucket.filled = now;
  // The level is never far below zero, and never above the burst.
  const room = burst - bucket.level;
  if (room <= 0 || gained >= <u64>room) {
    bucket.level = burst;
    bucket.remainder = 0;
  } else {
    bucket.level += <i64>gained;
  }
  const need = min<i64>(<i64>amount, burst);
  if (bucket.level >= need) return 0;
  bucket.throttled++;
  return now + flowTime(rate, <u64>(need - bucket.level), SECOND, remainder);
}

/** `amount` passes. */
export function bucketTake(at: usize, limit: usize, amount: u32): void {
  const bucket = changetype<Bucket>(at);
  bucket.used += <u64>amount;
  if (load<u32>(limit)) bucket.level -= <i64>amount;
}
