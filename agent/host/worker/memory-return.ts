// Memory of partitions that have ended goes back to the host when their instances are collected. V8 does not hurry: a machine's memory lies
// outside its heap, and the handset worker, which never returns to its event loop, makes hardly any garbage of its own. So the collector
// is asked for: when everybody sleeps, or, among partitions that never do, once the memory has waited for WAIT_NS.

import { collectGarbage } from "../machine/garbage.ts";

/** How long memory may wait for a moment in which a collection (a few milliseconds) delays nobody. */
const WAIT_NS = 1e9;
/** Nobody's turn comes within this. */
const QUIET_NS = 10e6;

export class MemoryReturn {
  private readonly collect: () => void;
  private owedSinceNs = -1;

  constructor(collect: () => void = collectGarbage) {
    this.collect = collect;
  }

  /** A machine was dropped. */
  owe(nowNs: number): void {
    if (this.owedSinceNs < 0) this.owedSinceNs = nowNs;
  }

  /** Collects if something is owed and this is the moment: `quietNs` is the time until somebody's turn comes. */
  look(nowNs: number, quietNs: number): void {
    if (this.owedSinceNs < 0 || (quietNs < QUIET_NS && nowNs - this.owedSinceNs < WAIT_NS)) return;
    this.settle();
  }

  /** Collects if something is owed: before new memory is asked for. */
  settle(): void {
    if (this.owedSinceNs < 0) return;
    this.owedSinceNs = -1;
    this.collect();
  }
}
