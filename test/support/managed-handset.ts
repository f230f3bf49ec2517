// A handset that belongs to a fleet, with real workers and small guests, and an agent that the test plays.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deserialize, serialize } from "node:v8";
import type { AgentMessage, MonitorMessage } from "../../agent/agent-messages.js";
import { readBoard } from "../../agent/handset/board.js";
import { parseHandsetFile } from "../../agent/handset/file.js";
import { Monitor, type ResolvedPartition } from "../../agent/host/monitor/monitor.js";
import { firstGovernance, writeGovernance } from "../../agent/shell/governance.js";
import type { Trust } from "../../agent/wire/trust.js";
import { enrolAgent } from "./agent-process.js";
import { DEVICE, fleetTrust, KEYS, signedDocument } from "./signed.js";
import { temporaryFolder } from "./temporary.js";

const LIMIT_MS = 60_000;
const KEYS_GUEST = fileURLToPath(new URL("../guest/bare/keys.bin", import.meta.url));
const FAKE_AGENT = fileURLToPath(new URL("./fake-agent.mjs", import.meta.url));

export interface ManagedHandset {
  monitor: Monitor;
  /** Says something as the agent. */
  say(message: AgentMessage): void;
  /** The next message of this kind from the monitor, since the last one that was taken. */
  hears<K extends MonitorMessage["kind"]>(
    kind: K,
    which?: (message: Extract<MonitorMessage, { kind: K }>) => boolean,
  ): Promise<Extract<MonitorMessage, { kind: K }>>;
  /** Ends the agent's process, as a crash would. */
  killAgent(): void;
}

/** Where a handset's state is, and how it begins: trusted as `trust` says. */
export function enrolledState(trust: Trust = fleetTrust({ floor: Math.floor(Date.now() / 1000) - 60 })): string {
  const state = temporaryFolder();
  writeGovernance(join(state, "pocketvisor/small/monitor/governance"), firstGovernance(DEVICE.id, trust));
  return state;
}

/** The same for a handset that was enrolled as users do it: everything lies in the state already. */
export function withEnrolledHandset(state: string, body: (handset: ManagedHandset) => Promise<void>): Promise<void> {
  return withManagedHandset(state, body, { enrolled: true });
}

/** Boots partitions "work" and "personal", with more keys as options say, and tells what time it is unless `timed` is false, in that state, and ends them after `body`. With `brokers`, the agent is the product's, and nobody plays it. */
export async function withManagedHandset(
  state: string,
  body: (handset: ManagedHandset) => Promise<void>,
  {
    more = "",
    work = "",
    personal = "",
    brokers = [],
    agent: agentMore = {},
    enrolled = false,
    timed = true,
  }: {
    more?: string;
    work?: string;
    personal?: string;
    brokers?: string[];
    agent?: Record<string, unknown>;
    enrolled?: boolean;
    timed?: boolean;
  } = {},
): Promise<void> {
  const before = process.env["XDG_STATE_HOME"];
  process.env["XDG_STATE_HOME"] = state;
  const folder = join(state, "pocketvisor/small/agent");
  mkdirSync(folder, { recursive: true });
  const heard: MonitorMessage[] = [];
  let wake: () => void = () => undefined;
  let agent: Socket | null = null;
  let asked = false;
  const server = createServer((socket) => {
    agent = socket;
    let rest: Buffer = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
        const end = 4 + rest.readUInt32LE(0);
        const message = deserialize(rest.subarray(4, end)) as MonitorMessage;
        if (timed && message.kind === "nonce" && message.nonce !== null) void answer(socket, message.nonce);
        heard.push(message);
        rest = rest.subarray(end);
      }
      wake();
    });
    send(socket, { kind: "ready", device: KEYS.device.publicKey });
    if (!asked) send(socket, { kind: "opened" });
    asked = true;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  writeFileSync(join(folder, "port"), String((server.address() as { port: number }).port));
  const partition = (name: string, kind: string, keys = ""): string =>
    `  - { name: ${name}, kind: ${kind}, kernel: ${KEYS_GUEST}, memory: 1M, overhead: small, cpu: { budget: 30ms, period: 100ms }${keys} }\n`;
  const text = `handset: small\npartitions:\n${partition("work", "work", work)}${partition("personal", "personal", personal)}${more}`;
  const file = parseHandsetFile(text, "small.yaml");
  if (brokers.length > 0) enrolAgent(folder, brokers, agentMore);
  const options = enrolled || brokers.length > 0 ? {} : { agentProgram: FAKE_AGENT };
  const monitor = new Monitor(file, readBoard("qemu-virt"), "realtime", () => undefined, options);
  const image = { path: KEYS_GUEST, sha256: null, offset: null, bssBytes: 0 };
  const resolved = file.partitions.map((each): ResolvedPartition => ({
    partition: each,
    image: {
      ramBytes: each.memoryBytes,
      kernel: image,
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk: each.disk,
      overhead: each.overhead,
      translateCodeBytes: typeof each.translate === "number" ? each.translate : 0,
      channels: true,
    },
  }));
  try {
    await monitor.boot(resolved);
    const isTold = (each: MonitorMessage): boolean => each.kind === "time" && each.session !== null;
    // The product's agent asks by itself, when it is connected; a handset that belongs to nobody has no agent.
    const isManaged = existsSync(join(state, "pocketvisor/small/monitor/governance"));
    while (timed && isManaged && options.agentProgram !== undefined && !heard.some(isTold)) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
    await body({
      monitor,
      say: (message) => send(agent!, message),
      hears: async (kind, which = () => true) => {
        for (const end = Date.now() + LIMIT_MS; ;) {
          const found = heard.findIndex((each) => each.kind === kind && which(each as never));
          if (found >= 0) return heard.splice(found, 1)[0] as never;
          if (Date.now() > end)
            throw new Error(`the monitor did not say ${kind}: ${heard.map((each) => each.kind).join(" ")}`);
          await new Promise<void>((resolve) => {
            wake = resolve;
            setTimeout(resolve, 1000).unref();
          });
        }
      },
      killAgent: () => {
        const { management } = monitor as unknown as { management: { view: { agentPid: number | null } } };
        process.kill(management.view.agentPid!, "SIGKILL");
      },
    });
  } finally {
    await monitor.close();
    await new Promise((resolve) => server.close(resolve));
    if (before === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = before;
  }
}

/** What the fleet says to who asks for the time. */
async function answer(socket: Socket, nonce: Uint8Array): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const times = { issued: now - 10, expires: now + 3600, version: 0 };
  const bytes = await signedDocument("now", { ...times, now, nonce });
  send(socket, { kind: "document", via: { kind: "now" }, bytes });
}

function send(socket: Socket, message: AgentMessage): void {
  const bytes = serialize(message);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  socket.write(Buffer.concat([head, bytes]));
}
