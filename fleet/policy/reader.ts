// Policy files: YAML in the words that people use, checked against the entries of agent/wire/policy.ts, every fault with its line and column, what
// is wrong and what to write instead. The result is the body of the signed document; its claims are added when it is signed.

import type { YAMLMap } from "yaml";
import { readBoundedText } from "../../agent/bounded-file.ts";
import { escapeText } from "../../agent/escape.ts";
import { UsageError } from "../../agent/failure.ts";
import { FILE_BYTES_MAX } from "../../agent/handset/reader.ts";
import { nameOf } from "../../agent/handset/readings.ts";
import { unitOf, type Type } from "../../agent/policy/units.ts";
import { keysOf, SECTIONS, type AnySection, type PolicyBody } from "../../agent/wire/policy.ts";
import type { About, StructureName } from "../../agent/wire/policy-key.ts";
import { PolicyFile } from "./file.ts";
import { STRUCTURES } from "./structures.ts";

/** Reads and checks a policy file. Throws UsageError with all its faults. */
export function readPolicyFile(path: string): PolicyBody {
  let text: string;
  try {
    text = readBoundedText(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new UsageError("POLICY_FILE", `${path} cannot be read: ${(error as Error).message}`);
  }
  return parsePolicyFile(text, path);
}

/** Checks the text of a policy file; `path` is for messages. */
export function parsePolicyFile(text: string, path: string): PolicyBody {
  const reader = new PolicyReader(text, path);
  const body = reader.policy();
  if (reader.faults.length === 0) return body;
  const faults = reader.faults.map((fault) => escapeText(fault, 600)).join("\n");
  throw new UsageError("POLICY_FAULTY", faults, "Every key, with comments: pocketvisor fleet policy new");
}

class PolicyReader extends PolicyFile {
  policy(): PolicyBody {
    const map = this.map(this.root, "the file");
    this.known(map, ["partition", ...Object.values(SECTIONS).map(({ word }) => word)]);
    if (map !== null && !map.has("partition")) {
      this.fault(map, "a policy governs one partition, by its name", "write `partition: work`");
    }
    const sections = Object.entries(SECTIONS).flatMap(([name, section]) => {
      const value = this.section(map, section);
      return value === undefined ? [] : [[name, value] as const];
    });
    return { partition: this.value(map, "partition", "", nameOf), ...Object.fromEntries(sections) } as PolicyBody;
  }

  private section(map: YAMLMap | null, section: AnySection): unknown {
    if (section.about !== undefined) return this.keyed(map, section.about, section.schema);
    const part = this.part(map, section.word);
    if (part === null) return undefined;
    const keys = keysOf(section);
    const also = keys.flatMap(([, , { unit }]) => Object.keys(STRUCTURES[unit as StructureName]?.also ?? {}));
    this.known(part, [...keys.map(([, , { word }]) => word), ...also]);
    const needed = keys.filter(([name, , { unit }]) => unitOf(unit) !== undefined && isNeeded(section, name));
    this.needs(
      part,
      section.word,
      needed.map(([, , { word }]) => word),
    );
    const values = keys.map(([name, , about, schema]) => [name, this.keyed(part, about, schema)] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }

  /** The value of a key, or undefined. */
  private keyed(map: YAMLMap | null, { word, unit: name }: About<unknown>, type: Type): unknown {
    const unit = unitOf(name);
    if (unit === undefined) return STRUCTURES[name as StructureName].read(this, map, word);
    if (unit.listed === true) return this.scalars(map, word, unit.read(type));
    return this.maybe(map, word, unit.read(type));
  }
}

/** Whether a section must have a key: its schema asks for it. */
function isNeeded({ schema }: AnySection, name: string): boolean {
  return schema.required?.includes(name) === true;
}
