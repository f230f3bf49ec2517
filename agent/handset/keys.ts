// The keys of a handset file.

import {
  choiceSchema,
  field,
  listSchema,
  NAME_SCHEMA,
  quantitySchema,
  schemaOf,
  TEXT_SCHEMA,
  wholeSchema,
  type Schema,
  type Shape,
} from "./shape.ts";
import { integerOf, nameOf, oneOf, textOf } from "./readings.ts";
import {
  parseByteRate,
  parseBytes,
  parseCelsius,
  parseMicroseconds,
  parseMicrowatts,
  parseMilliseconds,
  parsePercent,
  parsePicojoules,
  parseRate,
  parseTranslated,
  UnitError,
  UNITS,
} from "./units.ts";
import { LIST_MOST as NETWORK_LIST_MOST } from "./network.ts";
import { DEVICE_USES, KIND_USES } from "./devices.ts";
import { LINK_KINDS, type HealthAction, type RuleCommand, type RuleTrigger } from "./contracts.ts";

export const PARTITIONS_MAX = 1000;
export const CHANNELS_MAX = 1000;
export const RULES_MAX = 32;
export const RULE_CHARACTERS_MAX = 16 << 10;
export const BATTERY_STEPS_MAX = 1000;
export const KINDS = ["work", "personal", "system"] as const;
export const TRIGGERS = ["battery", "thermal", "fault", "exhausted", "state"] as const satisfies RuleTrigger[];
/** What a rule may ask for: nothing that only a person should. */
export const RULE_COMMANDS = ["pause", "resume", "stop", "restart", "budget"] as const satisfies RuleCommand[];
const ACTIONS = ["ignore", "log", "restart", "pause", "stop"] as const satisfies HealthAction[];
const OVERHEADS = ["normal", "small"] as const;

const bytes = quantitySchema(UNITS.bytes, true);
const microseconds = quantitySchema(UNITS.microseconds);
const milliseconds = quantitySchema(UNITS.milliseconds);
const power = quantitySchema(UNITS.power);
const energy = quantitySchema(UNITS.energy);
const byteRate = quantitySchema(UNITS.byteRate);
const rate = quantitySchema(UNITS.rate);
const percent = quantitySchema(["%"]);
const celsius: Schema = { anyOf: [{ type: "number" }, { type: "string", pattern: "^-?\\d+(\\.\\d+)?\\s*°?C?$" }] };

export const CPU = {
  budget: field(parseMicroseconds, 0, microseconds, "30ms", "guaranteed time in each period; without it none is"),
  period: field(parseMicroseconds, 100_000, microseconds, "100ms", "length of a period, 1 ms to 10 s"),
  ceiling: field<number | null>(parseMicroseconds, null, microseconds, "60ms", "most time in each period; 0ms: never"),
  weight: field(
    integerOf(0, 10_000),
    100,
    wholeSchema(0, 10_000),
    "100",
    "share of the time that nobody is guaranteed",
  ),
} satisfies Shape;

export const ENERGY = {
  capacity: field(parsePicojoules, 1_000_000_000_000n, energy, "40J", "what the reserve can hold"),
  rate: field(parseMicrowatts, 0, power, "400mW", "what fills it, constantly"),
  share: field(parsePercent, 0, percent, "30%", "instead of a rate: a share of what else the battery loses"),
  initial: field<bigint | null>(
    parsePicojoules,
    null,
    energy,
    "10J",
    "what it holds at the first start; full if not said",
  ),
} satisfies Shape;

export const IO = {
  operations: field<number | null>(parseRate, null, rate, "500/s", "disk operations"),
  disk: field<number | null>(parseByteRate, null, byteRate, "1MB/s", "bytes to and from the disk"),
  console: field<number | null>(parseByteRate, null, byteRate, "200KB/s", "bytes that the console prints"),
} satisfies Shape;

/** What the lists of a network hold. */
const words = listSchema({ anyOf: [{ type: "string" }, { type: "integer" }] }, NETWORK_LIST_MOST);
export const NETWORK = {
  forward: { about: "ports of this computer that lead into it, PORT:GUEST-PORT", schema: words, example: "2222:22" },
  host: { about: "ports of 127.0.0.1 that it reaches at 10.0.2.2", schema: words, example: "8443" },
  allow: { about: "what it may reach, and nothing else", schema: words, example: "host.example:443" },
  deny: { about: "what it may not reach", schema: words, example: "10.0.0.0/8" },
  "bytes-per-day": field<number | null>(parseBytes, null, bytes, "50M", "IP bytes a day, both ways"),
} satisfies Shape;

