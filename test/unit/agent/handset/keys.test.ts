// The schema of handset files, and the template, say what the reader reads.

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { handsetTemplate, writeNewHandset } from "../../../../agent/cli/new-handset.js";
import { boardNames, boardSchema, checkBoard, readBoard } from "../../../../agent/handset/board.js";
import { parseHandsetFile } from "../../../../agent/handset/file.js";
import * as keys from "../../../../agent/handset/keys.js";
import { isField, type Field, type Schema, type Shape } from "../../../../agent/handset/shape.js";
import { UnitError } from "../../../../agent/handset/units.js";
import { assertFails } from "../../../support/failure.js";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const schema = suite("handset keys");
const SHAPES: Record<string, Shape> = {
  ...{ cpu: keys.CPU, energy: keys.ENERGY, io: keys.IO, restart: keys.RESTART, partition: keys.PARTITION },
  ...{ channel: keys.CHANNEL, rule: keys.RULE, step: keys.BATTERY_STEP, handset: keys.HANDSET },
};
const FIELDS = Object.entries(SHAPES).flatMap(([name, shape]) =>
  Object.entries(shape)
    .filter((entry): entry is [string, Field<unknown>] => isField(entry[1]))
    .map(([key, field]): [string, Field<unknown>] => [`${name}.${key}`, field]),
);

function reads({ read }: Field<unknown>, text: string): boolean {
  try {
    read(text);
    return true;
  } catch (error) {
    if (error instanceof UnitError) return false;
    throw error;
  }
}

/** Whether a schema of ours takes a text, as YAML's core schema gives it. */
function takes(of: Schema, text: string): boolean {
  if (Array.isArray(of["anyOf"])) return (of["anyOf"] as Schema[]).some((each) => takes(each, text));
  if (Array.isArray(of["enum"])) return of["enum"].includes(text);
  const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  const [least, most] = [Number(of["minimum"] ?? -Infinity), Number(of["maximum"] ?? Infinity)];
  if (of["type"] === "integer") return Number.isInteger(number) && number >= least && number <= most;
  if (of["type"] === "number") return number >= least && number <= most;
  if (of["type"] === "boolean") return text === "true" || text === "false";
  const { length } = text;
  if (length < Number(of["minLength"] ?? 0) || length > Number(of["maxLength"] ?? Infinity)) return false;
  return of["pattern"] === undefined || new RegExp(of["pattern"] as string).test(text);
}

schema("the example of every key is read, and is valid by its schema", () => {
  for (const [name, field] of FIELDS) {
    if (field.example === "") continue;
    assert.ok(reads(field, field.example), `${name}: ${field.example}`);
    assert.ok(takes(field.schema, field.example), `${name}: ${JSON.stringify(field.schema)}`);
  }
});

schema("what a quantity's schema takes, the reader takes; what has no number, neither", () => {
  const units = [
    "",
    "K",
    "M",
    "G",
    "MiB",
    "KB",
    "us",
    "µs",
    "ms",
    "s",
    "min",
    "mW",
    "W",
    "J",
    "mJ",
    "B/s",
    "MB/s",
    "/s",
    "%",
  ];
  const texts = fc.tuple(fc.nat(99), fc.constantFrom("", " ", "-"), fc.constantFrom(...units, "x"));
  const quantities = FIELDS.filter(([, { schema: of }]) => JSON.stringify(of).includes("\\\\d+"));
  assert.ok(quantities.length > 15);
  fc.assert(
    fc.property(texts, fc.constantFrom(...quantities), ([number, gap, unit], [name, field]) => {
      const text = `${number}${gap}${unit}`;
      if (takes(field.schema, text))
        assert.ok(reads(field, text) || name === "partition.translate", `${name}: ${text}`);
      if (unit === "x") assert.not(takes(field.schema, text));
    }),
    { seed: 1, numRuns: 3000 },
  );
});

schema("sizes are written alike everywhere", () => {
  const { read } = keys.PARTITION.memory;
  for (const text of ["64M", "64MiB", "64MB", "64 M", "64m", "65536K", "67108864"])
    assert.is(read(text), 64 << 20, text);
  for (const text of ["64X", "M", "-1M", "64MiBB", ""]) assert.throws(() => read(text), /expected a size such as 64M/);
});

schema("the template is a handset, and names the schema", () => {
  const { partitions } = parseHandsetFile(handsetTemplate(), "t");
  assert.equal(
    partitions.map(({ name, kind, cpu }) => [name, kind, cpu.budget]),
    [
      ["personal", "personal", 40_000],
      ["work", "work", 30_000],
    ],
  );
  assert.match(
    handsetTemplate(),
    /^# yaml-language-server: \$schema=file:\/\/\/.*\/build\/schemas\/handset\.schema\.json\n/,
  );
});

schema("every comment of the template is a key that may be set", () => {
  const text = handsetTemplate().replace(/^( +)# ([a-z-]+): /gm, "$1$2: ");
  // Two ways to fill a reserve, two kinds of kernel, two kinds of disk exclude each other.
  const one = text.replace(/^ +(share|kernel|initrd|storage): .*\n/gm, "").replace("encrypted: yes", "encrypted: no");
  assert.is(parseHandsetFile(one, "t").partitions.length, 2);
});

schema("a new file takes nothing's place", () => {
  const path = `${temporaryFolder()}/handset.yaml`;
  writeNewHandset(path);
  assertFails("USAGE_FILE", () => writeNewHandset(path));
  assertFails("USAGE_FILE", () => writeNewHandset(temporaryFile("", "other")));
  assertFails("USAGE_FILE", () => writeNewHandset("/nowhere/handset.yaml"));
});

schema("a board's schema needs what the reader needs, within the same bounds", () => {
  const of = boardSchema() as { required: string[]; properties: Record<string, Schema> };
  for (const name of boardNames()) assert.is(readBoard(name).name, name);
  const { faults } = checkBoard({}, "empty");
  for (const key of of.required)
    assert.ok(
      faults.some((fault) => fault.includes(key)),
      `${key} in ${faults.join("; ")}`,
    );
  const { minimum, maximum } = of.properties["cores"] as { minimum: number; maximum: number };
  const fault = faults.find((each) => each.startsWith("cores"));
  assert.is(fault, `cores must be a number from ${minimum} to ${maximum}, not undefined`);
});

schema.run();
