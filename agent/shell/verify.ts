// The shell's own check of signed documents: one QuickJS runtime with verify-program.ts in it. The agent has checked before; this check is the
// one that counts, because what it trusts lies where the agent cannot write.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buildProduct } from "../paths.ts";
import type { AnyDocument, Verdict, Via } from "../wire/accept.ts";
import { fromHex, toHex } from "../wire/bytes.ts";
import type { Times } from "../wire/clock.ts";
import { openEnvelope } from "../wire/cose.ts";
import { DOCUMENT_BYTES_MAX } from "../wire/limits.ts";
import { decodeDocument } from "../wire/open.ts";
import type { Reason } from "../wire/reasons.ts";
import type { Device } from "../wire/scope.ts";
import { decodeTrust, encodeTrust, type Trust } from "../wire/trust.ts";
import { Sandbox, type SandboxLimits } from "./sandbox.ts";
import type { JudgeAnswer, JudgeRequest } from "./verify-program.ts";

/** Time for eight good signatures over 64 KiB on a busy host; a bad one ends the check, so a stranger gets the time of one. */
const LIMITS: SandboxLimits = { memoryBytes: 64 << 20, stackBytes: 256 << 10, milliseconds: 30_000, textMax: 16 << 20 };

/** The program's text, as `npm run build` has made it. */
export function verifyProgram(): string {
  return readFileSync(buildProduct("verify-program.js"), "utf8");
}

export class Verifier {
  private readonly program: string;
  private sandbox: Sandbox | null = null;

  /** `program` is verifyProgram(), but for tests. */
  constructor(program = verifyProgram()) {
    this.program = program;
  }

  /** As accept() of agent/wire. A check that does not come to its end refuses, with the reason `unchecked`. */
  async accept(input: Uint8Array, via: Via, device: Device, trust: Trust, times: Times): Promise<Verdict> {
    if (input.length > DOCUMENT_BYTES_MAX) {
      // QuickJS would say the same, and take its time for it.
      const detail = `${input.length} bytes, ${DOCUMENT_BYTES_MAX} at most`;
      return { verdict: "refused", reason: "too-large", detail, commandId: null };
    }
    const envelope = toHex(input);
    const parties = { ...device, id: toHex(device.id) };
    const clocks = { ...times, nonce: times.nonce === null ? null : toHex(times.nonce) };
    const request: JudgeRequest = { envelope, via, device: parties, trust: toHex(encodeTrust(trust)), times: clocks };
    this.sandbox ??= await this.start();
    const outcome = this.sandbox.evaluate(`judge(${JSON.stringify(request)})`);
    if (outcome.ended !== "value" || outcome.json === undefined) {
      // Whatever state the program was left in, the next envelope gets a new runtime.
      this.dispose();
      const detail = `the check did not come to its end: ${JSON.stringify(outcome)}`;
      return { verdict: "refused", reason: "unchecked", detail, commandId: null };
    }
    return verdictOf(JSON.parse(outcome.json) as JudgeAnswer, input, via);
  }

  /** Frees the runtime's memory. */
  dispose(): void {
    this.sandbox?.dispose();
    this.sandbox = null;
  }

  private async start(): Promise<Sandbox> {
    const sandbox = await Sandbox.create(LIMITS);
    sandbox.expose("hostSha256", (hex) => createHash("sha256").update(hex, "hex").digest("hex"));
    const outcome = sandbox.evaluate(`${this.program}; null`);
    if (outcome.ended !== "value") throw new Error(`the verify program is defective: ${JSON.stringify(outcome)}`);
    return sandbox;
  }
}

function verdictOf(answer: JudgeAnswer, input: Uint8Array, { kind }: Via): Verdict {
  switch (answer.verdict) {
    case "accepted": {
      // Only now, when QuickJS has found it good, is the document read out here too.
      const document = decodeDocument(kind, openEnvelope(input).payload);
      const accepted = { kind, document } as AnyDocument;
      return { verdict: "accepted", accepted, hash: fromHex(answer.hash)!, trust: decodeTrust(fromHex(answer.trust)!) };
    }
    case "unchanged":
      return { verdict: "unchanged", kind, hash: fromHex(answer.hash)! };
    case "refused": {
      const { detail, commandId } = answer;
      const id = commandId === null ? null : fromHex(commandId);
      return { verdict: "refused", reason: answer.reason as Reason, detail, commandId: id };
    }
  }
}