export const RESTART = {
  "on-failure": field<HealthAction>(
    oneOf(ACTIONS),
    "restart",
    choiceSchema(ACTIONS),
    "restart",
    "what a failure of the guest leads to",
  ),
  max: field(integerOf(0, 1000), 5, wholeSchema(0, 1000), "5", "restarts in a row before it stays down"),
  backoff: field(parseMilliseconds, 500, milliseconds, "500ms", "wait before the first restart; it doubles"),
  "backoff-max": field(parseMilliseconds, 60_000, milliseconds, "1min", "longest wait"),
  "no-progress": field(
    parseMilliseconds,
    0,
    milliseconds,
    "10s",
    "processor time without sleep or output that counts as a failure",
  ),
} satisfies Shape;

const DEVICES_SCHEMA: Schema = {
  anyOf: [
    choiceSchema(DEVICE_USES),
    {
      type: "object",
      properties: Object.fromEntries(Object.entries(KIND_USES).map(([kind, uses]) => [kind, choiceSchema(uses)])),
      additionalProperties: choiceSchema(["none"]),
    },
  ],
};

/** "on", "off", or how many bytes of code there may be. */
function translationOf(value: unknown): "on" | "off" | number {
  if (value === "off" || value === "on") return value;
  return parseTranslated(value);
}

const yesOrNo = (value: unknown): boolean => oneOf(["yes", "no"])(value) === "yes";

function diskOf(value: unknown): { path: string; readOnly: boolean } {
  const text = textOf(value);
  return text.endsWith(",ro") ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false };
}

function scriptOf(value: unknown): string {
  if (String(value).trim().length > 0 && String(value).length <= RULE_CHARACTERS_MAX) return String(value);
  throw new UnitError(`expected JavaScript of 1 to ${RULE_CHARACTERS_MAX} characters`);
}

/** Of VIRTIO 1.2 §4.2.2 and §4.2.4. */
const TRANSPORTS = ["modern", "legacy"] as const;

export const PARTITION = {
  name: field(nameOf, "", NAME_SCHEMA, "work", "its name: 1 to 32 of a-z, 0-9 and -"),
  kind: field(
    oneOf(KINDS),
    "personal",
    choiceSchema(KINDS),
    "work",
    "whose it is: a fleet governs work, never personal",
  ),
  guest: field<string | null>(nameOf, null, NAME_SCHEMA, "linux", "a guest of `pocketvisor guest ls`"),
  kernel: field<string | null>(textOf, null, TEXT_SCHEMA, "zImage", "instead of a guest: a kernel of your own"),
  initrd: field<string | null>(textOf, null, TEXT_SCHEMA, "initrd.img", "its initramfs"),
  append: field<string | null>(textOf, null, TEXT_SCHEMA, "debug", "more for the kernel's command line"),
  memory: field(parseBytes, 64 << 20, bytes, "64M", "guest RAM"),
  overhead: field(oneOf(OVERHEADS), "normal", choiceSchema(OVERHEADS), "normal", "how large its machine's caches are"),
  translate: field<"on" | "off" | number>(
    translationOf,
    "off",
    { anyOf: [choiceSchema(["on", "off"]), { type: "boolean" }, bytes] },
    "on",
    "whether hot guest code becomes WebAssembly; a size caps it",
  ),
  neon: field<"on" | "off">(
    oneOf(["on", "off"]),
    "on",
    { anyOf: [choiceSchema(["on", "off"]), { type: "boolean" }] },
    "off",
    "whether its processor has Advanced SIMD",
  ),
  virtio: field<(typeof TRANSPORTS)[number] | null>(
    oneOf(TRANSPORTS),
    null,
    choiceSchema(TRANSPORTS),
    "legacy",
    "virtio-mmio's transport; as its image expects it, if not said",
  ),
  disk: field<{ path: string; readOnly: boolean } | null>(
    diskOf,
    null,
    TEXT_SCHEMA,
    "work.img",
    "a raw disk image; `FILE,ro` is read only",
  ),
  storage: field<number | null>(
    parseBytes,
    null,
    quantitySchema(UNITS.bytes, true),
    "1G",
    "a disk of its own of this size, encrypted, authenticated and whole after power cuts; instead of `disk`",
  ),
  encrypted: field<boolean | null>(
    yesOrNo,
    null,
    { anyOf: [choiceSchema(["yes", "no"]), { type: "boolean" }] },
    "yes",
    "whether its disk is encrypted at rest; when it is governed, if not said",
  ),
  devices: { about: "which devices it has, in one word or for each kind", schema: DEVICES_SCHEMA, example: "" },
  network: {
    about: "its network: none, nat, or what it may reach and what leads into it",
    schema: { anyOf: [choiceSchema(["none", "nat"]), schemaOf(NETWORK)] },
    example: "",
  },
  cpu: { about: "its share of the processor", schema: schemaOf(CPU), example: "" },
  energy: {
    about: "its reserve of energy; without one it draws from the battery",
    schema: schemaOf(ENERGY),
    example: "",
  },
  io: { about: "limits of its devices", schema: schemaOf(IO), example: "" },
  restart: { about: "what happens when it fails", schema: schemaOf(RESTART), example: "" },
} satisfies Shape;

