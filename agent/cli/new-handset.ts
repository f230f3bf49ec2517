// A handset file to begin with: two partitions that run as they are, and every other key as a comment.

import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { CPU, ENERGY, HANDSET, IO, PARTITION, RESTART } from "../handset/keys.ts";
import type { Shape } from "../handset/shape.ts";
import { buildProduct } from "../paths.ts";

/** What the template sets; the rest of the keys are comments. */
const SET = ["name", "kind", "guest", "memory", "cpu", "energy", "io", "restart"];

/** Writes a commented handset file. Throws UsageError when there is one already, or it cannot be written. */
export function writeNewHandset(path: string): void {
  try {
    writeFileSync(path, handsetTemplate(), { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new UsageError("USAGE_FILE", `${escapeText(path)} is there already`, "Name another file, or remove it.");
    }
    throw new UsageError("USAGE_FILE", `${escapeText(path)} cannot be written (${code})`);
  }
}

/** Its text. Editors that know JSON Schema explain and check it. */
export function handsetTemplate(): string {
  const schema = pathToFileURL(buildProduct("schemas/handset.schema.json")).href;
  return `# yaml-language-server: $schema=${schema}
# A handset. Check it: pocketvisor up FILE --dry-run. Start it: pocketvisor up FILE
handset: ${HANDSET.handset.example} # ${HANDSET.handset.about}
board: ${HANDSET.board.example} # ${HANDSET.board.about}

partitions:
  - name: personal # ${PARTITION.name.about}
    kind: personal # ${PARTITION.kind.about}
    guest: linux # ${PARTITION.guest.about}
    memory: 64M # ${PARTITION.memory.about}
    cpu: # ${PARTITION.cpu.about}
${comments(CPU, "      ", { budget: "40ms" })}
    energy: # ${PARTITION.energy.about}
${comments(ENERGY, "      ", { capacity: "60J", rate: "600mW" })}

  - name: work
    kind: work
    guest: linux
    memory: 64M
    cpu: { budget: 30ms, ceiling: 60ms }
    energy: { capacity: 40J, rate: 400mW }
    io: # ${PARTITION.io.about}
${comments(IO, "      ", { console: "200KB/s" })}
    restart: # ${PARTITION.restart.about}
${comments(RESTART, "      ", { "on-failure": "restart" })}
${comments(PARTITION, "    ", {}, SET)}

# channels: # ${HANDSET.channels.about}
#   - { from: work, to: personal }
# rules: # ${HANDSET.rules.about}
#   - { name: low-battery, on: [battery], allow: [pause], run: "pause('work')" }
# battery: { level: 40% } # ${HANDSET.battery.about}
`;
}

/** A line for each key that has an example: those in \`set\` with their values, the others as comments. */
function comments(shape: Shape, indent: string, set: Record<string, string>, without: string[] = []): string {
  return Object.entries(shape)
    .filter(([key, { example }]) => example !== "" && !without.includes(key))
    .map(([key, { example, about }]) => {
      const value = set[key];
      return value === undefined ? `${indent}# ${key}: ${example} # ${about}` : `${indent}${key}: ${value} # ${about}`;
    })
    .join("\n");
}
