// What the queue lost, and a disk that refuses, become events of the queue's own: as safe as what was lost.

import type { Clock } from "../link/clock.ts";
import { OUTBOX_CLASSES, type Outbox } from "../link/outbox.ts";
import { AGENT_EVENTS } from "../wire/reasons.ts";
import { eventEntry } from "./entry.ts";

const WARNING = 4;

export class Losses {
  private readonly outbox: Outbox;
  private readonly clock: Clock;
  private troubleTold = false;

  constructor(outbox: Outbox, clock: Clock) {
    this.outbox = outbox;
    this.clock = clock;
  }

  /** Losses of what is no telemetry become an event, which is as safe as they were. */
  tell(): void {
    for (const [index, each] of OUTBOX_CLASSES.entries()) {
      const loss = each === "telemetry" ? null : this.outbox.loss(each);
      if (loss === null) continue;
      const args = new Map<number, number>([
        [1, index],
        [2, loss.count],
        [3, loss.from],
        [4, loss.to],
      ]);
      const event = { time: this.clock.wall(), code: AGENT_EVENTS["queue-lost"], severity: WARNING, args };
      this.outbox.append("security", eventEntry(event));
      this.outbox.sent([], { class: each, count: loss.count });
    }
  }

  /** A disk that refuses is told once, until it takes things again. */
  watchDisk(): void {
    const troubled = this.outbox.trouble !== "";
    if (troubled && !this.troubleTold) {
      const event = { time: this.clock.wall(), code: AGENT_EVENTS["queue-unsafe"], severity: WARNING };
      this.outbox.append("security", eventEntry(event));
    }
    this.troubleTold = troubled;
  }
}
