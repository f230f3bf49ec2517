// fleet sim: many devices that are none, for load.

import { readFileSync } from "node:fs";
import { EXIT_INTERNAL, EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { parsePositive, type Parsed } from "../../agent/cli/arguments.ts";
import { UnitError } from "../../agent/handset/units.ts";
import { parseEndpoint } from "../../agent/link/endpoint.ts";
import { UsageError } from "../../agent/failure.ts";
import { brokerOptions } from "../link.ts";
import { rootEnvelope } from "../keys.ts";
import { parseDuration } from "../../agent/policy/units.ts";
import { CONNECTIONS_MAX } from "../broker.ts";
import { devicesOf, forgetStates, leftRuns, removeRun } from "../sim/devices.ts";
import { processesFor } from "../sim/herd-process.ts";
import { simulate, type SimulationPlan, type SimulationReport, type SimulationState } from "../sim/simulation.ts";
import { linkProfile } from "../profile.ts";
import type { FleetStore } from "../store.ts";
import type { Io } from "./io.ts";
import { LINK, LINK_HELP, saidOf } from "./link.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const COUNT_MAX = 20_000;
const INTERVAL_SECONDS = 60;
const PER_SECOND = 100;
const PER_SECOND_MAX = 10_000;
const DAY_SECONDS = 86_400;
/** The operator's own sessions with this computer's broker. */
const OWN_SESSIONS = 12;
/** Lines of progress that are not on a terminal: one in so many seconds. */
const LINE_SECONDS = 10;

export const simVerb: Verb = {
  name: "sim",
  usage: "N [--for DURATION] [--interval DURATION] [--rate N] [--keep] | --clean",
  summary: "runs N simulated devices against a broker, for load",
  help: `Each is the agent as it runs on phones, with its own key, certificate, queue and session; only the handset behind it is simulated. A device
says a sample in every interval, and an event with every fourth. What arrives is compared with what their queues took. "fleet ls" shows them as
(simulated); policies and commands reach them. When it ends, they and what the broker kept of them are removed.
  --for DURATION      how long: 90s, 10min, 2h (default: until Ctrl-C)
  --interval DURATION between two samples of a device (default 1min)
  --rate N            devices that start in a second (default ${PER_SECOND})
  --keep              keeps the devices, their folders and their last state
  --clean             removes what earlier runs left behind (--keep, or a run that was killed)
  --dry-run           says what would be done
  --json              one JSON object at the end
${LINK_HELP}
Devices speak to the same URL, which has to be mqtts or wss when it is another computer's. --authorities is for them too.
exit status: 0 nothing acknowledged was lost and every device was connected at the end; 1 otherwise`,
  options: {
    ...LINK,
    ...DRY_RUN,
    ...{ for: { type: "string" }, interval: { type: "string" }, rate: { type: "string" } },
    ...{ keep: { type: "boolean" }, clean: { type: "boolean" } },
  },
  positionalMax: 1,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    rootEnvelope(store);
    if (parsed.flag("clean")) return clean(store, parsed, io);
    const plan = planOf(store, parsed);
    const processes = processesFor(plan.count);
    if (parsed.flag("dry-run")) {
      const time = plan.seconds === null ? "until Ctrl-C" : `for ${plan.seconds} s`;
      io.say(
        `would run ${plan.count} simulated devices of ${store.tenant} in ${processes} process${processes === 1 ? "" : "es"} ` +
          `against ${plan.terms.brokers[0]!} ${time}, a sample every ${plan.intervalSeconds} s, below ${store.path("sim")}`,
      );
      return EXIT_OK;
    }
    const report = await simulate(store, plan, {
      now: io.now,
      signal: io.signal,
      progress: progressOf(plan, io),
    });
    io.endProgress?.();
    if (parsed.flag("json")) io.out(JSON.stringify(jsonOf(report)));
    else for (const line of reportLines(report)) io.out(line);
    if (report.leftover !== "") io.say(`${report.leftover}; then remove what is left: fleet sim --clean`);
    return report.lostAcknowledged === 0 && report.connected === plan.count ? EXIT_OK : EXIT_INTERNAL;
  },
};

const linkOf = (store: FleetStore, parsed: Parsed): SimulationPlan["link"] => brokerOptions(store, saidOf(parsed));

