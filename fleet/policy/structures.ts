// How policy files write what is more than one value: lists of mappings, mappings with free keys, values that exclude each other.

import { isScalar, type Node, type YAMLMap } from "yaml";
import { integerOf, nameOf, oneOf } from "../../agent/handset/readings.ts";
import { type Reading } from "../../agent/handset/shape.ts";
import {
  choiceSchema,
  listSchema,
  NAME_SCHEMA,
  quantitySchema,
  wholeSchema,
  type Schema,
} from "../../agent/handset/shape.ts";
import { parseByteRate, UnitError, UNITS } from "../../agent/handset/units.ts";
import { LIST_MAX, parseHash, parsePorts, POLICY_UNITS } from "../../agent/policy/units.ts";
import { tri } from "../../agent/wire/common.ts";
import type { StructureName } from "../../agent/wire/policy-key.ts";
import { devKind } from "../../agent/wire/policy-access.ts";
import { SECTIONS } from "../../agent/wire/policy.ts";
import type { PolicyFile } from "./file.ts";

const TEXT_BYTES_MAX = 1024;
const LANGUAGES_MAX = 32;
const DEVICES = devKind.names!;
const ACCESS = tri.names!;
const APP_STATES = ["blocked", "available", "required"] as const;
const PROTOCOLS = ["any", "tcp", "udp"] as const;
const SECTION_WORDS = Object.values(SECTIONS).map(({ word }) => word);
const version = integerOf(0, Number.MAX_SAFE_INTEGER);
const shortName = POLICY_UNITS.name.read({});
const duration = POLICY_UNITS.duration.schema({});
const hash = POLICY_UNITS.hash.schema({});

/** A structure in files. */
export interface Structure {
  /** Reads it: `map` has it under `word`, or is it, where a section is one. Undefined: it is not there. */
  read: (reader: PolicyFile, map: YAMLMap | null, word: string) => unknown;
  schema: Schema;
  /** Keys beside its own that it reads. */
  also?: Record<string, Schema>;
}

const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: "object",
  additionalProperties: false,
  properties,
  ...(required.length === 0 ? {} : { required }),
});

