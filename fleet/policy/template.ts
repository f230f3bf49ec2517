// What `fleet policy new` writes: every section and every key with its meaning, most of them commented out.

import { keysOf, SECTIONS, type AnySection } from "../../agent/wire/policy.ts";
import type { About } from "../../agent/wire/policy-key.ts";

const HEAD = `# A policy governs one partition of a handset, by its name. It never gives, it cuts: what the handset's own file grants
# is held to the limits here. What is left out is not limited.
# Check it with: pocketvisor fleet policy lint FILE

partition: work
`;

/** The text of a new policy file. `schema`: where editors find its JSON Schema; empty: nowhere. */
export function policyTemplate(schema = ""): string {
  const line = schema === "" ? "" : `# yaml-language-server: $schema=${schema}\n`;
  return `${line}${HEAD}\n${Object.values(SECTIONS).map(sectionText).join("\n")}`;
}

function sectionText(section: AnySection): string {
  const { word, keys, about } = section;
  const note = section.note ?? "";
  const set = about === undefined ? Object.values(keys).some((key) => key.about.set === true) : about.set === true;
  const lines =
    about === undefined
      ? [...head(word, note), ...keysOf(section).flatMap(([, , key]) => keyLines(key, set))]
      : topLines(about);
  return `${lines.map((each) => (set ? each : `# ${each}`)).join("\n")}\n`;
}

/** The keys of a section that is set are comments unless they are set too; those of a section that is not are all comments already. */
function keyLines(about: About<unknown>, sectionIsSet: boolean): string[] {
  const lines = valueLines(about);
  return lines.map((each) => (sectionIsSet && about.set !== true ? `  # ${each}` : `  ${each}`));
}

/** A section that is one value. */
const topLines = (about: About<unknown>): string[] => valueLines(about);

function valueLines({ word, unit, example, note = "" }: About<unknown>): string[] {
  const isBlock = example.includes("\n") || example.startsWith("- ") || unit === "texts";
  if (!isBlock) return [`${word}: ${example}${note === "" ? "" : ` # ${note}`}`];
  return [...head(word, note), ...example.split("\n").map((each) => `  ${each}`)];
}

const head = (word: string, note: string): string[] => [`${word}:${note === "" ? "" : ` # ${note}`}`];
