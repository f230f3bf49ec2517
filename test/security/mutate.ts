// npx tsx test/security/mutate.ts --count N [--seed S]: mutates good signed documents and counts what is accepted, by reasons; then
// measures what the costliest messages take. Ends with 1 when anything forged was accepted.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../support/random.js";
import { judge, wordOf } from "../support/signed.js";
import { costly, isSpecimen, mutate, specimens, specimenTrust } from "./mutation.js";

const argument = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(name);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`usage: npx tsx test/security/mutate.ts [--count N] [--seed S]: ${name} needs a number above 0`);
  process.exit(2);
};

async function main(): Promise<void> {
  const [count, seed] = [argument("--count", 100_000), argument("--seed", 1)];
  const from = await specimens();
  const trust = specimenTrust();
  const known = isSpecimen(from);
  const random = new Random(seed);
  const words = new Map<string, number>();
  let [forged, genuine, same, slowest] = [0, 0, 0, 0];
  const started = performance.now();
  for (let made = 0; made < count; made++) {
    const mutant = mutate(random, from);
    if (known(mutant.bytes)) {
      same++;
      continue;
    }
    const before = performance.now();
    const word = wordOf(judge(mutant.bytes, mutant.via, { trust }));
    slowest = Math.max(slowest, performance.now() - before);
    words.set(word, (words.get(word) ?? 0) + 1);
    if (word !== "accepted" && word !== "unchanged") continue;
    if (mutant.genuine) genuine++;
    else {
      forged++;
      console.log(`ACCEPTED on ${mutant.via.kind}: ${Buffer.from(mutant.bytes).toString("hex")}`);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`${count} mutants in ${seconds.toFixed(0)} s (seed ${seed}): ${forged} forged accepted`);
  console.log(
    `${genuine} genuine ones in another order accepted, ${same} were what they had been; slowest ${slowest.toFixed(1)} ms`,
  );
  for (const [word, times] of [...words].sort(([, a], [, b]) => b - a)) console.log(`  ${word.padEnd(18)} ${times}`);
  await measure();
  process.exitCode = forged > 0 ? 1 : 0;
}

/** Median time and allocation of the costliest messages. */
async function measure(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const memory = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  console.log("the costliest messages, medians of 50:");
  for (const [what, via, bytes] of await costly()) {
    const runs = Array.from({ length: 50 }, () => {
      collect();
      const [held, before] = [memory(), performance.now()];
      const verdict = judge(bytes, via);
      return { word: wordOf(verdict), ms: performance.now() - before, bytes: memory() - held };
    });
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
    const kib = median(runs.map((run) => run.bytes)) / 1024;
    console.log(
      `  ${median(runs.map((run) => run.ms)).toFixed(2)} ms, ${kib.toFixed(0)} KiB: ${what} (${runs[0]!.word})`,
    );
  }
}

void main();
