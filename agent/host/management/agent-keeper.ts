// Keeps the agent's process alive: it carries the fleet's envelopes and holds no authority, so partitions run on while it is down. What it
// says is looked at before it is used, because it talks to the network.

import { fork, type ChildProcess } from "node:child_process";
import { AGENT_NODE_OPTIONS, AGENT_UNUSABLE, type AgentMessage, type MonitorMessage } from "../../agent-messages.ts";
import { buildProduct } from "../../paths.ts";
import { DOCUMENT_BYTES_MAX } from "../../wire/limits.ts";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 60_000;
/** An agent that has lived for so long was a good one. */
const LIVED_MS = 60_000;
/** Messages of the agent's in a second; one that sends more is ended. */
const MESSAGES_PER_SECOND_MAX = 2_000;
const QUIT_MS = 3_000;
/** The agent gives up after 30 s, and takes 2 more to say good-bye. */
const RETIRE_MS = 35_000;
const KINDS = ["root", "time", "now", "lock", "groups", "pol", "img", "cmd", "consent"];

export interface AgentCallbacks {
  message(message: AgentMessage): void;
  /** It ended by itself; the next one is on its way. */
  down(why: string): void;
}

export class AgentKeeper {
  private readonly folder: string;
  private readonly callbacks: AgentCallbacks;
  private readonly program: string;
  private child: ChildProcess | null = null;
  private timer: NodeJS.Timeout | undefined;
  private streak = 0;
  private closed = false;

  /** `folder` is the agent's own. It runs from start() on. */
  constructor(folder: string, callbacks: AgentCallbacks, program = buildProduct("agent.mjs")) {
    this.folder = folder;
    this.callbacks = callbacks;
    this.program = program;
  }

  /** The process's number, while there is one. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** Says something to the agent; nothing while it is down: it is told everything anew when it comes back. */
  send(message: MonitorMessage): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }

  /** Asks the agent to end, and ends it. */
  close(): Promise<void> {
    return this.end({ kind: "quit" }, QUIT_MS);
  }

  /** Asks the agent to send what waits and to end for good. */
  retire(): Promise<void> {
    return this.end({ kind: "retire" }, RETIRE_MS);
  }

  private async end(message: MonitorMessage, patienceMs: number): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    const { child } = this;
    if (child === null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    this.send(message);
    const late = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    await gone;
    clearTimeout(late);
  }

  /** Starts the agent, and again whenever it ends. */
  start(): void {
    if (this.closed) return;
    const child = fork(this.program, [this.folder], {
      serialization: "advanced",
      execArgv: AGENT_NODE_OPTIONS,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" },
    });
    const started = performance.now();
    let second = 0;
    let count = 0;
    child.on("message", (message: unknown) => {
      const now = Math.floor(performance.now() / 1000);
      count = now === second ? count + 1 : 1;
      second = now;
      if (count > MESSAGES_PER_SECOND_MAX) child.kill("SIGKILL");
      else if (isAgentMessage(message)) this.callbacks.message(message);
    });
    child.on("error", () => undefined);
    child.once("exit", (code, signal) => {
      this.child = null;
      if (this.closed) return;
      if (code === AGENT_UNUSABLE) {
        this.callbacks.down("the agent's enrolment or key cannot be used: pocketvisor enrol");
        return;
      }
      if (performance.now() - started >= LIVED_MS) this.streak = 0;
      this.timer = setTimeout(() => this.start(), Math.min(BACKOFF_FIRST_MS * 2 ** this.streak++, BACKOFF_MAX_MS));
      this.timer.unref();
      this.callbacks.down(`the agent ended (${signal ?? `status ${code ?? -1}`})`);
    });
    this.child = child;
  }
}

/** Whether a message has the shape of one. What an envelope in it says is another question, and not ours. */
function isAgentMessage(message: unknown): message is AgentMessage {
  const { kind, device, via, bytes, up, broker, why, waiting, sent, lost, trouble, next } = (message ?? {}) as Record<
    string,
    unknown
  >;
  const texts = (...values: unknown[]): boolean =>
    values.every((value) => typeof value === "string" && value.length <= 1024);
  switch (kind) {
    case "ready":
      return device instanceof Uint8Array && device.length === 32;
    case "document": {
      const { kind: documentKind, partition, retained } = (via ?? {}) as Record<string, unknown>;
      return (
        bytes instanceof Uint8Array &&
        bytes.length <= DOCUMENT_BYTES_MAX &&
        KINDS.includes(documentKind as string) &&
        (partition === undefined || texts(partition)) &&
        (retained === undefined || typeof retained === "boolean")
      );
    }
    case "opened":
      return true;
    case "audited":
      return Number.isSafeInteger(next) && (next as number) >= 0;
    case "link":
      return typeof up === "boolean" && texts(broker, why);
    case "queue":
      return [waiting, sent, lost].every((value) => Number.isSafeInteger(value)) && texts(trouble);
    default:
      return false;
  }
}
