// npx tsx test/security/measure.ts: what one check of a signed document takes, in Node and inside QuickJS. Medians; the machine and its load
// belong to the figures.

import { loadavg } from "node:os";
import { Verifier } from "../../agent/shell/verify.js";
import { keyOf, DEVICE, fleetTrust, judge, KEYS, rolesOf, signedDocument, viaOf, timesAt } from "../support/signed.js";

const RUNS = 20;
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

async function main(): Promise<void> {
  const apps = Array.from({ length: 500 }, (_, index) => ({
    app: `${"a".repeat(110)}${index}`,
    state: "blocked" as const,
  }));
  const next = [keyOf(41), keyOf(42), keyOf(43)];
  const cases = [
    ["pol", await signedDocument("pol")],
    ["pol", await signedDocument("pol", { apps })],
    ["root", await signedDocument("root", { roles: rolesOf(next) }, [...KEYS.root.slice(0, 2), ...next.slice(0, 2)])],
  ] as const;
  const verifier = new Verifier();
  const started = performance.now();
  await verifier.accept(new Uint8Array(), viaOf("pol"), DEVICE, fleetTrust(), timesAt());
  console.log(`a new runtime: ${(performance.now() - started).toFixed(0)} ms`);
  for (const [kind, input] of cases) {
    const [inside, outside]: number[][] = [[], []];
    for (let run = 0; run < RUNS; run++) {
      let before = performance.now();
      const verdict = await verifier.accept(input, viaOf(kind), DEVICE, fleetTrust(), timesAt());
      inside!.push(performance.now() - before);
      if (verdict.verdict !== "accepted") throw new Error(verdict.verdict);
      before = performance.now();
      judge(input, kind);
      outside!.push(performance.now() - before);
    }
    const signatures = kind === "root" ? 4 : 1;
    console.log(
      `${kind}, ${input.length} bytes, signatures: ${signatures}: QuickJS ${median(inside!).toFixed(0)} ms, Node ${median(outside!).toFixed(2)} ms`,
    );
  }
  verifier.dispose();
  console.log(`load ${loadavg()[0]!.toFixed(1)}`);
}

void main();
