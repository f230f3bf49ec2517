// Policy files: YAML in the words that people use, checked against one schema, every fault with its line and column, what is wrong and what to
// write instead. What comes out is the body of the signed document (agent/wire/policy.ts); its claims are added when it is signed.

import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { escapeText } from "../../agent/escape.ts";
import { UsageError } from "../../agent/failure.ts";
import { FileReader, integerOf, nameOf, oneOf, textOf, type Reading } from "../../agent/handset/reader.ts";
import { parseByteRate, parseBytes, parseTranslated, UnitError } from "../../agent/handset/units.ts";
import { SECTIONS, type Section } from "../../agent/policy/compliance.ts";
import type { Claims } from "../../agent/wire/claims.ts";
import type { Policy } from "../../agent/wire/policy.ts";
import {
  parseDuration,
  parseDurationOrNever,
  parseHash,
  parseHourlyEnergy,
  parsePermille,
  parsePorts,
  parseWholePercent,
  parseWindow,
} from "./units.ts";

/** A policy without claims. */
export type PolicyBody = Omit<Policy, keyof Claims>;

/** Sections as files call them. */
export const SECTION_WORDS: Record<Section, string> = {
  budget: "budget",
  images: "images",
  apps: "apps",
  deviceAccess: "device-access",
  network: "network",
  sharing: "sharing",
  unlock: "unlock",
  location: "location",
  power: "power",
  telemetry: "telemetry",
  offline: "offline",
  updates: "updates",
  enforcement: "enforcement",
  texts: "texts",
  debug: "debug",
};

const LIST_MAX = 256;
const TEXT_BYTES_MAX = 1024;
const TRI = ["deny", "ask", "allow"] as const;
export const DEVICES = [
  "camera",
  "microphone",
  "usb-data",
  "sd-card",
  "bluetooth",
  "nfc",
  "gps",
  "sms",
  "calls",
  "screenshot",
  "console",
  "vibrator",
  "accelerometer",
] as const;

