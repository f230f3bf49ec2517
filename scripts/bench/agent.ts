// The agent's process: what it holds and costs beside a broker on this computer, and what a sample costs on the wire.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeTelemetry } from "../../agent/wire/telemetry.ts";
import { DOWN, enrolledFolder, FakeMonitor, sampleAt, seconds, UP } from "../../test/support/agent-process.js";
import { residentBytes, startAedes } from "../../test/support/broker.js";
import { signedDocument } from "../../test/support/signed.js";
import { root } from "../stale.mjs";
import { rowStart, type Measurement } from "./report.ts";

/** Linux: USER_HZ is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const SAMPLES_PER_SECOND = 1_000;
const BUSY_SECONDS = 10;
/** Samples of one message at the standard settings: one a minute, sent every 15. */
const BATCH_SAMPLES = 15;

export async function measureAgent(runs: number, wants: (row: string) => boolean): Promise<Measurement[]> {
  const bundle = rowStart("agent-bundle", "bytes", "build/agent.mjs", 1_000_000);
  bundle.ours.push(statSync(join(root, "build/agent.mjs")).size);
  const bytes = rowStart("telemetry-bytes", "bytes", `a sample of two partitions, ${BATCH_SAMPLES} in a message`, 120);
  const samples = Array.from({ length: BATCH_SAMPLES }, (_, n) => ({
    ...sampleAt(seconds() + 60 * n),
    sequence: 1e6 + n,
  }));
  bytes.ours.push(encodeTelemetry(samples).length / BATCH_SAMPLES);
  const resident = rowStart(
    "agent-resident",
    "bytes",
    "connected, after 10,000 samples, documents, commands",
    70 * 2 ** 20,
  );
  const cpu = rowStart("publish-cpu", "cores", `${SAMPLES_PER_SECOND} samples/s through the queue to the broker`, 0.1);
  // Sizes need no process.
  const busy = [resident, cpu].some(({ name }) => wants(name));
  for (let run = 0; busy && run < runs; run++) {
    const broker = await startAedes();
    const settings = { sampleSeconds: 0, sendSeconds: 1, bytesPerDay: 2 ** 40 };
    const monitor = new FakeMonitor(enrolledFolder([broker.url]), { settings });
    try {
      // A retained document arrives when the subscriptions hold.
      const time = { issued: seconds(), expires: seconds() + 600, now: seconds() };
      await broker.publish(`${DOWN}/time`, await signedDocument("time", time), { retain: true });
      await monitor.until("document");
      for (let n = 0; n < 5; n++) {
        const id = new Uint8Array(16).fill(n + 1);
        await broker.publish(
          `${DOWN}/cmd`,
          await signedDocument("cmd", { issued: seconds(), expires: seconds() + 600, id }),
        );
        monitor.send({ kind: "sample", sample: sampleAt(seconds()) });
      }
      await broker.watch.until(
        "acks",
        () => broker.published.filter(({ topic }) => topic === `${UP}/ack`).length === 5,
      );
      await sleep(2_000);
      const before = cpuSeconds(monitor.child.pid!);
      const started = performance.now();
      for (let sent = 0; performance.now() - started < BUSY_SECONDS * 1000;) {
        const due = Math.floor(((performance.now() - started) * SAMPLES_PER_SECOND) / 1000);
        for (; sent < due; sent++) monitor.send({ kind: "sample", sample: sampleAt(seconds()) });
        await sleep(20);
      }
      cpu.ours.push((cpuSeconds(monitor.child.pid!) - before) / ((performance.now() - started) / 1000));
      // Behind the work, when it holds most.
      resident.ours.push(residentBytes(monitor.child.pid!) ?? NaN);
    } finally {
      monitor.send({ kind: "quit" });
      await monitor.ended;
      await broker.stop();
    }
  }
  return [bundle, bytes, resident, cpu];
}

/** Processor time of a process, user and system. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
