// The reference monitor: every request that changes a partition goes through gate-program.ts in QuickJS, and what reaches the hypervisor is
// what the program issued. What JSON cannot carry (the load plan, the machine's configuration and shared buffers of `define`)
// travels beside it and is joined again to what was issued.
//
// Console input, snapshots, counters and the battery's drain change no partition's rights: they pass as they are.

import { readFileSync } from "node:fs";
import { buildProduct } from "../paths.ts";
import type { Limits } from "../policy/limits.ts";
import type { LimitMessage } from "./gate-program.ts";
import { orderOf, orderText } from "./order-text.ts";
import type { HandsetRequest, JudgedRequest, PartitionSpec, Refusal } from "./orders.ts";
import { Sandbox, type SandboxLimits, type SandboxOutcome } from "./sandbox.ts";

/** The program is our own, and its work grows with the text alone: the time is for a computer that is busy with something else. */
const LIMITS: SandboxLimits = {
  memoryBytes: 16 << 20,
  stackBytes: 256 << 10,
  milliseconds: 10_000,
  textMax: 64 << 10,
};

/** For the program itself to be read, once: on a busy computer, too. */
const PROGRAM_MS = 5000;

/** The program's text, as `npm run build` has made it. */
export function gateProgram(): string {
  return readFileSync(buildProduct("gate-program.js"), "utf8");
}

export class Gate {
  private readonly send: (request: HandsetRequest) => void;
  private readonly program: string;
  private sandbox: Sandbox | null = null;
  private issued: string[] = [];
  private readonly limits = new Map<string, Limits>();

  /** `send` puts a request into the control port. `program` is gateProgram(), but for tests. */
  constructor(send: (request: HandsetRequest) => void, program = gateProgram()) {
    this.send = send;
    this.program = program;
  }

  /** From here on, orders about this partition are held to these limits. */
  limit(partition: string, limits: Limits): void {
    this.limits.set(partition, limits);
    if (this.sandbox === null || tellLimits(this.sandbox, partition, limits).ended === "value") return;
    // A runtime that did not take them must not order anything; the next one is told all.
    this.sandbox.dispose();
    this.sandbox = null;
  }

  /** Checks a request and sends it on, or says why not. */
  async pass(request: HandsetRequest): Promise<Refusal | null> {
    switch (request.op) {
      case "input":
      case "input-end":
      case "stats":
      case "snapshot":
      case "drained":
        this.send(request);
        return null;
      default:
        return this.order(request);
    }
  }

  private async order(request: JudgedRequest | { op: "quit" }): Promise<Refusal | null> {
    const { text, attached } = detach(request);
    if (text.length > LIMITS.textMax)
      return refusal(`the request has ${text.length} characters, ${LIMITS.textMax} at most`);
    this.sandbox ??= await this.start();
    this.issued = [];
    const outcome = this.sandbox.evaluate(`order(${JSON.stringify(text)})`);
    if (outcome.ended !== "value" || outcome.json === undefined) {
      // Whatever state the program was left in, the next order gets a new runtime.
      this.sandbox.dispose();
      this.sandbox = null;
      return refusal(`its program did not end: ${JSON.stringify(outcome)}`);
    }
    const refused = JSON.parse(outcome.json) as string | null;
    const [issued] = this.issued;
    if (refused !== null) return refusal(refused);
    if (issued === undefined || this.issued.length > 1) return refusal("its program issued no single request");
    this.send(attach(issued, attached));
    return null;
  }

  private async start(): Promise<Sandbox> {
    const sandbox = await Sandbox.create(LIMITS);
    sandbox.expose("issue", (request) => {
      this.issued.push(request);
      return "";
    });
    const outcome = sandbox.evaluate(`${this.program}; null`, PROGRAM_MS);
    if (outcome.ended !== "value") throw new Error(`the shell's program is defective: ${JSON.stringify(outcome)}`);
    for (const [partition, limits] of this.limits) {
      const told = tellLimits(sandbox, partition, limits);
      if (told.ended !== "value") throw new Error(`the shell's program did not take limits: ${JSON.stringify(told)}`);
    }
    return sandbox;
  }
}

function tellLimits(sandbox: Sandbox, partition: string, limits: Limits): SandboxOutcome {
  const text = JSON.stringify({ partition, limits } satisfies LimitMessage);
  return sandbox.evaluate(`limit(${JSON.stringify(text)}); null`);
}

/** What the host adds to a partition's specification is no data: it stays outside QuickJS. */
type Attached = object;

function detach(request: JudgedRequest | { op: "quit" }): { text: string; attached: Attached | null } {
  if (request.op !== "define") return { text: orderText(request), attached: null };
  const { name, image, memoryBytes, translateCodeBytes, cpu, energy, io, restart, disk, ...attached } = request.spec;
  const spec: PartitionSpec = { name, image, memoryBytes, translateCodeBytes, cpu, energy, io, restart, disk };
  return { text: orderText({ op: "define", spec }), attached };
}

function attach(text: string, attached: Attached | null): HandsetRequest {
  const request = orderOf(text) as HandsetRequest;
  return request.op === "define" ? { op: "define", spec: { ...request.spec, ...attached } } : request;
}

function refusal(text: string): Refusal {
  return { reason: -1, text: `the shell refused: ${text}`, wanted: 0n, committed: 0n, limit: 0n };
}
