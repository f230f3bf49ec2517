// What was drawn over the last minutes, for averages: one total for each thing that draws, looked at again and again.

interface Sample {
  nowNs: number;
  /** Picojoules since the start. */
  totals: Map<string, number>;
}

/** Averages are taken over this time, or since the start when that is shorter. */
export const AVERAGE_NS = 300e9;

export class PowerHistory {
  private samples: Sample[] = [];

  /** Notes the totals of this moment, which is later than the last. */
  note(nowNs: number, totals: Map<string, number>): void {
    this.samples.push({ nowNs, totals });
    const gone = this.samples.findIndex((sample) => sample.nowNs >= nowNs - AVERAGE_NS);
    // One sample stays before the window: the average covers all of it.
    if (gone > 1) this.samples.splice(0, gone - 1);
  }

  /** Average mW of one total over the last `spanNs`, and the time that it covers; null when there are no two samples of it. */
  average(name: string, spanNs = AVERAGE_NS): { milliwatts: number; spanNs: number } | null {
    const last = this.samples.at(-1);
    if (last === undefined) return null;
    const from = last.nowNs - spanNs;
    // The latest that is not after the window's begin, else the first that there is.
    const first =
      this.samples.findLast((sample) => sample.nowNs <= from && sample.totals.has(name)) ??
      this.samples.find(({ totals }) => totals.has(name));
    if (first === undefined || first === last) return null;
    const span = last.nowNs - first.nowNs;
    // A picojoule a nanosecond is a milliwatt.
    return { milliwatts: (last.totals.get(name)! - first.totals.get(name)!) / span, spanNs: span };
  }
}
