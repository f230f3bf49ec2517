// The agent's process: build/agent.mjs FOLDER, forked by the monitor with an IPC channel ("advanced" serialization). It ends when the channel
// closes, and with a status that is not 0 when something is wrong; the monitor starts it again. What was acknowledged is on disk.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeText } from "../escape.ts";
import { Failure } from "../failure.ts";
import { AGENT_UNUSABLE, type AgentMessage, type MonitorMessage } from "../agent-messages.ts";
import { KeyFile } from "../identity/key-file.ts";
import { systemClock } from "../link/clock.ts";
import { Agent } from "./agent.ts";
import { readEnrolment } from "./enrolment.ts";
import { serveMetrics } from "./metrics.ts";

/** The exit status of a defect. */
const DEFECT = 1;

/** Sends, and is done when the channel took it. A channel that is closed ends the process by itself. */
function tell(message: AgentMessage): Promise<void> {
  return new Promise((done) => {
    if (!process.connected) done();
    else process.send!(message, undefined, {}, () => done());
  });
}

function complain(what: string): void {
  process.stderr.write(`agent: ${escapeText(what)}\n`);
}

async function main(): Promise<void> {
  const [folder] = process.argv.slice(2);
  if (folder === undefined || process.send === undefined) {
    complain("it is started by the monitor: pocketvisor up");
    process.exit(AGENT_UNUSABLE);
  }
  const enrolment = readEnrolment(join(folder, "enrolment.json"));
  const keyPath = join(folder, "device.key");
  if (!existsSync(keyPath)) {
    // A new key would be another device's.
    complain(`${keyPath} is gone. Put it back from a copy, or enrol the handset again: pocketvisor enrol URI`);
    process.exit(AGENT_UNUSABLE);
  }
  const key = await new KeyFile(keyPath).open();
  const agent = new Agent({
    folder,
    enrolment,
    key,
    keyPem: enrolment.certificate === null ? null : readFileSync(keyPath, "utf8"),
    clock: systemClock,
    random: Math.random,
    tell,
    trouble: complain,
    ended: () => process.exit(0),
  });
  const leave = (): void => {
    agent.close();
    process.exit(0);
  };
  process.on("disconnect", leave);
  if (!process.connected) leave();
  process.on("message", (message) => {
    try {
      agent.take(message as MonitorMessage);
    } catch (error) {
      // One message that says nothing that can be sent; those after it are as good as they were.
      if (!(error instanceof Failure)) throw error;
      complain(error.message);
    }
  });
  // The monitor decides when the agent ends: Ctrl-C in a terminal goes to the whole group.
  process.on("SIGINT", () => {});
  const port = enrolment.metrics ?? portOf(process.env["POCKETVISOR_METRICS_PORT"]);
  if (port !== null) await serveMetrics(port, () => agent.metrics());
  agent.start();
}

function portOf(text: string | undefined): number | null {
  const port = Number(text ?? NaN);
  return Number.isInteger(port) && port >= 0 && port < 65_536 ? port : null;
}

process.on("uncaughtException", (error) => {
  complain(error.stack ?? error.message);
  process.exit(DEFECT);
});
await main().catch((error: unknown) => {
  if (!(error instanceof Failure)) throw error;
  complain([error.message, error.hint].filter(Boolean).join(". "));
  process.exit(AGENT_UNUSABLE);
});
