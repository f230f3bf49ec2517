// The functions of hypervisor.wasm, as kernel/hypervisor/index exports them and explains them. 64-bit values pass as two halves.

/** Ids are partitions'; what is returned is DONE or a reason, unless the function says otherwise. */
export interface HypervisorExports {
  hypervisorInit(): number;
  partitionDefine(): number;
  partitionAdmit(id: number): number;
  partitionStart(id: number): number;
  partitionPause(id: number, reason: number): number;
  partitionResume(id: number): number;
  partitionStop(id: number, reason: number): number;
  partitionLock(id: number, reason: number): number;
  partitionUnlock(id: number): number;
  partitionRemove(id: number): number;
  partitionBudget(id: number): number;
  current(): number;
  step(until: number): number;
  wants(): number;
  serviced(id: number): void;
  workBegin(id: number): number;
  workEnd(id: number): number;
  bill(id: number, time: number): void;
  paidAt(id: number): number;
  mark(): void;
  wake(id: number): void;
  hypervisorNow(): number;
  progress(id: number): void;
  partitionFail(id: number, reason: number): number;
  partitionRefresh(id: number): void;
  faulted(reason: number): number;
  charge(id: number, kind: number, amount: number): number;
  chargeBlock(id: number, bytes: number): number;
  retries(): number;
  drained(low: number, high: number): void;
  energyTopUp(id: number, low: number, high: number): number;
  energyLayAside(id: number, low: number, high: number): number;
  energyPay(id: number, low: number, high: number, owe: boolean): number;
  energyTakeBack(id: number): number;
  auditNote(id: number, reason: number, low: number, high: number): void;
  channelGrant(from: number, port: number, to: number, toPort: number): number;
  channelRevoke(channel: number): number;
  channelSend(id: number, port: number, length: number): number;
  channelReceive(id: number, port: number): number;
  channelTaken(channel: number, length: number): number;
}
