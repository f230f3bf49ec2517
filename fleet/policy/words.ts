// What will change from one policy to another, in plain words.

import { factsOf, sentence } from "../../agent/policy/facts.ts";
import type { PolicyBody } from "../../agent/wire/policy.ts";

/** What changes from one policy to the other, a line each; none when they say the same. `before` null: there was no policy. */
export function changesOf(before: PolicyBody | null, after: PolicyBody): string[] {
  const old = new Map(before === null ? [] : factsOf(before).map((fact) => [fact.key, fact]));
  const lines: string[] = [];
  const name = after.partition;
  if (before !== null && before.partition !== name) {
    lines.push(`it governs ${name} instead of ${before.partition}; ${before.partition} keeps the policy that it has`);
  }
  for (const fact of factsOf(after)) {
    const was = old.get(fact.key);
    old.delete(fact.key);
    if (was === undefined) lines.push(`${name}: ${sentence(fact)} (nothing was said before)`);
    else if (sentence(was) !== sentence(fact)) {
      const instead = was.lead === fact.lead && was.tail === fact.tail ? was.value : sentence(was);
      lines.push(`${name}: ${sentence(fact)} instead of ${instead}`);
    }
  }
  for (const fact of old.values()) lines.push(`${name}: no longer: ${sentence(fact)}`);
  return lines;
}
