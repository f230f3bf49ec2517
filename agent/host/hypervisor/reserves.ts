// Reserves and pots of partitions (kernel/hypervisor/energy), for what is paid outside the hypervisor: the radio. Energy in picojoules.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import type { HypervisorExports } from "./exports.ts";
import type { HypervisorMemory } from "./memory.ts";

export class Reserves {
  private readonly exports: HypervisorExports;
  private readonly memory: HypervisorMemory;

  constructor(exports: HypervisorExports, memory: HypervisorMemory) {
    this.exports = exports;
    this.memory = memory;
  }

  /** What a reserve holds now. Without a contract the battery pays: Infinity, as capacity and rate are then. */
  level(id: number): number {
    if (!this.hasContract(id)) return Infinity;
    this.exports.partitionRefresh(id);
    return this.memory.wideField(id, abi.PARTITION_ENERGY_LEVEL);
  }

  /** What it can hold. */
  capacity(id: number): number {
    return this.hasContract(id) ? this.memory.wideField(id, abi.PARTITION_ENERGY_CAPACITY) : Infinity;
  }

  /** What its constant tap brings in a second. */
  rate(id: number): number {
    return this.hasContract(id) ? this.memory.field(id, abi.PARTITION_ENERGY_RATE) * 1e6 : Infinity;
  }

  private hasContract(id: number): boolean {
    return this.memory.field(id, abi.PARTITION_ENERGY_CONTRACT) !== 0;
  }

  /** What a partition has laid aside. */
  pot(id: number): number {
    return this.memory.wideField(id, abi.PARTITION_ENERGY_POT);
  }

  /** Lays aside so much of the reserve, at most. */
  layAside(id: number, picojoules: number): void {
    this.exports.energyLayAside(id, ...halves(picojoules));
  }

  /** Pays from the pot; with `owe`, what it does not hold from the reserve, or as debt. */
  pay(id: number, picojoules: number, owe: boolean): void {
    this.exports.energyPay(id, ...halves(picojoules), owe);
  }

  /** What was laid aside goes back into the reserve. */
  takeBack(id: number): void {
    this.exports.energyTakeBack(id);
  }
}

function halves(picojoules: number): [low: number, high: number] {
  const whole = BigInt(Math.floor(picojoules));
  return [Number(whole & 0xffff_ffffn), Number(whole >> 32n)];
}
