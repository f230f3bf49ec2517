// A handset without threads: the real hypervisor and real machines in this process, in virtual time, driven by a list of requests.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ConsoleLog } from "../../agent/host/between/console-log.js";
import type { DiskQueue } from "../../agent/host/disk/queue.js";
import { HandsetLoop } from "../../agent/host/worker/loop.js";
import type { AuditChain, HandsetMessage, LoadedSpec, LoadedRequest } from "../../agent/host/between/messages.js";
import { Hypervisor } from "../../agent/host/hypervisor/hypervisor.js";
import { partitionPrepare } from "../../agent/host/monitor/prepare.js";
import type { BoardSpec, PowerSpec } from "../../agent/handset/contracts.js";
import type { HandsetSnapshot } from "../../agent/view.js";
import type { HandsetAnswer } from "../../agent/shell/orders.js";

const product = (name: string): WebAssembly.Module =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/${name}`, import.meta.url)));
export const machineModule = product("machine.wasm");
const hypervisorModule = product("hypervisor.wasm");

export const BOARD: BoardSpec = {
  ramBytes: 64 << 20,
  reserveBytes: 16 << 20,
  envelopeMicrowatts: 2_000_000,
  costs: { instruction: 900, blockOperation: 2_000_000, blockByte: 60, consoleByte: 1_000, networkByte: 350_000 },
};

const bare = (name: string): string => fileURLToPath(new URL(`../guest/bare/${name}.bin`, import.meta.url));

/** A partition that runs a guest of test/guest/bare: of keys, the first console byte tells it what to do. */
export function partitionOf(name: string, change: Partial<LoadedSpec> = {}, guest = "keys"): LoadedSpec {
  return { ...bareSpec(name, guest, null), ...change };
}

/** The same as partitionOf(), with hot code translated: at most `codeBytes` of it. */
export function translatedPartitionOf(name: string, codeBytes: number, change: Partial<LoadedSpec> = {}): LoadedSpec {
  return { ...bareSpec(name, "keys", null, codeBytes), ...change };
}

/** A partition that runs test/guest/bare/disk on this image. Served on the loop's thread, or, with a queue, by who takes from it. */
export function diskPartitionOf(
  name: string,
  path: string,
  change: Partial<LoadedSpec> = {},
  queue: DiskQueue | null = null,
): LoadedSpec {
  const spec = bareSpec(name, "disk", { path, readOnly: false });
  const queued = queue === null ? {} : { disk: null, diskQueue: queue.buffer };
  return { ...spec, ...queued, ...change };
}

function bareSpec(name: string, guest: string, disk: LoadedSpec["disk"], translateCodeBytes = 0): LoadedSpec {
  const prepared = partitionPrepare(
    {
      ramBytes: 1 << 20,
      mode: "scheduled",
      kernel: { path: bare(guest), sha256: null, offset: null, bssBytes: 0 },
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk,
      overhead: "small",
      translateCodeBytes,
      channels: true,
    },
    0,
  );
  return {
    name,
    image: "",
    plan: prepared.plan,
    machine: prepared.config,
    memoryBytes: prepared.memory.ramBytes + prepared.memory.overheadBytes,
    translateCodeBytes,
    cpu: { class: "best-effort", budget: 0, period: 100_000, ceiling: null, weight: 100 },
    energy: null,
    io: { blockOperations: null, blockBytes: null, consoleBytes: null },
    restart: { onFailure: "stop", max: 0, backoffFirstMs: 100, backoffMaxMs: 1_000, noProgressMs: 0 },
    disk,
    diskQueue: null,
    network: null,
    consoleLog: new ConsoleLog().buffer,
    consolePort: 0,
    inputIsWhole: false,
    verify: false,
  };
}

export interface Played {
  answers: HandsetAnswer[];
  messages: HandsetMessage[];
  /** When the last request had been answered. */
  snapshot: HandsetSnapshot;
  auditHash: string;
  /** Picojoules, exactly, at that moment. */
  energy: ReturnType<Hypervisor["energy"]>;
}

/** A request and the virtual time at which it is made, in milliseconds. */
export type Scripted = [atMs: number, request: LoadedRequest];

/** A board that draws nothing by itself, and no battery. */
export const NO_POWER: PowerSpec = { suspendMicrowatts: 0, idleMicrowatts: 0, battery: null, radios: {} };

/** Plays a script to its end at `endMs` of virtual time. `round` is called in each round of the loop, and does what other threads would
 *  do: true when it did something that the loop has not heard of yet. */
export function playHandset(
  script: Scripted[],
  endMs: number,
  board = BOARD,
  { power = NO_POWER, round = (): boolean => false } = {},
): Played {
  const hypervisor = new Hypervisor(hypervisorModule, board, "deterministic", () => 0);
  const answers: HandsetAnswer[] = [];
  const messages: HandsetMessage[] = [];
  let snapshot: HandsetSnapshot | null = null;
  let energy: Played["energy"] | null = null;
  let rings = 0;
  let asleep = false;
  let working = false;
  let next = 0;
  const finale: LoadedRequest[] = [{ op: "snapshot" }, { op: "quit" }];
  // When nobody has anything to do, virtual time stands still: then what comes next comes now.
  const due = (): boolean => (script[next]?.[0] ?? endMs) <= hypervisor.now() / 1e6 || asleep;
  new HandsetLoop({
    hypervisor,
    machineModule,
    deterministic: true,
    power,
    // It rings when a request is due or another thread was at work, and never sleeps.
    doorbell: {
      heard: () => {
        working = round();
        if (working) asleep = false;
        return working || due() ? ++rings : rings;
      },
      sleep: (_heard, milliseconds) => void (asleep = milliseconds === Infinity),
    },
    horizon: () => (script[next]?.[0] ?? endMs) * 1e6,
    now: () => 0,
    cpu: () => 0,
    nextRequest: () => {
      if (!due()) return null;
      asleep = false;
      const request = script[next]?.[1] ?? finale.shift();
      return request === undefined ? null : { id: next++, request };
    },
    post: (message) => {
      messages.push(message);
      if (message.kind !== "answer") return;
      answers.push(message.answer);
      if (!("value" in message.answer) || !isSnapshot(message.answer.value)) return;
      snapshot = message.answer.value;
      energy = hypervisor.energy();
    },
    heartbeat: () => undefined,
  }).run();
  return { answers, messages, snapshot: snapshot!, auditHash: hypervisor.rings.auditHash(), energy: energy! };
}

function isSnapshot(value: unknown): value is HandsetSnapshot {
  return typeof value === "object" && value !== null && "partitions" in value;
}

/** The requests that bring a partition to life and press a key of its guest. Its id is `partition`. */
export function bringUp(partition: number, spec: LoadedSpec, key: string): Scripted[] {
  return [
    [0, { op: "define", spec }],
    [0, { op: "admit", partition }],
    [0, { op: "start", partition }],
    [0, { op: "input", partition, bytes: Buffer.from(key) }],
  ];
}

/** What the partition's console has said. */
export function consoleOf(spec: LoadedSpec): string {
  return new ConsoleLog(spec.consoleLog).readFrom(0).bytes.toString("latin1");
}

/** A hypervisor without partitions in real time, by the test's clock. */
export function realtimeHypervisor(now: () => number): Hypervisor {
  return new Hypervisor(hypervisorModule, BOARD, "realtime", now);
}

/** A hypervisor without partitions, whose audit goes on from `chain`. Its clock stands still. */
export function startedHypervisor(
  chain: AuditChain,
  mode: "realtime" | "deterministic" = "deterministic",
  originMs = 0,
): Hypervisor {
  return new Hypervisor(hypervisorModule, BOARD, mode, () => 0, chain, originMs);
}