function planOf(store: FleetStore, parsed: Parsed): SimulationPlan {
  const count = Number(/^[1-9]\d{0,5}$/.exec(needed(parsed, 0, "how many devices", "sim"))?.[0] ?? NaN);
  if (!(count <= COUNT_MAX)) throw new UsageError("USAGE", `N is a whole number from 1 to ${COUNT_MAX}`);
  const link = linkOf(store, parsed);
  const { scheme } = parseEndpoint(link.url);
  const own = parsed.text("broker") === null && linkProfile(store) === null;
  if (own && count > CONNECTIONS_MAX - OWN_SESSIONS) {
    const what = `this computer's own broker takes ${CONNECTIONS_MAX} connections, ${count} devices are too many`;
    throw new UsageError("USAGE", what, "Name a broker that is made for more: --broker mqtts://HOST:8883");
  }
  const path = parsed.text("authorities");
  return {
    count,
    link,
    keep: parsed.flag("keep"),
    intervalSeconds: seconds(parsed, "interval", INTERVAL_SECONDS)!,
    seconds: seconds(parsed, "for", null),
    perSecond: parsePositive("rate", parsed.text("rate") ?? String(PER_SECOND), PER_SECOND_MAX),
    terms: {
      brokers: [link.url],
      certified: scheme === "mqtts" || scheme === "wss",
      authorities: path === null ? "" : readFileSync(path, "utf8"),
    },
  };
}

function seconds(parsed: Parsed, option: string, absent: number | null): number | null {
  const text = parsed.text(option);
  if (text === null) return absent;
  try {
    const found = parseDuration(text);
    if (found >= 1 && found <= DAY_SECONDS) return found;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  throw new UsageError("USAGE", `--${option} needs a duration from 1s to 1d, such as 90s or 10min`);
}

async function clean(store: FleetStore, parsed: Parsed, io: Io): Promise<number> {
  const runs = leftRuns(store);
  if (parsed.flag("dry-run")) {
    for (const run of runs) io.out(run);
    return EXIT_OK;
  }
  const names = runs.flatMap((run) => devicesOf(store, run));
  if (names.length > 0) await forgetStates(store, linkOf(store, parsed), names);
  for (const run of runs) removeRun(store, run);
  if (parsed.flag("json")) io.out(JSON.stringify({ runs, devices: names.length }));
  else io.say(`${names.length} simulated devices of ${runs.length} runs are removed`);
  return EXIT_OK;
}

function progressOf({ count }: SimulationPlan, io: Io): (state: SimulationState) => void {
  let next = 0;
  let phase = "";
  return (state) => {
    const line = progressLine(state, count);
    if (io.progress !== undefined) return io.progress(line);
    if (state.phase === phase && state.seconds < next) return;
    phase = state.phase;
    next = state.seconds + LINE_SECONDS;
    io.say(line);
  };
}

function progressLine({ phase, seconds: at, made, counts, received, returns }: SimulationState, count: number): string {
  if (phase === "making") return `making: ${made} of ${count} devices`;
  if (phase === "removing") return "removing the simulated devices";
  const { connected, lostLinks, records, acknowledged, waiting } = counts;
  const lost = lostLinks === 0 ? "" : `, ${lostLinks} links lost, ${returns.count} back`;
  const spread = returns.count === 0 ? "" : ` within ${Math.ceil(returns.longestMs / 1000)} s`;
  return (
    `${phase} ${Math.floor(at)} s: ${connected} of ${count} connected${lost}${spread}; ` +
    `records: ${records} taken, ${acknowledged} acknowledged, ${waiting} waiting, ${received} received`
  );
}

function reportLines(report: SimulationReport): string[] {
  const { devices, processes, connected, counts, received, duplicates, broken, lost, lostAcknowledged } = report;
  const { spread, cost, waiting, seconds: took } = report;
  const links = `${counts.lostLinks} links lost, ${spread.count} came back, ${counts.failedTries} tries failed`;
  const each = `${Math.round(cost.residentBytes / devices / 1024)} KiB and ${((1000 * cost.cpuSeconds) / took / devices).toFixed(2)} ms of processor time a second`;
  return [
    `devices   ${devices} in ${processes} process${processes === 1 ? "" : "es"}, ${connected} connected at the end, ${Math.round(took)} s`,
    `records   ${counts.records} taken, ${received} received, ${duplicates} of them more than once, ${waiting} still wait`,
    `acked     ${counts.acknowledged} acknowledged by the broker, ${lostAcknowledged} of them lost`,
    `lost      ${lost} records in all${lost > lostAcknowledged ? ": sent at QoS 0 into a connection that broke, or dropped by a full queue" : ""}`,
    `links     ${links}`,
    ...(counts.policies + counts.commands === 0
      ? []
      : [`told      ${counts.policies} policies and ${counts.commands} commands`]),
    ...(broken === 0 ? [] : [`broken    ${broken} messages could not be read`]),
    `cost      a device: ${each}`,
    ...(spread.count === 0
      ? []
      : [
          `returns   after the link was lost; ${spread.perSecondMax} at most in one second`,
          ...spread.lines().map((line) => `  ${line}`),
        ]),
  ];
}

function jsonOf({ spread, ...report }: SimulationReport): object {
  const { count, longestMs, perSecondMax } = spread;
  return { ...report, returns: { count, longestMs: Math.round(longestMs), perSecondMax, rows: spread.rows() } };
}
