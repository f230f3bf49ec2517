// The sections of a policy that say what a partition may run, reach and show.

import { label, name, secs, sha256, tri, u53 } from "./common.ts";
import { key, section } from "./policy-key.ts";
import {
  bool,
  either,
  list,
  mapOf,
  optional,
  place,
  range,
  record,
  required,
  rule,
  text,
  tuple,
  uint,
  words,
} from "./schema.ts";

const port = range(0, 65_535);

const IMAGE_KEYS = {
  /** Images by hash, or a channel by name. The one key that a section must have. */
  allowed: key(1, either(list(sha256, 1), name), {
    word: "allowed",
    unit: "images",
    example: "[SHA-256 of a kernel image, as hexadecimal]",
    note: "or, instead, `channel: stable`",
  }),
  releaseLeast: key(2, u53, {
    word: "release-least",
    unit: "whole",
    lead: "only releases from",
    tail: " on",
    example: "3",
  }),
  allowDevelopment: key(3, bool, {
    word: "development",
    unit: "truth",
    lead: "development images:",
    example: "false",
    // Nothing says of an image that it is one of a developer's: whoever wants those names their hashes.
    lacks: (allowed) => allowed,
  }),
};
export const imageRule = rule(
  "image-rule",
  record({ ...IMAGE_KEYS, allowed: required(IMAGE_KEYS.allowed.key, IMAGE_KEYS.allowed.schema) }),
);

export const appRule = rule(
  "app-rule",
  record({
    app: required(1, text(1, 128)),
    state: required(2, words({ blocked: 0, available: 1, required: 2 })),
    hash: optional(3, sha256),
    versionLeast: optional(4, u53),
  }),
);
const apps = list(appRule);

export const devKind = rule(
  "dev-kind",
  words({
    camera: 1,
    microphone: 2,
    "usb-data": 3,
    "sd-card": 4,
    bluetooth: 5,
    nfc: 6,
    gps: 7,
    sms: 8,
    calls: 9,
    screenshot: 10,
    console: 11,
    vibrator: 12,
    accelerometer: 13,
  }),
);

/** Absent is deny for a managed partition. */
export const deviceAccess = rule("device-access", mapOf(devKind, tri));

export const netRule = rule(
  "net-rule",
  tuple({
    allow: place(bool),
    /** CIDR or host. */
    destination: place(text()),
    portFirst: place(port),
    portLast: place(port),
    protocol: place(words({ any: 0, tcp: 6, udp: 17 })),
  }),
);

const kindOfLink = (number: number, word: string, example: string) =>
  // No board of ours tells which link it uses, so nothing but leave can be enforced.
  key(number, tri, { word, unit: "word", lead: `${word}:`, example, lacks: (access) => access !== "allow" });
const NETWORK_KEYS = {
  wifi: kindOfLink(1, "wifi", "allow"),
  cellular: kindOfLink(2, "cellular", "allow"),
  roaming: kindOfLink(3, "roaming", "deny"),
  rules: key(4, list(netRule), {
    word: "rules",
    unit: "rules",
    example: "- { allow: 10.0.0.0/8, ports: 443, protocol: tcp }\n- { deny: 0.0.0.0/0 }",
    note: "the first that fits",
  }),
  vpnRequired: key(5, bool, { word: "vpn-required", unit: "truth", lead: "a VPN is required:", example: "true" }),
  dnsServers: key(6, list(text()), {
    word: "dns",
    unit: "names",
    lead: "names are looked up at",
    example: "[10.0.0.53]",
  }),
  tethering: kindOfLink(7, "tethering", "deny"),
  /** Nothing passes, whatever else is said. */
  kill: key(8, bool, { word: "kill", unit: "truth", lead: "the network is switched off:", example: "false" }),
  /** What no rule fits. Absent: deny where a rule allows something. */
  default: key(10, words({ deny: 0, allow: 1 }), {
    word: "default",
    unit: "word",
    lead: "what no rule fits:",
    example: "deny",
  }),
};
export const network = rule("network", record(NETWORK_KEYS));

/** What nothing on a handset could let through: it is denied, whatever the policy says. */
const deniedAnyway = (number: number, word: string, lead: string, example: string) =>
  key(number, tri, { word, unit: "word", lead, example, lacks: (access) => access !== "deny" });
const SHARING_KEYS = {
  clipboardOut: deniedAnyway(1, "clipboard-out", "copying out of the partition:", "deny"),
  clipboardIn: deniedAnyway(2, "clipboard-in", "pasting into the partition:", "ask"),
  files: deniedAnyway(3, "files", "sharing files:", "deny"),
  contacts: deniedAnyway(4, "contacts", "sharing contacts:", "ask"),
  channels: key(5, list(tuple({ from: place(label), to: place(label), bytesPerSecond: place(uint) })), {
    word: "channels",
    unit: "channels",
    example: "- { from: work, to: personal, rate: 1KB/s }",
  }),
};
export const sharing = rule("sharing", record(SHARING_KEYS));

