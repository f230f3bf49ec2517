// Handset files: YAML, checked against one schema, every fault with its line, what is wrong and what to write instead.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { isSeq, type Node, type YAMLMap } from "yaml";
import type { BatteryScript } from "../battery/battery.ts";
import { readBoundedText } from "../bounded-file.ts";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { readBatteryScript } from "./battery-script.ts";
import { readLinkScript } from "./link-script.ts";
import { STORAGE_UNIT_BYTES, type LinkScript } from "./contracts.ts";
import type { NetworkFile } from "./network.ts";
import { readNetwork } from "./network-reader.ts";
import { readDevices, type Devices } from "./devices.ts";
import * as keys from "./keys.ts";
import { FILE_BYTES_MAX, FileReader } from "./reader.ts";
import type {
  ChannelContract,
  CpuContract,
  EnergyContract,
  IoContract,
  RateLimit,
  RestartPolicy,
  RuleSpec,
} from "./contracts.ts";

export interface HandsetPartition {
  name: string;
  kind: (typeof keys.KINDS)[number];
  /** A guest's name, or paths of one's own. */
  guest: string | null;
  kernel: string | null;
  initrd: string | null;
  append: string | null;
  memoryBytes: number;
  overhead: "normal" | "small";
  /** Whether hot guest code becomes WebAssembly; a number: at most so many bytes of it. */
  translate: "on" | "off" | number;
  /** Whether its processor has Advanced SIMD. */
  neon: "on" | "off";
  /** virtio-mmio's transport; null: as its image expects it. */
  virtio: "modern" | "legacy" | null;
  disk: { path: string; readOnly: boolean } | null;
  /** Bytes of a disk of its own, in the handset's folder; null: none. */
  storage: number | null;
  /** Whether its disk is encrypted at rest; null: when it is governed. */
  encrypted: boolean | null;
  /** Null: the file says nothing of it. */
  network: NetworkFile | "none" | null;
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
/** What a channel's ring may hold. */
const RING_BYTES_MAX = 16 << 20;

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
  /** For a simulated link; null: a cable, always. */
  link: LinkScript | null;
}

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
    const { handset, board } = this.values(map, keys.HANDSET);
    const partitions: HandsetPartition[] = [];
    const list = map?.get("partitions", true) as Node | undefined;
    if (!isSeq(list))
      this.fault(list ?? map, "partitions must be a list", "write `partitions:` and a `- name: …` for each");
    else if (list.items.length > keys.PARTITIONS_MAX)
      this.fault(list, `more than ${keys.PARTITIONS_MAX} partitions`, "use fewer");
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
      name: handset,
      board,
      partitions,
      channels: this.channels(map, partitions),
      rules: this.rules(map),
      battery: readBatteryScript(this, this.part(map, "battery")),
      link: readLinkScript(this, map),
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
    if (!isSeq(list) || list.items.length > keys.CHANNELS_MAX) {
      this.fault(
        list,
        `channels must be a list of at most ${keys.CHANNELS_MAX}`,
        "write `- { from: work, to: personal }`",
      );
      return [];
    }
    return list.items.map((item) => {
      const entry = this.map(item as Node, "a channel");
      const channel = this.values(entry, keys.CHANNEL);
      const end = (key: "from" | "to"): string => {
        const name = channel[key];
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
      if (channel.capacity > RING_BYTES_MAX)
        this.fault(entry, "capacity: a channel's ring has at most 16M, because it lies in the host's memory", "");
      return {
        from: end("from"),
        fromPort: channel["from-port"],
        to: end("to"),
        toPort: channel["to-port"],
        contract: { capacity: channel.capacity, bytes: limitOf(channel.rate), messages: limitOf(channel.messages) },
      };
    });
  }

  private rules(map: YAMLMap | null): RuleSpec[] {
    const list = map?.get("rules", true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list)) this.fault(list, "rules must be a list", "write `rules:` and a `- name: …` for each");
    else if (list.items.length > keys.RULES_MAX) this.fault(list, `more than ${keys.RULES_MAX} rules`, "use fewer");
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
    const { name, run } = this.values(map, keys.RULE);
    for (const key of ["name", "on", "run"]) {
      if (map !== null && !map.has(key)) this.fault(map, `a rule needs ${key}`, `write \`${key}: …\``);
    }
    return {
      name,
      on: this.choices(map, "on", keys.TRIGGERS),
      allow: this.choices(map, "allow", keys.RULE_COMMANDS),
      run,
    };
  }

  private partition(node: Node, board: string): HandsetPartition {
    const map = this.map(node, "a partition");
    const values = this.values(map, keys.PARTITION);
    const { name, guest, kernel, disk, storage, encrypted } = values;
    if (map !== null && (guest === null) === (kernel === null)) {
      this.fault(map, "a partition needs either a guest or a kernel", "write `guest: linux`");
    }
    if (name === "" && map !== null) this.fault(map, "a partition needs a name", "write `name: work`");
    const { contract, initial } = this.energy(this.part(map, "energy"));
    const devices = readDevices(this, map, storage === null ? disk : { readOnly: false }, board);
    if (storage !== null && !isStorage(storage))
      this.fault(map, "a storage has 1 MiB to 64 GiB, in whole units of 4 KiB", "write `storage: 1G`");
    if (storage !== null && disk !== null)
      this.fault(map, "a partition has one disk", "write `disk: FILE` or `storage: SIZE`");
    if (storage !== null && (encrypted === false || devices.disk === "shared"))
      this.fault(
        map,
        "storage is always encrypted, and its partition's alone",
        "leave `encrypted` and `devices: disk` out",
      );
    else if (storage === null && encrypted === true && (disk === null || disk.readOnly))
      this.fault(map, "there is no disk to encrypt", "name one that may be written with `disk: FILE`");
    else if (encrypted === true && devices.disk === "shared")
      this.fault(map, "an encrypted disk cannot be shared", "give the partition an image of its own");
    return {
      name,
      kind: values.kind,
      guest,
      kernel,
      initrd: values.initrd,
      append: values.append,
      memoryBytes: values.memory,
      overhead: values.overhead,
      translate: values.translate,
      neon: values.neon,
      virtio: values.virtio,
      disk,
      storage,
      encrypted,
      devices,
      network: readNetwork(this, map),
      cpu: this.cpu(this.part(map, "cpu")),
      energy: contract,
      energyInitial: initial,
      io: this.io(this.part(map, "io")),
      restart: this.restart(this.part(map, "restart")),
      line: this.lineAt(node.range?.[0] ?? 0),
    };
  }

  private cpu(map: YAMLMap | null): CpuContract {
    const { budget, period, ceiling, weight } = this.values(map, keys.CPU);
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
      ceiling,
      weight,
    };
  }

  /** A reserve is full at the first start unless the file says otherwise. */
  private energy(map: YAMLMap | null): { contract: EnergyContract | null; initial: bigint } {
    const { capacity, rate, share, initial: said } = this.values(map, keys.ENERGY);
    if (map === null) return { contract: null, initial: 0n };
    if (map.has("rate") && map.has("share"))
      this.fault(
        map,
        "a reserve is filled at a rate or by a share of the battery's drain, not by both",
        "leave one out",
      );
    const initial = said ?? capacity;
    if (initial > capacity) this.fault(map, "initial is more than the reserve's capacity", "leave it out: it is full");
    return { contract: { capacity, rate, share: Math.floor(share * 10_000) }, initial };
  }

  private io(map: YAMLMap | null): IoContract {
    const { operations, disk, console } = this.values(map, keys.IO);
    return {
      blockOperations: limitOf(operations),
      blockBytes: limitOf(disk),
      consoleBytes: limitOf(console) ?? { rate: 1_000_000, burst: 256_000 },
    };
  }

  private restart(map: YAMLMap | null): RestartPolicy {
    const values = this.values(map, keys.RESTART);
    return {
      onFailure: values["on-failure"],
      max: values.max,
      backoffFirstMs: values.backoff,
      backoffMaxMs: values["backoff-max"],
      noProgressMs: values["no-progress"],
    };
  }
}

/** A burst of one second's worth. */
function limitOf(rate: number | null): RateLimit | null {
  return rate === null ? null : { rate, burst: rate };
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

/** What the rings of the channels that a partition sends into may hold: it is charged for them. */
export function channelBytesOf(file: Pick<HandsetFile, "channels">, partition: string): number {
  return file.channels.reduce((sum, { from, contract }) => sum + (from === partition ? contract.capacity : 0), 0);
}

const STORAGE_BYTES_LEAST = 1 << 20;
/** Its index takes five bytes of memory a unit: 80 MiB for this much. */
const STORAGE_BYTES_MOST = 64 * 2 ** 30;

function isStorage(bytes: number): boolean {
  return bytes % STORAGE_UNIT_BYTES === 0 && bytes >= STORAGE_BYTES_LEAST && bytes <= STORAGE_BYTES_MOST;
}