export const CHANNEL = {
  from: field(nameOf, "", NAME_SCHEMA, "work", "the partition that sends"),
  "from-port": field(integerOf(0, 31), 0, wholeSchema(0, 31), "0", "its port"),
  to: field(nameOf, "", NAME_SCHEMA, "personal", "the partition that receives"),
  "to-port": field(integerOf(0, 31), 0, wholeSchema(0, 31), "0", "its port"),
  capacity: field(parseBytes, 64 << 10, bytes, "64K", "bytes that may wait, at most 16M; 0: notifications alone"),
  rate: field<number | null>(parseByteRate, null, byteRate, "1MB/s", "bytes a second"),
  messages: field<number | null>(parseRate, null, rate, "100/s", "messages a second"),
} satisfies Shape;

export const RULE = {
  name: field(nameOf, "", NAME_SCHEMA, "low-battery", "its name"),
  on: { about: "what it runs for", schema: listSchema(choiceSchema(TRIGGERS), TRIGGERS.length), example: "[battery]" },
  allow: {
    about: "commands that it may give",
    schema: listSchema(choiceSchema(RULE_COMMANDS), RULE_COMMANDS.length),
    example: "[pause]",
  },
  run: field(
    scriptOf,
    "",
    { type: "string", maxLength: RULE_CHARACTERS_MAX },
    "",
    "its JavaScript: agent/shell/README.md",
  ),
} satisfies Shape;

export const BATTERY_STATE = {
  level: field<number | null>(parsePercent, null, percent, "40%", "its level"),
  "charge-rate": field<number | null>(parseMicrowatts, null, power, "5W", "power of the charger; 0W: none"),
  temperature: field<number | null>(parseCelsius, null, celsius, "25", "degrees Celsius"),
} satisfies Shape;

export const BATTERY_STEP = {
  at: field(parseMilliseconds, 0, milliseconds, "10s", "when, after the start"),
  ...BATTERY_STATE,
} satisfies Shape;

export const BATTERY = {
  ...BATTERY_STATE,
  script: {
    about: "what happens to it",
    schema: listSchema(schemaOf(BATTERY_STEP, ["at"]), BATTERY_STEPS_MAX),
    example: "",
  },
} satisfies Shape;

/** A kind of link. Throws UnitError. */
export const linkKindOf = oneOf(LINK_KINDS);

export const LINK_STEPS_MAX = 1000;

export const LINK_STEP = {
  at: field(parseMilliseconds, 0, milliseconds, "10s", "when, after the start"),
  kind: field(linkKindOf, "ethernet", choiceSchema(LINK_KINDS), "cellular", "what it is from then on"),
} satisfies Shape;

export const LINK = {
  kind: field(linkKindOf, "ethernet", choiceSchema(LINK_KINDS), "wifi", "how the phone is connected when it starts"),
  script: {
    about: "what becomes of it",
    schema: listSchema(schemaOf(LINK_STEP, ["at", "kind"]), LINK_STEPS_MAX),
    example: "",
  },
} satisfies Shape;

export const HANDSET = {
  handset: field(nameOf, "handset", NAME_SCHEMA, "mine", "its name, for --handset"),
  board: field(nameOf, "qemu-virt", NAME_SCHEMA, "qemu-virt", "what there is to share out: a folder of boards/"),
  partitions: {
    about: "its partitions",
    schema: listSchema(schemaOf(PARTITION, ["name"]), PARTITIONS_MAX),
    example: "",
  },
  channels: {
    about: "who may send to whom",
    schema: listSchema(schemaOf(CHANNEL, ["from", "to"]), CHANNELS_MAX),
    example: "",
  },
  rules: {
    about: "scripts that answer to events",
    schema: listSchema(schemaOf(RULE, ["name", "on", "run"]), RULES_MAX),
    example: "",
  },
  battery: { about: "how a simulated battery begins, and what happens to it", schema: schemaOf(BATTERY), example: "" },
  link: {
    about: "how the phone is connected where its board has no sensor for it: a kind, or how it begins and changes",
    schema: { anyOf: [choiceSchema(LINK_KINDS), schemaOf(LINK)] },
    example: "wifi",
  },
} satisfies Shape;

/** The JSON Schema of handset files, for editors. */
export function handsetSchema(): Schema {
  const head = { $schema: "http://json-schema.org/draft-07/schema#", title: "Pocketvisor handset" };
  return { ...head, ...schemaOf(HANDSET, ["partitions"]) };
}