/** Reads and checks a policy file. Throws UsageError with all its faults. */
export function readPolicyFile(path: string): PolicyBody {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
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

const truth = oneOf(["true", "false"] as const);
const bool: Reading<boolean> = (value) => truth(value) === "true";
const shortName: Reading<string> = (value) => {
  if (Buffer.byteLength(String(value)) <= 64) return textOf(value);
  throw new UnitError("expected a name of 1 to 64 bytes");
};

/** Keys whose values are there. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };
function given<T extends object>(values: T): Given<Partial<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<Partial<T>>;
}

class PolicyReader extends FileReader {
  protected override placeOf(offset: number): string {
    const { line, col } = this.lines.linePos(offset);
    return `${line || 1}:${col || 1}`;
  }

  policy(): PolicyBody {
    const map = this.map(this.root, "the file");
    this.known(map, ["partition", ...Object.values(SECTION_WORDS)]);
    if (map !== null && !map.has("partition")) {
      this.fault(map, "a policy governs one partition, by its name", "write `partition: work`");
    }
    const section = <T>(name: Section, read: (part: YAMLMap) => T): T | undefined => {
      const part = this.part(map, SECTION_WORDS[name]);
      return part === null ? undefined : read(part);
    };
    return {
      partition: this.value(map, "partition", "", nameOf),
      ...given({
        budget: section("budget", (part) => this.budget(part)),
        images: section("images", (part) => this.images(part)),
        apps: this.items(map, "apps", (item) => this.app(item)),
        deviceAccess: section("deviceAccess", (part) => this.deviceAccess(part)),
        network: section("network", (part) => this.network(part)),
        sharing: section("sharing", (part) => this.sharing(part)),
        unlock: section("unlock", (part) => this.unlock(part)),
        location: section("location", (part) => this.location(part)),
        power: section("power", (part) => this.power(part)),
        telemetry: section("telemetry", (part) => this.telemetry(part)),
        offline: section("offline", (part) => this.offline(part)),
        updates: section("updates", (part) => this.updates(part)),
        enforcement: this.items(map, "enforcement", (item) => this.enforcement(item)),
        texts: section("texts", (part) => this.texts(part)),
        debug: this.maybe(map, "debug", bool),
      }),
    } as PolicyBody;
  }

  private budget(map: YAMLMap): Policy["budget"] {
    this.known(map, ["memory", "cpu", "weight", "energy", "disk", "network", "translate"]);
    return given({
      memoryBytes: this.maybe(map, "memory", parseBytes),
      cpuPermille: this.maybe(map, "cpu", parsePermille),
      cpuWeight: this.maybe(map, "weight", integerOf(1, 1000)),
      energyMillijoulesPerHour: this.maybe(map, "energy", parseHourlyEnergy),
      diskBytes: this.maybe(map, "disk", parseBytes),
      networkBytesPerDay: this.maybe(map, "network", parseBytes),
      translatedBytes: this.maybe(map, "translate", parseTranslated),
    });
  }

  private images(map: YAMLMap): Policy["images"] {
    this.known(map, ["allowed", "channel", "release-least", "development"]);
    const hashes = this.scalars(map, "allowed", parseHash);
    const channel = this.maybe(map, "channel", shortName);
    if ((hashes === undefined) === (channel === undefined)) {
      this.fault(map, "images are allowed by their hashes or by a channel's name", "write `allowed: [SHA-256, …]`");
    }
    if (hashes?.length === 0) this.fault(map, "allowed names no image", "name one, or leave images out");
    return {
      allowed: hashes ?? channel ?? "",
      ...given({
        releaseLeast: this.maybe(map, "release-least", integerOf(0, Number.MAX_SAFE_INTEGER)),
        allowDevelopment: this.maybe(map, "development", bool),
      }),
    };
  }

  private app(map: YAMLMap | null): NonNullable<Policy["apps"]>[number] {
    this.known(map, ["app", "state", "hash", "version-least"]);
    this.needs(map, "an app", ["app", "state"]);
    return {
      app: this.value(map, "app", "", shortName),
      state: this.value(map, "state", "blocked", oneOf(["blocked", "available", "required"] as const)),
      ...given({
        hash: this.maybe(map, "hash", parseHash),
        versionLeast: this.maybe(map, "version-least", integerOf(0, Number.MAX_SAFE_INTEGER)),
      }),
    };
  }

  private deviceAccess(map: YAMLMap): Policy["deviceAccess"] {
    this.known(map, [...DEVICES]);
    const access: NonNullable<Policy["deviceAccess"]> = new Map();
    for (const device of DEVICES) {
      const word = this.maybe(map, device, oneOf(TRI));
      if (word !== undefined) access.set(device, word);
    }
    return access;
  }

  private network(map: YAMLMap): Policy["network"] {
    this.known(map, ["wifi", "cellular", "roaming", "tethering", "vpn-required", "dns", "rules"]);
    return given({
      wifi: this.maybe(map, "wifi", oneOf(TRI)),
      cellular: this.maybe(map, "cellular", oneOf(TRI)),
      roaming: this.maybe(map, "roaming", oneOf(TRI)),
      rules: this.items(map, "rules", (item) => this.networkRule(item)),
      vpnRequired: this.maybe(map, "vpn-required", bool),
      dnsServers: this.scalars(map, "dns", shortName),
      tethering: this.maybe(map, "tethering", oneOf(TRI)),
    });
  }

  private networkRule(map: YAMLMap | null): NonNullable<NonNullable<Policy["network"]>["rules"]>[number] {
    this.known(map, ["allow", "deny", "ports", "protocol"]);
    if (map !== null && map.has("allow") === map.has("deny")) {
      this.fault(map, "a rule either allows or denies", "write `- { allow: 10.0.0.0/8, ports: 443, protocol: tcp }`");
    }
    const ports = this.value(map, "ports", { first: 0, last: 65_535 }, parsePorts);
    return {
      allow: map?.has("allow") ?? false,
      destination: this.maybe(map, "allow", shortName) ?? this.value(map, "deny", "", shortName),
      portFirst: ports.first,
      portLast: ports.last,
      protocol: this.value(map, "protocol", "any", oneOf(["any", "tcp", "udp"] as const)),
    };
  }

  private sharing(map: YAMLMap): Policy["sharing"] {
    this.known(map, ["clipboard-out", "clipboard-in", "files", "contacts", "channels"]);
    return given({
      clipboardOut: this.maybe(map, "clipboard-out", oneOf(TRI)),
      clipboardIn: this.maybe(map, "clipboard-in", oneOf(TRI)),
      files: this.maybe(map, "files", oneOf(TRI)),
      contacts: this.maybe(map, "contacts", oneOf(TRI)),
      channels: this.items(map, "channels", (item) => {
        this.known(item, ["from", "to", "rate"]);
        this.needs(item, "a channel", ["from", "to", "rate"]);
        return {
          from: this.value(item, "from", "", nameOf),
          to: this.value(item, "to", "", nameOf),
          bytesPerSecond: this.value(item, "rate", 0, parseByteRate),
        };
      }),
    });
  }

  private unlock(map: YAMLMap): Policy["unlock"] {
    this.known(map, ["quality", "length", "idle-lock", "tries", "age", "history"]);
    return given({
      quality: this.maybe(map, "quality", oneOf(["none", "pin", "password"] as const)),
      lengthLeast: this.maybe(map, "length", integerOf(4, 64)),
      idleLockSeconds: this.maybe(map, "idle-lock", parseDuration),
      triesMost: this.maybe(map, "tries", integerOf(0, 100)),
      ageMostSeconds: this.maybe(map, "age", parseDuration),
      historyCount: this.maybe(map, "history", integerOf(0, 24)),
    });
  }

  private location(map: YAMLMap): Policy["location"] {
    this.known(map, ["when", "interval", "show-user"]);
    this.needs(map, "location", ["when"]);
    return {
      when: this.value(map, "when", "never", oneOf(["never", "lost-mode-only", "always"] as const)),
      ...given({
        intervalSeconds: this.maybe(map, "interval", parseDuration),
        showUser: this.maybe(map, "show-user", bool),
      }),
    };
  }

  private power(map: YAMLMap): Policy["power"] {
    this.known(map, ["low", "critical", "action"]);
    return given({
      lowPercent: this.maybe(map, "low", parseWholePercent),
      criticalPercent: this.maybe(map, "critical", parseWholePercent),
      lowAction: this.maybe(map, "action", oneOf(["keep", "throttle", "pause"] as const)),
    });
  }

  private telemetry(map: YAMLMap): Policy["telemetry"] {
    this.known(map, ["sample", "send", "metrics", "bytes-per-day"]);
    return given({
      sampleSeconds: this.maybe(map, "sample", parseDuration),
      sendSeconds: this.maybe(map, "send", parseDuration),
      metrics: this.scalars(map, "metrics", integerOf(0, 65_535)),
      bytesPerDay: this.maybe(map, "bytes-per-day", parseBytes),
    });
  }

  private offline(map: YAMLMap): Policy["offline"] {
    this.known(map, ["warn", "lock", "wipe"]);
    return given({
      warnAfterSeconds: this.maybe(map, "warn", parseDuration),
      lockAfterSeconds: this.maybe(map, "lock", parseDuration),
      wipeAfterSeconds: this.maybe(map, "wipe", parseDurationOrNever),
    });
  }

  private updates(map: YAMLMap): Policy["updates"] {
    this.known(map, ["wifi-only", "window", "battery-least", "may-defer"]);
    return given({
      wifiOnly: this.maybe(map, "wifi-only", bool),
      window: this.maybe(map, "window", parseWindow),
      batteryLeastPercent: this.maybe(map, "battery-least", parseWholePercent),
      mayDefer: this.maybe(map, "may-defer", bool),
    });
  }

  private enforcement(map: YAMLMap | null): NonNullable<Policy["enforcement"]>[number] {
    this.known(map, ["section", "block", "wipe"]);
    this.needs(map, "an enforcement", ["section"]);
    const words = Object.values(SECTION_WORDS);
    const word = this.value(map, "section", "budget", oneOf(words));
    const section = (Object.keys(SECTION_WORDS) as Section[]).find((each) => SECTION_WORDS[each] === word)!;
    return {
      section: SECTIONS[section],
      ...given({
        blockAfterSeconds: this.maybe(map, "block", parseDuration),
        wipeAfterSeconds: this.maybe(map, "wipe", parseDurationOrNever),
      }),
    };
  }

  private texts(map: YAMLMap): Policy["texts"] {
    if (map.items.length > 32) this.fault(map, "more than 32 languages", "leave some out");
    return map.items.flatMap(({ key }) => {
      const language = isScalar(key) ? String(key.value) : "";
      if (!/^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8}){0,4}$/.test(language)) {
        this.fault(key as Node, "texts are listed by language", 'write `en: "Managed by …"`');
        return [];
      }
      const text = this.value(map, language, "", (value) => {
        if (Buffer.byteLength(String(value)) <= TEXT_BYTES_MAX) return String(value);
        throw new UnitError(`expected at most ${TEXT_BYTES_MAX} bytes`);
      });
      return [{ language, text }];
    });
  }

  private maybe<T>(map: YAMLMap | null, key: string, read: Reading<T>): T | undefined {
    return this.value<T | undefined>(map, key, undefined, read);
  }

  private needs(map: YAMLMap | null, what: string, keys: string[]): void {
    for (const key of keys) {
      if (map !== null && !map.has(key)) this.fault(map, `${what} needs ${key}`, `write \`${key}: …\``);
    }
  }

  /** A list of maps under a key. */
  private items<T>(map: YAMLMap | null, key: string, read: (item: YAMLMap | null) => T): T[] | undefined {
    return this.sequence(map, key)?.map((item) => read(isMap(item) ? item : this.map(item, `an entry of ${key}`)));
  }

  /** A list of single values under a key. */
  private scalars<T>(map: YAMLMap | null, key: string, read: Reading<T>): T[] | undefined {
    return this.sequence(map, key)?.flatMap((item) => {
      try {
        if (isScalar(item)) return [read(item.source ?? item.value)];
        this.fault(item, `${key} must be a list of single values`, "");
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        this.fault(item, `${key}: ${error.message}`, "");
      }
      return [];
    });
  }

  private sequence(map: YAMLMap | null, key: string): Node[] | undefined {
    const list = map?.get(key, true) as Node | undefined;
    if (list === undefined) return undefined;
    if (isSeq(list) && list.items.length <= LIST_MAX) return list.items as Node[];
    this.fault(list, `${key} must be a list of at most ${LIST_MAX}`, `write \`${key}:\` and a \`- …\` for each`);
    return undefined;
  }
}
