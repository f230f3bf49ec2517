// The JSON Schema of policy files, for editors.

import { NAME_SCHEMA, type Schema } from "../../agent/handset/shape.ts";
import { unitOf } from "../../agent/policy/units.ts";
import { keysOf, SECTIONS, type AnySection } from "../../agent/wire/policy.ts";
import type { About, StructureName } from "../../agent/wire/policy-key.ts";
import type { Type } from "../../agent/policy/units.ts";
import { STRUCTURES } from "./structures.ts";

/** JSON Schema (draft 2020-12) of a policy file. */
export function policySchema(): Schema {
  const sections = Object.values(SECTIONS).map((section) => [section.word, sectionSchema(section)]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Pocketvisor policy",
    type: "object",
    additionalProperties: false,
    properties: { partition: NAME_SCHEMA, ...(Object.fromEntries(sections) as Record<string, Schema>) },
    required: ["partition"],
  };
}

function sectionSchema(section: AnySection): Schema {
  if (section.about !== undefined) return valueSchema(section.about, section.schema);
  const keys = keysOf(section);
  const properties: Record<string, Schema> = {};
  for (const [, , about, type] of keys) {
    properties[about.word] = valueSchema(about, type);
    Object.assign(properties, STRUCTURES[about.unit as StructureName]?.also ?? {});
  }
  const note = section.note === undefined ? {} : { description: section.note };
  return { ...note, type: "object", additionalProperties: false, properties };
}

function valueSchema({ unit, lead = "", tail = "", note }: About<unknown>, type: Type): Schema {
  const schema = unitOf(unit)?.schema(type) ?? STRUCTURES[unit as StructureName].schema;
  const description = [`${lead}${lead === "" ? "" : " …"}${tail}`, note ?? ""].filter((each) => each !== "").join("; ");
  return description === "" ? schema : { description, ...schema };
}
