// The hypervisor's memory, little-endian, at the offsets of kernel/abi/hypervisor.

import * as abi from "../../../kernel/abi/hypervisor.ts";

export class HypervisorMemory {
  readonly memory = new WebAssembly.Memory({ initial: abi.HYPERVISOR_PAGES, maximum: abi.HYPERVISOR_PAGES });
  readonly bytes = new Uint8Array(this.memory.buffer);
  private readonly view = new DataView(this.memory.buffer);

  half(at: number): number {
    return this.view.getUint16(at, true);
  }

  word(at: number): number {
    return this.view.getUint32(at, true);
  }

  /** A u64 as a number: exact below 2^53, which is 104 days of nanoseconds and 9 kJ of picojoules. */
  wide(at: number): number {
    return Number(this.view.getBigUint64(at, true));
  }

  /** A u64, exactly. */
  exact(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  set(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  setWide(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true);
  }

  /** A u32 of a partition's record: PARTITION_*. */
  field(id: number, offset: number): number {
    return this.word(abi.PARTITIONS + id * abi.PARTITION_BYTES + offset);
  }

  /** A u64 of a partition's record. */
  wideField(id: number, offset: number): number {
    return this.wide(abi.PARTITIONS + id * abi.PARTITION_BYTES + offset);
  }
}