export const STRUCTURES: Record<StructureName, Structure> = {
  images: {
    read: (reader, map) => {
      const hashes = reader.scalars(map, "allowed", parseHash);
      const channel = reader.maybe(map, "channel", shortName);
      if ((hashes === undefined) === (channel === undefined)) {
        reader.fault(map, "images are allowed by their hashes or by a channel's name", "write `allowed: [SHA-256, …]`");
      }
      if (hashes?.length === 0) reader.fault(map, "allowed names no image", "name one, or leave images out");
      return hashes ?? channel ?? "";
    },
    schema: listSchema(hash, LIST_MAX),
    also: { channel: POLICY_UNITS.name.schema({}) },
  },
  apps: {
    read: (reader, map, word) =>
      reader.items(map, word, (item) => {
        reader.known(item, ["app", "state", "hash", "version-least"]);
        reader.needs(item, "an app", ["app", "state"]);
        return {
          app: reader.value(item, "app", "", shortName),
          state: reader.value(item, "state", "blocked", oneOf(APP_STATES)),
          ...given({
            hash: reader.maybe(item, "hash", parseHash),
            versionLeast: reader.maybe(item, "version-least", version),
          }),
        };
      }),
    schema: listSchema(
      object(
        {
          app: POLICY_UNITS.name.schema({}),
          state: choiceSchema(APP_STATES),
          hash,
          "version-least": wholeSchema(0, Number.MAX_SAFE_INTEGER),
        },
        ["app", "state"],
      ),
      LIST_MAX,
    ),
  },
  devices: {
    read: (reader, map, word) => {
      const part = reader.part(map, word);
      if (part === null) return undefined;
      reader.known(part, [...DEVICES]);
      const words = DEVICES.map((device) => [device, reader.maybe(part, device, oneOf(ACCESS))] as const);
      return new Map(words.filter(([, access]) => access !== undefined));
    },
    schema: object(Object.fromEntries(DEVICES.map((device) => [device, choiceSchema(ACCESS)]))),
  },
  rules: {
    read: (reader, map, word) => reader.items(map, word, (item) => networkRule(reader, item)),
    schema: listSchema(
      object({
        allow: POLICY_UNITS.name.schema({}),
        deny: POLICY_UNITS.name.schema({}),
        ports: { anyOf: [wholeSchema(0, 65_535), { type: "string", pattern: "^\\d{1,5}(-\\d{1,5})?$" }] },
        protocol: choiceSchema(PROTOCOLS),
      }),
      LIST_MAX,
    ),
  },
  channels: {
    read: (reader, map, word) =>
      reader.items(map, word, (item) => {
        reader.known(item, ["from", "to", "rate"]);
        reader.needs(item, "a channel", ["from", "to", "rate"]);
        return {
          from: reader.value(item, "from", "", nameOf),
          to: reader.value(item, "to", "", nameOf),
          bytesPerSecond: reader.value(item, "rate", 0, parseByteRate),
        };
      }),
    schema: listSchema(
      object({ from: NAME_SCHEMA, to: NAME_SCHEMA, rate: quantitySchema(UNITS.byteRate) }, ["from", "to", "rate"]),
      LIST_MAX,
    ),
  },
  enforcement: {
    read: (reader, map, word) =>
      reader.items(map, word, (item) => {
        reader.known(item, ["section", "block", "wipe"]);
        reader.needs(item, "an enforcement", ["section"]);
        const section = reader.value(item, "section", "budget", oneOf(SECTION_WORDS));
        return {
          section: Object.values(SECTIONS).find((each) => each.word === section)!.number,
          ...given({
            blockAfterSeconds: reader.maybe(item, "block", POLICY_UNITS.duration.read({})),
            wipeAfterSeconds: reader.maybe(item, "wipe", POLICY_UNITS["duration-or-never"].read({})),
          }),
        };
      }),
    schema: listSchema(
      object(
        {
          section: choiceSchema(SECTION_WORDS),
          block: duration,
          wipe: POLICY_UNITS["duration-or-never"].schema({}),
        },
        ["section"],
      ),
      LIST_MAX,
    ),
  },
  texts: {
    read: (reader, map, word) => {
      const part = reader.part(map, word);
      return part === null ? undefined : texts(reader, part);
    },
    schema: { type: "object", additionalProperties: { type: "string", maxLength: TEXT_BYTES_MAX } },
  },
};

function networkRule(reader: PolicyFile, item: YAMLMap | null): unknown {
  reader.known(item, ["allow", "deny", "ports", "protocol"]);
  if (item !== null && item.has("allow") === item.has("deny")) {
    reader.fault(item, "a rule either allows or denies", "write `- { allow: 10.0.0.0/8, ports: 443, protocol: tcp }`");
  }
  const ports = reader.value(item, "ports", { first: 0, last: 65_535 }, parsePorts);
  return {
    allow: item?.has("allow") ?? false,
    destination: reader.maybe(item, "allow", shortName) ?? reader.value(item, "deny", "", shortName),
    portFirst: ports.first,
    portLast: ports.last,
    protocol: reader.value(item, "protocol", "any", oneOf(PROTOCOLS)),
  };
}

function texts(reader: PolicyFile, map: YAMLMap): unknown {
  if (map.items.length > LANGUAGES_MAX) reader.fault(map, `more than ${LANGUAGES_MAX} languages`, "leave some out");
  return map.items.flatMap(({ key }) => {
    const language = isScalar(key) ? String(key.value) : "";
    if (!/^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,4}$/.test(language)) {
      reader.fault(key as Node, "texts are listed by language", 'write `en: "Managed by …"`');
      return [];
    }
    const bounded: Reading<string> = (value) => {
      if (Buffer.byteLength(String(value)) <= TEXT_BYTES_MAX) return String(value);
      throw new UnitError(`expected at most ${TEXT_BYTES_MAX} bytes`);
    };
    return [{ language, text: reader.value(map, language, "", bounded) }];
  });
}

/** Only the values that are there. */
function given(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
