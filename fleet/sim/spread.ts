// How long devices took to come back after their link was lost. A broker that restarts loses all of them in the same second: what it needs is that
// they do not return in one.

const BAR_WIDTH = 40;
const ROWS_MAX = 24;
/** Seconds of one row, the smallest that gives few enough rows. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120];

export class Spread {
  /** Returns, by whole seconds since the link was lost. */
  private readonly bySecond = new Map<number, number>();
  count = 0;
  longestMs = 0;

  /** A device came back after so long. */
  add(milliseconds: number): void {
    const second = Math.floor(milliseconds / 1000);
    this.bySecond.set(second, (this.bySecond.get(second) ?? 0) + 1);
    this.count++;
    this.longestMs = Math.max(this.longestMs, milliseconds);
  }

  /** The most returns of one second: what the broker has to bear. */
  get perSecondMax(): number {
    return Math.max(0, ...this.bySecond.values());
  }

  /** Returns by row: from so many seconds on, how many. Rows without one between others are there too. */
  rows(): { from: number; to: number; count: number }[] {
    if (this.count === 0) return [];
    const end = Math.max(...this.bySecond.keys()) + 1;
    const step = STEPS.find((each) => end / each <= ROWS_MAX) ?? Math.ceil(end / ROWS_MAX);
    const rows = Array.from({ length: Math.ceil(end / step) }, (_, at) => ({
      from: at * step,
      to: (at + 1) * step,
      count: 0,
    }));
    for (const [second, count] of this.bySecond) rows[Math.floor(second / step)]!.count += count;
    return rows;
  }

  /** A histogram for people. */
  lines(): string[] {
    const rows = this.rows();
    const most = Math.max(1, ...rows.map(({ count }) => count));
    const width = String(rows.at(-1)?.to ?? 0).length;
    const digits = String(most).length;
    return rows.map(({ from, to, count }) => {
      const span = `${String(from).padStart(width)}–${String(to).padStart(width)} s`;
      const bar = "█".repeat(Math.round((count / most) * BAR_WIDTH));
      return `${span}  ${String(count).padStart(digits)}  ${bar}`.trimEnd();
    });
  }
}
