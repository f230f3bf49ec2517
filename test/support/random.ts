// Random numbers that a seed repeats: a failure is found again by its seed.

/** A generator of 32-bit numbers (xorshift32), with the shapes that tests of hostile input want. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  u32(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }
  /** 0 … count - 1. */
  below(count: number): number {
    return this.u32() % count;
  }
  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  /** Numbers where bugs live: small, near powers of two, near 2^32, and anything. */
  wild(): number {
    switch (this.below(5)) {
      case 0:
        return this.below(8);
      case 1:
        return (2 ** this.below(32) + this.below(3) - 1) >>> 0;
      case 2:
        return (0xffff_ffff - this.below(8)) >>> 0;
      case 3:
        return this.below(0x1_0000);
      default:
        return this.u32();
    }
  }
}
