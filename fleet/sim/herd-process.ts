// A process full of simulated devices, as seen from the one that started it; and how many of them there have to be.

import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { buildProduct } from "../../agent/paths.ts";
import { FleetError } from "../failure.ts";
import type { DeviceFacts, FromHerd, HerdCounts, ProcessCost, ToHerd } from "./messages.ts";
import type { Spread } from "./spread.ts";

/** Devices of one process, and what each of them holds open: its queue and its connection. */
const PER_PROCESS = 2_500;
const DESCRIPTORS_EACH = 2;
const DESCRIPTORS_REST = 64;
const PROCESSES_MAX = 8;

/** Of no devices. */
export const NONE: HerdCounts = {
  ...{ connected: 0, lostLinks: 0, failedTries: 0, records: 0, acknowledged: 0, waiting: 0, policies: 0, commands: 0 },
};

/** Into how many processes devices are put. Throws SIM_TOO_MANY for more than this computer lets a process open. */
export function processesFor(count: number): number {
  const limit = Math.floor((descriptorLimit() - DESCRIPTORS_REST) / DESCRIPTORS_EACH);
  const processes = Math.ceil(count / Math.min(PER_PROCESS, Math.max(1, limit)));
  if (processes <= PROCESSES_MAX) return processes;
  const what = `${count} devices are too many for ${PROCESSES_MAX} processes that may open ${descriptorLimit()} files each`;
  throw new FleetError("SIM_TOO_MANY", what, "Simulate fewer, or raise the limit (ulimit -n).");
}

/** Linux: /proc/self/limits. Elsewhere nothing says so beforehand. */
function descriptorLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

export class HerdProcess {
  counts = NONE;
  cost: ProcessCost = { residentBytes: 0, cpuSeconds: 0 };
  facts: DeviceFacts[] | null = null;
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private failure: string | null = null;

  constructor(spread: Spread) {
    const child = (this.child = fork(buildProduct("sim-worker.mjs"), [], {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }));
    this.ended = new Promise((resolve) => child.once("exit", () => resolve()));
    child.on("error", (error) => (this.failure = error.message));
    child.once("exit", (code, signal) => {
      if (this.facts === null) this.failure ??= `it ended (${signal ?? `status ${code ?? -1}`})`;
    });
    child.on("message", (message: FromHerd) => {
      if (message.kind === "failed") this.failure = message.message;
      else if (message.kind === "left") this.facts = message.facts;
      else {
        [this.counts, this.cost] = [message.counts, message.cost];
        for (const each of message.returns) spread.add(each);
      }
    });
  }

  send(message: ToHerd): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  /** Throws SIM_PROCESS when the process is gone that should not be. */
  check(): void {
    if (this.failure === null) return;
    throw new FleetError("SIM_PROCESS", `a process of simulated devices failed: ${this.failure}`);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}
