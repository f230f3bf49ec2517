// How partitions are started, paused and ended on a person's order: one that is to end is asked first, by its power key, and cut if it does not.

import type { PartitionSnapshot } from "../../view.ts";
import type { Handset } from "./handset.ts";
import { powerDown, type Ending } from "./power-down.ts";

/** Of a wait that nobody cuts short. */
const NEVER = new AbortController().signal;

export type Order = "start" | "pause" | "resume" | "stop" | "restart";

export class Endings {
  private readonly handset: Handset;
  private readonly tell: (kind: string, partition: number, text: string) => void;

  constructor(handset: Handset, tell: (kind: string, partition: number, text: string) => void) {
    this.handset = handset;
    this.tell = tell;
  }

  /** Carries out an order. Returns why a guest was cut instead of ending by itself; null: it was not. `now` cuts at once. Throws
   *  RefusalError. */
  async act(op: Order, partition: number, now = false): Promise<string | null> {
    if (op !== "stop" && op !== "restart") {
      await this.handset.orders.act(op, partition);
      return null;
    }
    const { state } = await this.partition(partition);
    const lives = state === "running" || state === "paused";
    const ending = lives ? await this.end(partition, now ? AbortSignal.abort() : NEVER) : null;
    if (ending?.off !== true) await this.handset.orders.act(op, partition);
    else if (op === "restart") await this.handset.orders.act("start", partition);
    return ending?.why ?? null;
  }

  /** Presses the power keys of all that run, and waits until they are off. `cut` ends the wait. */
  async all(cut: AbortSignal): Promise<void> {
    const { partitions } = await this.handset.orders.snapshot();
    const alive = partitions.filter(({ state }) => state === "running" || state === "paused");
    await Promise.all(alive.map(({ partition }) => this.end(partition, cut)));
  }

  /** Has a partition end by itself, and tells whether it did. */
  private async end(partition: number, cut: AbortSignal): Promise<Ending> {
    const ending = await powerDown(
      {
        press: () => this.handset.orders.press(partition),
        look: async () => {
          const { state, reason, instructions, io } = await this.partition(partition);
          return { state, reason, instructions, moved: io.reduce((sum, { used }) => sum + used, 0) };
        },
      },
      cut,
      () => this.tell("power-key", partition, "pressed; it is to power off"),
    );
    if (!ending.off) this.tell("power", partition, ending.why);
    return ending;
  }

  async partition(id: number): Promise<PartitionSnapshot> {
    const { partitions } = await this.handset.orders.snapshot();
    return partitions.find(({ partition }) => partition === id)!;
  }
}
