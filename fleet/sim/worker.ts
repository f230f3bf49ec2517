// A process full of simulated devices: build/sim-worker.mjs, forked by `fleet sim` with an IPC channel ("advanced" serialization). It ends when its
// devices have left, or when the channel closes.

import { escapeText } from "../../agent/escape.ts";
import { systemClock } from "../../agent/link/clock.ts";
import { Herd } from "./herd.ts";
import type { FromHerd, ToHerd } from "./messages.ts";

const COUNTS_MS = 1_000;
const MICROSECONDS = 1e6;

function say(message: FromHerd): Promise<void> {
  return new Promise((done) => {
    if (!process.connected) done();
    else process.send!(message, undefined, {}, () => done());
  });
}

async function fail(error: unknown): Promise<never> {
  await say({ kind: "failed", message: escapeText((error as Error).stack ?? String(error), 2000) });
  process.exit(1);
}

const herd = new Herd(systemClock, Math.random);
let leaves = false;

async function leave(): Promise<void> {
  await tellCounts();
  await say({ kind: "left", facts: herd.facts });
  process.exit(0);
}

function tellCounts(): Promise<void> {
  const { user, system } = process.cpuUsage();
  const cost = { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / MICROSECONDS };
  return say({ kind: "counts", counts: herd.counts, returns: herd.takeReturns(), cost });
}

process.on("uncaughtException", (error) => void fail(error));
process.on("disconnect", () => process.exit(1));
// Ctrl-C in a terminal goes to the whole group; who started this process decides when it ends.
process.on("SIGINT", () => {});
process.on("message", (message: ToHerd) => {
  switch (message.kind) {
    case "start":
      setInterval(() => void tellCounts(), COUNTS_MS);
      herd.start(message.devices, message.settings).catch(fail);
      break;
    case "settle":
      herd.settle();
      break;
    case "leave":
      herd.changed = () => {
        if (leaves || !herd.hasLeft) return;
        leaves = true;
        void leave();
      };
      herd.leave();
      herd.changed();
  }
});
