// Handset files: YAML, checked against one schema, every fault with its line, what is wrong and what to write instead.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { isSeq, type Node, type YAMLMap } from "yaml";
import type { BatteryScript } from "../battery/battery.ts";
import { readBoundedText } from "../bounded-file.ts";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { readBatteryScript } from "./battery-script.ts";
import { readDevices, type Devices } from "./devices.ts";
import { FILE_BYTES_MAX, FileReader, integerOf, nameOf, oneOf, textOf, type Reading } from "./reader.ts";
import {
  parseByteRate,
  parseBytes,
  parseTranslated,
  parseMicroseconds,
  parseMicrowatts,
  parseMilliseconds,
  parsePercent,
  parsePicojoules,
  parseRate,
  UnitError,
} from "./units.ts";
import type {
  ChannelContract,
  CpuContract,
  EnergyContract,
  HealthAction,
  IoContract,
  RateLimit,
  RestartPolicy,
  RuleSpec,
} from "./contracts.ts";

const PARTITIONS_MAX = 1000;
const CHANNELS_MAX = 1000;
const RULES_MAX = 32;
const RULE_CHARACTERS_MAX = 16 << 10;
const KINDS = ["work", "personal", "system"] as const;
const TRIGGERS = ["battery", "thermal", "fault", "exhausted", "state"] as const;
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
  /** Whether hot guest code becomes WebAssembly; a number: at most so many bytes of it. */
  translate: "on" | "off" | number;
  disk: { path: string; readOnly: boolean } | null;
  /** Whether its disk is encrypted at rest; null: when it is governed. */
  encrypted: boolean | null;
  cpu: CpuContract;
  energy: EnergyContract | null;
  /** Picojoules that its reserve holds at the first start. */
  energyInitial: bigint;
  devices: Devices;
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
  /** For a simulated battery; null: it is full, and left alone. */
  battery: BatteryScript | null;
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
    text = readBoundedText(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new UsageError("HANDSET_FILE", `${escapeText(path)} cannot be read: ${(error as Error).message}`);
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

class Reader extends FileReader {
  handset(): HandsetFile {
    const map = this.map(this.root, "the file");
    this.known(map, ["handset", "board", "partitions", "channels", "rules", "battery"]);
    const board = this.value(map, "board", "qemu-virt", nameOf);
    const partitions: HandsetPartition[] = [];
    const list = map?.get("partitions", true) as Node | undefined;
    if (!isSeq(list))
      this.fault(list ?? map, "partitions must be a list", "write `partitions:` and a `- name: …` for each");
    else if (list.items.length > PARTITIONS_MAX)
      this.fault(list, `more than ${PARTITIONS_MAX} partitions`, "use fewer");
    else for (const item of list.items) partitions.push(this.partition(item as Node, board));
    const names = new Set<string>();
    for (const { name, line } of partitions) {
      if (names.has(name))
        this.add(`${this.path}:${line}: two partitions are called ${name}; give each a name of its own`);
      names.add(name);
    }
    this.disks(partitions);
    return {
      path: this.path,
      name: this.value(map, "handset", "handset", nameOf),
      board,
      partitions,
      channels: this.channels(map, partitions),
      rules: this.rules(map),
      battery: readBatteryScript(this, this.part(map, "battery")),
    };
  }

  /** An image that one partition has for itself belongs to no other. Two names may be one file. */
  private disks(partitions: HandsetPartition[]): void {
    const owners = new Map<string, HandsetPartition>();
    for (const partition of partitions) {
      if (partition.disk === null) continue;
      const { path } = partition.disk;
      const identity = identityOf(path);
      const owner = owners.get(identity);
      if (owner !== undefined && [owner, partition].some(({ devices }) => devices.disk === "exclusive")) {
        this.add(
          `${this.path}:${partition.line}: ${partition.name} names the disk ${JSON.stringify(path)}, as ${owner.name} does (line ${owner.line}), and ` +
            "one of them has it exclusively (give each an image of its own, or write `,ro` behind it in both)",
        );
      }
      owners.set(identity, owner ?? partition);
    }
  }

  private channels(map: YAMLMap | null, partitions: HandsetPartition[]): HandsetChannel[] {
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
        const partition = partitions.find((each) => each.name === name);
        if (partition?.devices.channels === "none")
          this.fault(entry, `${key}: ${name} has no channels`, "its devices say `channels: none`");
        if (entry !== null && partition === undefined) {
          this.fault(
            entry,
            `${key}: there is no partition ${JSON.stringify(name)}`,
            `partitions: ${partitions.map((each) => each.name).join(", ")}`,
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

  private partition(node: Node, board: string): HandsetPartition {
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
      "translate",
      "disk",
      "encrypted",
      "devices",
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
    const disk = this.value(map, "disk", null, diskOf);
    const { contract, initial } = this.energy(this.part(map, "energy"));
    const devices = readDevices(this, map, disk, board);
    const encrypted = this.value<boolean | null>(map, "encrypted", null, yesOrNo);
    if (encrypted === true && (disk === null || disk.readOnly))
      this.fault(map, "there is no disk to encrypt", "name one that may be written with `disk: FILE`");
    else if (encrypted === true && devices.disk === "shared")
      this.fault(map, "an encrypted disk cannot be shared", "give the partition an image of its own");
    return {
      name,
      kind: this.value(map, "kind", "personal", oneOf(KINDS)),
      guest,
      kernel,
      initrd: this.value(map, "initrd", null, textOf),
      append: this.value(map, "append", null, textOf),
      memoryBytes: this.value(map, "memory", 64 << 20, parseBytes),
      overhead: this.value(map, "overhead", "normal", oneOf(["normal", "small"] as const)),
      translate: this.value(map, "translate", "off", translationOf),
      disk,
      encrypted,
      devices,
      cpu: this.cpu(this.part(map, "cpu")),
      energy: contract,
      energyInitial: initial,
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

  /** A reserve is full at the first start unless the file says otherwise. */
  private energy(map: YAMLMap | null): { contract: EnergyContract | null; initial: bigint } {
    this.known(map, ["capacity", "rate", "share", "initial"]);
    if (map === null) return { contract: null, initial: 0n };
    if (map.has("rate") && map.has("share"))
      this.fault(
        map,
        "a reserve is filled at a rate or by a share of the battery's drain, not by both",
        "leave one out",
      );
    const capacity = this.value(map, "capacity", 1_000_000_000_000n, parsePicojoules);
    const initial = this.value(map, "initial", capacity, parsePicojoules);
    if (initial > capacity) this.fault(map, "initial is more than the reserve's capacity", "leave it out: it is full");
    const share = this.value(map, "share", 0, parsePercent) * 10_000;
    return {
      contract: { capacity, rate: this.value(map, "rate", 0, parseMicrowatts), share: Math.floor(share) },
      initial,
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
}

/** The same for all names of one file. What cannot be looked at is told when it is opened. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return resolve(path);
  }
}

/** "on", "off", or how many bytes of code there may be. */
function translationOf(value: unknown): "on" | "off" | number {
  if (value === "off" || value === "on") return value;
  return parseTranslated(value);
}

function scriptOf(value: unknown): string {
  if (String(value).trim().length > 0 && String(value).length <= RULE_CHARACTERS_MAX) return String(value);
  throw new UnitError(`expected JavaScript of 1 to ${RULE_CHARACTERS_MAX} characters`);
}

const yesOrNo = (value: unknown): boolean => oneOf(["yes", "no"])(value) === "yes";

function diskOf(value: unknown): { path: string; readOnly: boolean } {
  const text = textOf(value);
  return text.endsWith(",ro") ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false };
}
