// The rules of a handset file: each is a script in a QuickJS runtime of its own that is run for what happens, and may ask for the
// commands that the file allows it. All of them share one script worker, which is terminated when one hangs.

import { escapeText } from "../escape.ts";
import type { SandboxLimits } from "./sandbox.ts";
import { ScriptHost, scriptText, type CommandRunner } from "./script-host.ts";
import type { RuleSpec, RuleTrigger } from "../handset/contracts.ts";
import type { RuleView } from "../view.ts";

const LIMITS: SandboxLimits = { memoryBytes: 1 << 20, stackBytes: 128 << 10, milliseconds: 50, textMax: 64 << 10 };
/** Events that may wait for one rule; those beyond are missed, and counted. */
const PENDING_MAX = 16;
/** A rule that acts on what it causes itself must not go round faster than this. */
const RUNS_A_SECOND_MAX = 50;
/** A rule that had to be stopped so many times in a row is not run again. */
const STRIKES_MAX = 3;

/** What a rule gets as `event`. */
export interface RuleEvent {
  on: RuleTrigger;
  [detail: string]: string | number | boolean | null;
}

interface Rule {
  spec: RuleSpec;
  pending: number;
  missed: number;
  strikes: number;
  /** Runs since `since`, a host time in milliseconds. */
  runs: number;
  since: number;
  runsTotal: number;
  faults: number;
  last: string;
}

export class Rules {
  private readonly rules: Rule[];
  private readonly host: ScriptHost;
  private readonly report: (rule: string, text: string) => void;

  /** `report` hears of every rule that went wrong. */
  constructor(specs: RuleSpec[], command: CommandRunner, report: (rule: string, text: string) => void) {
    this.rules = specs.map((spec) => ({
      spec,
      pending: 0,
      missed: 0,
      strikes: 0,
      runs: 0,
      since: 0,
      runsTotal: 0,
      faults: 0,
      last: "",
    }));
    this.host = new ScriptHost(LIMITS, command);
    this.report = (name, text) => {
      this.rules.find(({ spec }) => spec.name === name)!.last = text;
      report(name, text);
    };
  }

  /** How each rule fares. */
  views(): RuleView[] {
    return this.rules.map(({ spec, strikes, runsTotal, faults, last }) => {
      return { name: spec.name, off: strikes >= STRIKES_MAX, runs: runsTotal, faults, last };
    });
  }

  /** Whether any rule waits for this. */
  wants(trigger: RuleTrigger): boolean {
    return this.rules.some(({ spec }) => spec.on.includes(trigger));
  }

  /** Runs the rules that wait for this; resolves when they have ended. Never rejects. */
  async happened(event: RuleEvent): Promise<void> {
    await Promise.all(this.rules.filter(({ spec }) => spec.on.includes(event.on)).map((rule) => this.run(rule, event)));
  }

  async close(): Promise<void> {
    for (const rule of this.rules) rule.strikes = STRIKES_MAX;
    await this.host.close();
  }

  private async run(rule: Rule, event: RuleEvent): Promise<void> {
    const { spec } = rule;
    if (rule.strikes >= STRIKES_MAX) return;
    if (rule.pending >= PENDING_MAX || this.tooOften(rule)) {
      if (rule.missed++ === 0) this.report(spec.name, "it is behind and misses events");
      return;
    }
    rule.pending++;
    rule.runsTotal++;
    const details = JSON.stringify({ ...event, missed: rule.missed });
    rule.missed = 0;
    const outcome = await this.host.run({
      runtime: spec.name,
      commands: spec.allow,
      code: `void (function (event) {${spec.run}\n})(${details})`,
    });
    rule.pending--;
    if (rule.strikes >= STRIKES_MAX) return;
    // A script can call its error WorkerLost too: it only harms itself.
    const harmful = outcome.ended === "stopped" || (outcome.ended === "threw" && outcome.name === "WorkerLost");
    rule.strikes = harmful ? rule.strikes + 1 : 0;
    if (outcome.ended !== "value") {
      rule.faults++;
      this.report(spec.name, escapeText(scriptText(outcome)));
    }
    if (rule.strikes === STRIKES_MAX)
      this.report(spec.name, `stopped ${STRIKES_MAX} times in a row: it is off from now on`);
  }

  private tooOften(rule: Rule): boolean {
    const now = performance.now();
    if (now - rule.since >= 1000) [rule.since, rule.runs] = [now, 0];
    return ++rule.runs > RUNS_A_SECOND_MAX;
  }
}
