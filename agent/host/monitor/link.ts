// How the phone is connected: what its board's sensor sees, or, where there is none, what the handset file says and its script makes of it. Rules
// of policies judge by it, and the radio's costs follow from it.

import type { LinkKind, LinkScript } from "../../handset/contracts.ts";
import { linkKind } from "../../network/link-sensor.ts";

const POLL_MS = 2000;
/** What setTimeout can wait. */
const TIMER_MOST_MS = 2 ** 31 - 1;

export interface HandsetLinkOptions {
  /** "simulated", or a folder of sysfs. */
  sensor: string;
  script: LinkScript | null;
  /** Virtual time has nothing to do with this computer's link. */
  deterministic: boolean;
  /** Where sysfs and proc lie: "/" but in tests. */
  root: string;
}

export class HandsetLink {
  private readonly options: HandsetLinkOptions;
  private readonly measured: boolean;
  private current: LinkKind;
  private timers: NodeJS.Timeout[] = [];

  constructor(options: HandsetLinkOptions) {
    this.options = options;
    this.measured = options.sensor !== "simulated" && !options.deterministic;
    this.current = this.measured ? linkKind(options.root) : (options.script?.kind ?? "ethernet");
  }

  get kind(): LinkKind {
    return this.current;
  }

  /** What a user must be told once; "": nothing. */
  get note(): string {
    if (this.measured) return this.options.script === null ? "" : "the link is measured: the file's `link` is not used";
    return this.options.sensor === "simulated" ? "" : "link simulated: time is virtual";
  }

  /** From now on `changed` hears of another kind. */
  start(changed: (kind: LinkKind) => void): void {
    const become = (kind: LinkKind): void => {
      if (kind === this.current) return;
      this.current = kind;
      changed(kind);
    };
    if (this.measured) {
      this.timers = [setInterval(() => become(linkKind(this.options.root)), POLL_MS)];
      return;
    }
    if (this.options.deterministic) return;
    for (const { atNs, kind } of this.options.script?.steps ?? []) {
      this.timers.push(setTimeout(() => become(kind), Math.min(atNs / 1e6, TIMER_MOST_MS)));
    }
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
