// Handset files: YAML, checked against one schema, every fault with its line, what is wrong and what to write instead.

import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node, type YAMLMap } from "yaml";
import { UsageError } from "../failure.ts";
import type {
  ChannelContract,
  CpuContract,
  EnergyContract,
  HealthAction,
  IoContract,
  RateLimit,
  RestartPolicy,
  RuleSpec,
} from "../host/handset-messages.ts";
import {
  parseByteRate,
  parseBytes,
  parseMicroseconds,
  parseMicrowatts,
  parseMilliseconds,
  parsePicojoules,
  parseRate,
  UnitError,
} from "./units.ts";

/** A file larger than this is no handset file. */
const FILE_BYTES_MAX = 1 << 20;
const PARTITIONS_MAX = 1000;
const CHANNELS_MAX = 1000;
const RULES_MAX = 32;
const RULE_CHARACTERS_MAX = 16 << 10;
const NAME = /^[a-z0-9-]{1,32}$/;
const KINDS = ["work", "personal", "system"] as const;
const TRIGGERS = ["battery", "fault", "exhausted", "state"] as const;
/** What a rule may ask for: nothing that only a person should. */
const RULE_COMMANDS = ["pause", "resume", "stop", "restart", "budget"] as const;
const ACTIONS = ["ignore", "log", "restart", "pause", "stop"] as const;

export interface HandsetPartition {
  name: string;
  kind: (typeof KINDS)[number];
  /** A guest's name, or paths of one's own. */
  guest: string | null;
  kernel: string | null;
  initrd: string | null;
  append: string | null;
  memoryBytes: number;
  overhead: "normal" | "small";
  disk: { path: string; readOnly: boolean } | null;
  cpu: CpuContract;
  energy: EnergyContract | null;
  io: IoContract;
  restart: RestartPolicy;
  /** Line of the file, for messages that come later. */
  line: number;
}

/** Partition `from` may send to `to`, out of port `fromPort` and into port `toPort`. */
export interface HandsetChannel {
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
  contract: ChannelContract;
}

export interface HandsetFile {
  path: string;
  name: string;
  board: string;
  partitions: HandsetPartition[];
  channels: HandsetChannel[];
  rules: RuleSpec[];
}

const DEFAULT_PERIOD = 100_000;
const DEFAULT_RESTART: RestartPolicy = {
  onFailure: "restart",
  max: 5,
  backoffFirstMs: 500,
  backoffMaxMs: 60_000,
  noProgressMs: 0,
};

/** Reads and checks a handset file. Throws UsageError with all its faults. */
export function readHandsetFile(path: string): HandsetFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError("HANDSET_FILE", `${path} cannot be read: ${(error as Error).message}`);
  }
  return parseHandsetFile(text, path);
}

/** Checks the text of a handset file; `path` is for messages. */
export function parseHandsetFile(text: string, path: string): HandsetFile {
  const reader = new Reader(text, path);
  const file = reader.handset();
  if (reader.faults.length > 0) {
    throw new UsageError("HANDSET_FAULTY", reader.faults.join("\n"), "A complete example: boards/handsets/demo.yaml.");
  }
  return file;
}

type Reading<T> = (value: unknown) => T;

class Reader {
  readonly faults: string[] = [];
  private readonly lines = new LineCounter();
  private readonly path: string;
  private readonly root: Node | null;

  constructor(text: string, path: string) {
    this.path = path;
    this.root = null;
    if (text.length > FILE_BYTES_MAX) {
      this.faults.push(`${path}: the file is larger than a handset file can be (${FILE_BYTES_MAX} bytes)`);
      return;
    }
    // Aliases could blow a small file up, and nothing here needs them.
    const document = parseDocument(text, { lineCounter: this.lines, schema: "core", merge: false, uniqueKeys: true });
    for (const error of document.errors)
      this.faults.push(`${path}:${this.lineAt(error.pos[0])}: ${error.message.split("\n")[0]}`);
    let aliased = false;
    visit(document, {
      Alias: () => void (aliased = true),
      Value: (_key, node) => void (aliased ||= node.anchor !== undefined),
    });
    if (aliased) {
      this.faults.push(`${path}: anchors and aliases are not allowed here`);
      return;
    }
    this.root = document.contents;
  }

