// A set of small whole numbers, a bit each: the sequences of a device's records, of which there may be many.

const FIRST_BYTES = 32;

export class Bits {
  private bytes = new Uint8Array(FIRST_BYTES);
  /** How many numbers are in it. */
  count = 0;

  has(number: number): boolean {
    return ((this.bytes[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  /** Puts a number in; false: it was there. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    if (number >> 3 >= this.bytes.length) {
      const more = new Uint8Array(Math.max(2 * this.bytes.length, (number >> 3) + 1));
      more.set(this.bytes);
      this.bytes = more;
    }
    this.bytes[number >> 3]! |= 1 << (number & 7);
    this.count++;
    return true;
  }
}