const UNLOCK_KEYS = {
  quality: key(1, words({ none: 0, pin: 1, password: 2 }), {
    word: "quality",
    unit: "word",
    lead: "to unlock:",
    example: "pin",
    note: "none, pin, password",
  }),
  lengthLeast: key(2, range(4, 64), {
    word: "length",
    unit: "whole",
    lead: "of at least",
    tail: " characters",
    example: "6",
  }),
  idleLockSeconds: key(3, secs, {
    word: "idle-lock",
    unit: "duration",
    lead: "locks itself after",
    tail: " without use",
    example: "5min",
    warns: (seconds) => (seconds < 15 ? "locks while its user is still reading" : undefined),
  }),
  /** Wrong tries before the partition is wiped; 0: never. */
  triesMost: key(4, range(0, 100), {
    word: "tries",
    unit: "tries",
    lead: "wiped after",
    tail: " wrong tries",
    example: "10",
    note: "wrong ones, until the partition is wiped; 0: never",
    warns: (tries) =>
      tries > 0 && tries < 5 ? `${tries} wrong tries wipe the partition: a child with the phone does that` : undefined,
  }),
  ageMostSeconds: key(5, secs, { word: "age", unit: "duration", lead: "to be changed after", example: "365d" }),
  historyCount: key(6, range(0, 24), { word: "history", unit: "whole", lead: "different from the last", example: "5" }),
};
export const unlock = rule("unlock", record(UNLOCK_KEYS));

const LOCATION_KEYS = {
  when: key(1, words({ never: 0, "lost-mode-only": 1, always: 2 }), {
    word: "when",
    unit: "word",
    lead: "located:",
    example: "lost-mode-only",
    lacks: (when) => when !== "never",
  }),
  intervalSeconds: key(2, secs, { word: "interval", unit: "duration", lead: "located every", example: "15min" }),
  showUser: key(3, bool, { word: "show-user", unit: "truth", lead: "its user is told:", example: "true" }),
};
export const location = rule(
  "location",
  record({ ...LOCATION_KEYS, when: required(LOCATION_KEYS.when.key, LOCATION_KEYS.when.schema) }),
);

export const enforcement = rule(
  "enforcement",
  record({
    /** The policy's key that must be complied with. */
    section: required(1, uint),
    blockAfterSeconds: optional(2, secs),
    wipeAfterSeconds: optional(3, secs),
  }),
);
const enforcements = list(enforcement);
const texts = list(tuple({ language: place(name), text: place(text(0, 1024)) }), 0, 32);

/** The sections of this file. */
export const ACCESS_SECTIONS = {
  images: section({ number: 32, schema: imageRule, word: "images", keys: IMAGE_KEYS }),
  apps: section({
    number: 33,
    schema: apps,
    word: "apps",
    keys: {},
    about: {
      word: "apps",
      unit: "apps",
      example: "- { app: org.example.mail, state: required, version-least: 3 }",
      note: "blocked, available, required",
    },
    lacks: (listed) => (listed.length === 0 ? undefined : 0),
  }),
  deviceAccess: section({
    number: 34,
    schema: deviceAccess,
    word: "device-access",
    keys: {},
    about: {
      word: "device-access",
      unit: "devices",
      example: "console: allow\ncamera: deny",
      note: "deny, ask or allow; once it is there, what it does not name is denied",
    },
  }),
  network: section({ number: 35, schema: network, word: "network", keys: NETWORK_KEYS }),
  sharing: section({ number: 36, schema: sharing, word: "sharing", keys: SHARING_KEYS }),
  unlock: section({ number: 37, schema: unlock, word: "unlock", keys: UNLOCK_KEYS }),
  location: section({ number: 38, schema: location, word: "location", keys: LOCATION_KEYS }),
  enforcement: section({
    number: 43,
    schema: enforcements,
    word: "enforcement",
    keys: {},
    about: {
      word: "enforcement",
      unit: "enforcement",
      example: "- { section: images, block: 1h, wipe: never }",
      note: "what happens when a section is not complied with for so long",
    },
    lacks: (listed) => (listed.some(({ wipeAfterSeconds }) => (wipeAfterSeconds ?? 0) > 0) ? 3 : undefined),
  }),
  texts: section({
    number: 44,
    schema: texts,
    word: "texts",
    keys: {},
    about: { word: "texts", unit: "texts", example: "en: Managed by your organisation.", set: true },
  }),
  /** Whether a debugger, the profiler or watchpoints may attach. Absent: no. */
  debug: section({
    number: 45,
    schema: bool,
    word: "debug",
    keys: {},
    about: {
      word: "debug",
      unit: "truth",
      lead: "a debugger, the profiler and watchpoints may attach:",
      example: "true",
      note: "a debugger, the profiler and watchpoints may attach; without it they may not",
      warns: (may, partition) =>
        may ? `whoever has the handset can read and change everything in ${partition}` : undefined,
    },
  }),
};