  handset(): HandsetFile {
    const map = this.map(this.root, "the file");
    this.known(map, ["handset", "board", "partitions", "channels", "rules"]);
    const partitions: HandsetPartition[] = [];
    const list = map?.get("partitions", true) as Node | undefined;
    if (!isSeq(list))
      this.fault(list ?? map, "partitions must be a list", "write `partitions:` and a `- name: …` for each");
    else if (list.items.length > PARTITIONS_MAX)
      this.fault(list, `more than ${PARTITIONS_MAX} partitions`, "use fewer");
    else for (const item of list.items) partitions.push(this.partition(item as Node));
    const names = new Set<string>();
    for (const { name, line } of partitions) {
      if (names.has(name))
        this.faults.push(`${this.path}:${line}: two partitions are called ${name}; give each a name of its own`);
      names.add(name);
    }
    return {
      path: this.path,
      name: this.value(map, "handset", "handset", nameOf),
      board: this.value(map, "board", "qemu-virt", nameOf),
      partitions,
      channels: this.channels(map, names),
      rules: this.rules(map),
    };
  }

  private channels(map: YAMLMap | null, partitions: Set<string>): HandsetChannel[] {
    const list = map?.get("channels", true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list) || list.items.length > CHANNELS_MAX) {
      this.fault(list, `channels must be a list of at most ${CHANNELS_MAX}`, "write `- { from: work, to: personal }`");
      return [];
    }
    return list.items.map((item) => {
      const entry = this.map(item as Node, "a channel");
      this.known(entry, ["from", "from-port", "to", "to-port", "capacity", "rate", "messages"]);
      const end = (key: string): string => {
        const name = this.value(entry, key, "", nameOf);
        if (entry !== null && !partitions.has(name)) {
          this.fault(
            entry,
            `${key}: there is no partition ${JSON.stringify(name)}`,
            `partitions: ${[...partitions].join(", ")}`,
          );
        }
        return name;
      };
      const limit = (key: string, read: Reading<number>): RateLimit | null => {
        const rate = this.value<number | null>(entry, key, null, read);
        return rate === null ? null : { rate, burst: rate };
      };
      return {
        from: end("from"),
        fromPort: this.value(entry, "from-port", 0, integerOf(0, 31)),
        to: end("to"),
        toPort: this.value(entry, "to-port", 0, integerOf(0, 31)),
        contract: {
          capacity: this.value(entry, "capacity", 64 << 10, parseBytes),
          bytes: limit("rate", parseByteRate),
          messages: limit("messages", parseRate),
        },
      };
    });
  }

  private rules(map: YAMLMap | null): RuleSpec[] {
    const list = map?.get("rules", true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list)) this.fault(list, "rules must be a list", "write `rules:` and a `- name: …` for each");
    else if (list.items.length > RULES_MAX) this.fault(list, `more than ${RULES_MAX} rules`, "use fewer");
    else {
      const rules = list.items.map((item) => this.rule(item as Node));
      rules.forEach(({ name }, at) => {
        if (rules.findIndex((each) => each.name === name) < at)
          this.fault(list.items[at] as Node, `two rules are called ${name}`, "give each a name of its own");
      });
      return rules;
    }
    return [];
  }

  private rule(node: Node): RuleSpec {
    const map = this.map(node, "a rule");
    this.known(map, ["name", "on", "allow", "run"]);
    for (const key of ["name", "on", "run"]) {
      if (map !== null && !map.has(key)) this.fault(map, `a rule needs ${key}`, `write \`${key}: …\``);
    }
    return {
      name: this.value(map, "name", "", nameOf),
      on: this.choices(map, "on", TRIGGERS),
      allow: this.choices(map, "allow", RULE_COMMANDS),
      run: this.value(map, "run", "", scriptOf),
    };
  }

  /** A list of words. */
  private choices<T extends string>(map: YAMLMap | null, key: string, choices: readonly T[]): T[] {
    const list = map?.get(key, true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list) || list.items.length > choices.length) {
      this.fault(list, `${key} must be a list of ${choices.join(", ")}`, `write \`${key}: [${choices[0]}]\``);
      return [];
    }
    const found: T[] = [];
    for (const item of list.items) {
      const word = isScalar(item) ? choices.find((choice) => choice === item.value) : undefined;
      if (word !== undefined) found.push(word);
      else this.fault(item as Node, `${key} knows ${choices.join(", ")}`, "");
    }
    return found;
  }

  private partition(node: Node): HandsetPartition {
    const map = this.map(node, "a partition");
    this.known(map, [
      "name",
      "kind",
      "guest",
      "kernel",
      "initrd",
      "append",
      "memory",
      "overhead",
      "disk",
      "cpu",
      "energy",
      "io",
      "restart",
    ]);
    const guest = this.value(map, "guest", null, nameOf);
    const kernel = this.value(map, "kernel", null, textOf);
    if (map !== null && (guest === null) === (kernel === null)) {
      this.fault(map, "a partition needs either a guest or a kernel", "write `guest: linux`");
    }
    const name = this.value(map, "name", "", nameOf);
    if (name === "" && map !== null) this.fault(map, "a partition needs a name", "write `name: work`");
    return {
      name,
      kind: this.value(map, "kind", "personal", oneOf(KINDS)),
      guest,
      kernel,
      initrd: this.value(map, "initrd", null, textOf),
      append: this.value(map, "append", null, textOf),
      memoryBytes: this.value(map, "memory", 64 << 20, parseBytes),
      overhead: this.value(map, "overhead", "normal", oneOf(["normal", "small"] as const)),
      disk: this.value(map, "disk", null, diskOf),
      cpu: this.cpu(this.part(map, "cpu")),
      energy: this.energy(this.part(map, "energy")),
      io: this.io(this.part(map, "io")),
      restart: this.restart(this.part(map, "restart")),
      line: this.lineAt(node.range?.[0] ?? 0),
    };
  }

  private cpu(map: YAMLMap | null): CpuContract {
    this.known(map, ["budget", "period", "ceiling", "weight"]);
    const budget = this.value(map, "budget", 0, parseMicroseconds);
    const period = this.value(map, "period", DEFAULT_PERIOD, parseMicroseconds);
    if (map !== null && budget > period) {
      this.fault(
        map,
        `a budget of ${budget} µs does not fit into its period of ${period} µs`,
        "make the period longer or the budget shorter",
      );
    }
    return {
      class: budget > 0 ? "guaranteed" : "best-effort",
      budget,
      period,
      ceiling: this.value<number | null>(map, "ceiling", null, parseMicroseconds),
      weight: this.value(map, "weight", 100, integerOf(0, 10_000)),
    };
  }

  private energy(map: YAMLMap | null): EnergyContract | null {
    this.known(map, ["capacity", "rate"]);
    if (map === null) return null;
    return {
      capacity: this.value(map, "capacity", 1_000_000_000_000n, parsePicojoules),
      rate: this.value(map, "rate", 0, parseMicrowatts),
    };
  }

  private io(map: YAMLMap | null): IoContract {
    this.known(map, ["operations", "disk", "console"]);
    const limit = (key: string, read: Reading<number>): RateLimit | null => {
      const rate = this.value<number | null>(map, key, null, read);
      // A burst of one second's worth.
      return rate === null ? null : { rate, burst: rate };
    };
    return {
      blockOperations: limit("operations", parseRate),
      blockBytes: limit("disk", parseByteRate),
      consoleBytes: limit("console", parseByteRate) ?? { rate: 1_000_000, burst: 256_000 },
    };
  }

  private restart(map: YAMLMap | null): RestartPolicy {
    this.known(map, ["on-failure", "max", "backoff", "backoff-max", "no-progress"]);
    return {
      onFailure: this.value<HealthAction>(map, "on-failure", DEFAULT_RESTART.onFailure, oneOf(ACTIONS)),
      max: this.value(map, "max", DEFAULT_RESTART.max, integerOf(0, 1000)),
      backoffFirstMs: this.value(map, "backoff", DEFAULT_RESTART.backoffFirstMs, parseMilliseconds),
      backoffMaxMs: this.value(map, "backoff-max", DEFAULT_RESTART.backoffMaxMs, parseMilliseconds),
      noProgressMs: this.value(map, "no-progress", DEFAULT_RESTART.noProgressMs, parseMilliseconds),
    };
  }

  /** A map, or null and a fault. */
  private map(node: Node | null | undefined, what: string): YAMLMap | null {
    if (isMap(node)) return node;
    if (this.root !== null || this.faults.length === 0)
      this.fault(node, `${what} must be a mapping of keys to values`, "see the example");
    return null;
  }

  /** An optional map under a key. */
  private part(map: YAMLMap | null, key: string): YAMLMap | null {
    const node = map?.get(key, true) as Node | undefined;
    if (node === undefined) return null;
    return this.map(node, key);
  }

  private known(map: YAMLMap | null, keys: string[]): void {
    for (const { key } of map?.items ?? []) {
      const text = isScalar(key) ? String(key.value) : "?";
      if (keys.includes(text)) continue;
      this.fault(key as Node, `unknown key ${JSON.stringify(text)}`, `keys here: ${keys.join(", ")}`);
    }
  }

  private value<T>(map: YAMLMap | null, key: string, absent: T, read: Reading<T>): T {
    const node = map?.get(key, true) as Node | undefined;
    if (node === undefined) return absent;
    if (!isScalar(node)) {
      this.fault(node, `${key} must be one value`, `write \`${key}: …\``);
      return absent;
    }
    try {
      return read(node.source ?? node.value);
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      this.fault(node, `${key}: ${error.message}`, "");
      return absent;
    }
  }

  private fault(node: Node | null | undefined, what: string, hint: string): void {
    const line = this.lineAt(node?.range?.[0] ?? 0);
    this.faults.push(`${this.path}:${line}: ${what}${hint === "" ? "" : ` (${hint})`}`);
  }

  private lineAt(offset: number): number {
    return this.lines.linePos(offset).line || 1;
  }
}

function nameOf(value: unknown): string {
  if (NAME.test(String(value))) return String(value);
  throw new UnitError(`a name has 1 to 32 of the characters a-z, 0-9 and -, not ${JSON.stringify(value)}`);
}

function textOf(value: unknown): string {
  if (String(value).length > 0 && String(value).length <= 4096) return String(value);
  throw new UnitError("expected a text of 1 to 4096 characters");
}

function scriptOf(value: unknown): string {
  if (String(value).trim().length > 0 && String(value).length <= RULE_CHARACTERS_MAX) return String(value);
  throw new UnitError(`expected JavaScript of 1 to ${RULE_CHARACTERS_MAX} characters`);
}

function diskOf(value: unknown): { path: string; readOnly: boolean } {
  const text = textOf(value);
  return text.endsWith(",ro") ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false };
}

function integerOf(least: number, most: number): Reading<number> {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new UnitError(`expected a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
  };
}

function oneOf<T extends string>(choices: readonly T[]): Reading<T> {
  return (value) => {
    if (choices.includes(String(value) as T)) return String(value) as T;
    throw new UnitError(`expected one of ${choices.join(", ")}, not ${JSON.stringify(value)}`);
  };
}
