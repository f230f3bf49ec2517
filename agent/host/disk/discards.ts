// What a guest has discarded and the file system has not had back yet. A discard is a hint (VIRTIO 1.2 §5.2.6.2): it is done when it is noted, and
// what it costs must not be more than that. Ranges are merged; a write takes its range off the list before a byte is written, so what is given
// back later is never what somebody wrote. When there are too many ranges the smallest is forgotten: its blocks stay where they are.

export interface Range {
  start: number;
  end: number;
}

/** Ranges that are remembered. */
const RANGES_MAX = 512;

export class Discards {
  /** Disjoint, not touching, by their start. */
  private ranges: Range[] = [];

  get count(): number {
    return this.ranges.length;
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    const from = this.firstReaching(start);
    let to = from;
    const merged = { start, end };
    for (; to < this.ranges.length && this.ranges[to]!.start <= end; to++) {
      merged.start = Math.min(merged.start, this.ranges[to]!.start);
      merged.end = Math.max(merged.end, this.ranges[to]!.end);
    }
    this.ranges.splice(from, to - from, merged);
    if (this.ranges.length > RANGES_MAX)
      this.ranges.splice(
        this.indexOf((a, b) => a < b),
        1,
      );
  }

  /** Something is about to be written there. */
  remove(start: number, end: number): void {
    if (this.ranges.length === 0 || end <= start) return;
    const from = this.firstReaching(start + 1);
    let to = from;
    const left: Range[] = [];
    for (; to < this.ranges.length && this.ranges[to]!.start < end; to++) {
      const range = this.ranges[to]!;
      if (range.start < start) left.push({ start: range.start, end: start });
      if (range.end > end) left.push({ start: end, end: range.end });
    }
    this.ranges.splice(from, to - from, ...left);
  }

  /** Takes the largest range out, if it has at least `least` bytes. */
  take(least: number): Range | null {
    if (this.ranges.length === 0) return null;
    const at = this.indexOf((a, b) => a > b);
    const range = this.ranges[at]!;
    if (range.end - range.start < least) return null;
    this.ranges.splice(at, 1);
    return range;
  }

  /** The first range that ends at `start` or behind it. */
  private firstReaching(start: number): number {
    let [low, high] = [0, this.ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[middle]!.end < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private indexOf(better: (a: number, b: number) => boolean): number {
    let best = 0;
    const length = (at: number): number => this.ranges[at]!.end - this.ranges[at]!.start;
    for (let at = 1; at < this.ranges.length; at++) if (better(length(at), length(best))) best = at;
    return best;
  }
}
