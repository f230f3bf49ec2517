// A fleet for tests: a folder of its own, a clock that stands, a device that trusts it, and the command with its output.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { accept, type Verdict, type Via } from "../../agent/wire/accept.js";
import { firstTrust, type Trust } from "../../agent/wire/trust.js";
import { runFleet } from "../../fleet/cli/main.js";
import { initKeys, pinOf, rootEnvelope } from "../../fleet/keys.js";
import { FleetStore } from "../../fleet/store.js";
import { DEVICE, KEYS, NOW, timesAt } from "./signed.js";
import { temporaryFolder } from "./temporary.js";

export interface TestFleet {
  store: FleetStore;
  environment: NodeJS.ProcessEnv;
}

export function emptyFleet(): TestFleet {
  const environment = { XDG_STATE_HOME: temporaryFolder() };
  return { store: new FleetStore("demo", environment), environment };
}

export async function madeFleet(now = NOW): Promise<TestFleet> {
  const fleet = emptyFleet();
  await initKeys(fleet.store, now);
  return fleet;
}

/** What a device says to an envelope, and what it trusts then. */
export function judged(trust: Trust, envelope: Uint8Array, via: Via, rtc = NOW): { verdict: Verdict; trust: Trust } {
  const verdict = accept(envelope, via, DEVICE, trust, nodeCrypto, timesAt(rtc));
  return { verdict, trust: verdict.verdict === "accepted" ? verdict.trust : trust };
}

/** A device that has the pin and the root document. */
export function enrolledTrust(store: FleetStore): Trust {
  const pinned = firstTrust(pinOf(store), NOW, KEYS.owner.publicKey);
  const { verdict, trust } = judged(pinned, rootEnvelope(store), { kind: "root" });
  if (verdict.verdict !== "accepted") throw new Error(`root: ${JSON.stringify(verdict)}`);
  return trust;
}

export interface FleetResult {
  status: number;
  out: string;
  said: string;
}

/** Runs `pocketvisor fleet …` in this process. */
export async function fleetRun(
  { environment }: TestFleet,
  args: string[],
  {
    answers = [] as string[],
    now = (): number => NOW,
    signal = new AbortController().signal,
    sleep = undefined as ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined,
  } = {},
): Promise<FleetResult> {
  const [out, said]: [string[], string[]] = [[], []];
  mkdirSync(join(environment["XDG_STATE_HOME"]!), { recursive: true });
  const status = await runFleet(args, {
    out: (line) => out.push(line),
    say: (line) => said.push(line),
    ask: async () => answers.shift() ?? null,
    environment,
    now,
    signal,
    ...(sleep === undefined ? {} : { sleep }),
  });
  return { status, out: out.join("\n"), said: said.join("\n") };
}
