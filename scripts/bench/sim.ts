// Thousands of real agents against mosquitto with the configuration people copy, which is restarted in the middle: who is connected, what is lost, how
// the devices come back.

import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { simulate, type SimulationReport } from "../../fleet/sim/simulation.ts";
import { mosquittoPath, residentBytes } from "../../test/support/broker.js";
import { CopiedBroker, mosquitto } from "../../test/support/copied-broker.js";
import { rowStart, type Measurement } from "./report.ts";

const DEVICE_COUNT = 5_000;
const INTERVAL_SECONDS = 10;
const START_PER_SECOND = 200;
/** At most, on a computer that has much else to do. */
const RUN_SECONDS = 900;
/** How long everybody is connected before the broker ends, and again after the last has come back; and how long it is away. */
const CALM_MS = 20_000;
const AWAY_MS = 3_000;
/** Devices come back within 30 s, evenly: 3.3 % of them in a second on average. */
const RETURNS_PER_SECOND_MAX = 0.06 * DEVICE_COUNT;
const KIBIBYTE = 1024;

export async function measureSim(): Promise<Measurement[]> {
  if (mosquittoPath() === null) {
    console.error("bench: sim is left out: mosquitto is not installed");
    return [];
  }
  const broker = await CopiedBroker.start(mosquitto);
  let brokerBytes = 0;
  let report: SimulationReport;
  try {
    const read = (name: string): Buffer => readFileSync(join(broker.folder, name));
    const authorities = read("broker-authority.pem");
    const link = { url: broker.url, authorities, certificate: read("fleet.pem"), key: read("fleet.key") };
    let calmSince: number | null = null;
    let restarted: Promise<void> | null = null;
    let isBack = false;
    let over = false;
    const restart = async (): Promise<void> => {
      brokerBytes = residentBytes(broker.pid) ?? 0;
      await broker.stop();
      await sleep(AWAY_MS);
      await broker.begin();
      isBack = true;
    };
    report = await simulate(
      broker.store,
      {
        ...{ count: DEVICE_COUNT, intervalSeconds: INTERVAL_SECONDS, perSecond: START_PER_SECOND },
        ...{ seconds: RUN_SECONDS, link, keep: false },
        terms: { brokers: [broker.url], certified: true, authorities: authorities.toString() },
      },
      {
        now: () => Math.floor(Date.now() / 1000),
        signal: new AbortController().signal,
        over: () => over,
        progress: ({ phase, seconds, counts, returns }) => {
          const { connected, records, waiting } = counts;
          process.stderr.write(
            `\rbench: sim ${phase} ${Math.floor(seconds)} s, ${connected} connected, ${records} records, ${waiting} waiting, ${returns.count} back\x1b[K`,
          );
          if (connected < DEVICE_COUNT || (restarted !== null && !isBack)) {
            calmSince = null;
            return;
          }
          calmSince ??= performance.now();
          if (performance.now() - calmSince < CALM_MS) return;
          if (restarted === null) restarted = restart();
          else over = true;
          calmSince = null;
        },
      },
    );
    process.stderr.write("\r\x1b[K");
    if (restarted === null)
      throw new Error(`only ${report.connected} of ${DEVICE_COUNT} devices were connected in time`);
    await restarted;
  } finally {
    await broker.stop();
  }
  for (const line of [
    `bench: ${DEVICE_COUNT} devices, a sample every ${INTERVAL_SECONDS} s, mutual TLS, broker restarted (away ${AWAY_MS / 1000} s)`,
    `bench: ${report.counts.records} records, ${report.counts.acknowledged} acknowledged, ${report.duplicates} twice, ${report.lost - report.lostAcknowledged} lost at QoS 0`,
    `bench: ${report.counts.failedTries} tries failed, the last device was back after ${Math.round(report.spread.longestMs / 1000)} s, mosquitto held ${Math.round(brokerBytes / 2 ** 20)} MiB`,
    ...report.spread.lines().map((line) => `bench:   ${line}`),
  ]) {
    console.error(line);
  }
  const connected = rowStart("sim-connected", "devices", "connected after a restart of the broker", DEVICE_COUNT, true);
  connected.ours.push(report.connected);
  const lost = rowStart("sim-lost", "records", "lost of those that the broker had acknowledged", 0);
  lost.ours.push(report.lostAcknowledged);
  const storm = rowStart("sim-returns", "devices/s", "came back in the busiest second", RETURNS_PER_SECOND_MAX);
  storm.ours.push(report.spread.perSecondMax);
  const resident = rowStart("sim-resident", "KiB", "memory of the simulator for each device", null);
  resident.ours.push(report.cost.residentBytes / DEVICE_COUNT / KIBIBYTE);
  const cpu = rowStart("sim-cpu", "% of a core", "processor time of the simulator, all devices", null);
  cpu.ours.push((100 * report.cost.cpuSeconds) / report.seconds);
  return [connected, lost, storm, resident, cpu];
}
