// What is told of the handset without being asked: samples, as often as the strictest policy wants.

import { TELEMETRY_STANDARD, type TelemetrySettings } from "../../agent-messages.ts";
import type { HandsetView } from "../../view.ts";
import { encodeTrust } from "../../wire/trust.ts";
import type { Acting } from "./acting.ts";
import type { ManagedHandset } from "./commands.ts";
import { partitionLimitsOf, sampleOf } from "./report.ts";
import type { Standing } from "./standing.ts";

export class Telemetry {
  settings: TelemetrySettings = TELEMETRY_STANDARD;
  private samples = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly standing: Standing;
  private readonly target: ManagedHandset;
  private readonly acting: Acting;
  private readonly due: () => void;

  /** `due` is called when it is time for a sample. */
  constructor(acting: Acting, due: () => void) {
    this.acting = acting;
    this.standing = acting.standing;
    this.target = acting.target;
    this.due = due;
  }

  /** Samples that were told since the start. */
  get sampleCount(): number {
    return this.samples;
  }

  /** The strictest of what the policies want: the shortest interval, the fewest bytes. */
  retune(): void {
    const sections = [...this.standing.partitions.values()].flatMap(({ policy }) => policy?.document.telemetry ?? []);
    const least = (key: "sampleSeconds" | "sendSeconds" | "bytesPerDay", standard: number): number =>
      Math.max(1, Math.min(...sections.map((each) => each[key] ?? standard)));
    this.settings = {
      sampleSeconds: least("sampleSeconds", TELEMETRY_STANDARD.sampleSeconds),
      sendSeconds: least("sendSeconds", TELEMETRY_STANDARD.sendSeconds),
      bytesPerDay: least("bytesPerDay", TELEMETRY_STANDARD.bytesPerDay),
    };
    this.tellTrust();
    this.schedule();
  }

  /** Samples at this interval from now on. */
  schedule(): void {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.due(), this.settings.sampleSeconds * 1000);
  }

  /** Tells the fleet how the handset is; returns what was told of. */
  async sample(): Promise<HandsetView> {
    const view = await this.target.snapshot();
    this.samples++;
    this.acting.tell({ kind: "limits", limits: partitionLimitsOf(view, this.standing.governance.trust.allowed) });
    this.acting.tell({
      kind: "sample",
      sample: sampleOf(view, this.standing.now(), this.standing.governance.trust.allowed),
    });
    return view;
  }

  /** Tells the agent whom to trust, and how often to tell. */
  tellTrust(): void {
    const { trust } = this.standing.governance;
    this.acting.tell({ kind: "trust", trust: encodeTrust(trust), groups: trust.groups, settings: this.settings });
  }

  close(): void {
    clearInterval(this.timer);
  }
}
