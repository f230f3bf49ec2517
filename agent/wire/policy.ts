// The policy of one partition. A section that is absent leaves the default.

import { label, name, sha256, secs, tri, u53 } from "./common.ts";
import { claims } from "./claims.ts";
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
  type TypeOf,
} from "./schema.ts";

const permille = range(0, 1000);
const percent = range(0, 100);
const port = range(0, 65_535);

export const budget = rule(
  "budget",
  record({
    /** The charged sum: guest RAM, machine, caches, translated code. */
    memoryBytes: optional(1, u53),
    /** 0: must not run. */
    cpuPermille: optional(2, permille),
    cpuWeight: optional(3, range(1, 1000)),
    energyMillijoulesPerHour: optional(4, uint),
    diskBytes: optional(5, u53),
    networkBytesPerDay: optional(6, uint),
    /** Hot guest code that may be compiled, as WebAssembly. 0: the guest is interpreted. */
    translatedBytes: optional(7, u53),
  }),
);

export const imageRule = rule(
  "image-rule",
  record({
    /** Images by hash, or a channel by name. */
    allowed: required(1, either(list(sha256, 1), name)),
    releaseLeast: optional(2, u53),
    allowDevelopment: optional(3, bool),
  }),
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

export const network = rule(
  "network",
  record({
    wifi: optional(1, tri),
    cellular: optional(2, tri),
    roaming: optional(3, tri),
    rules: optional(4, list(netRule)),
    vpnRequired: optional(5, bool),
    dnsServers: optional(6, list(text())),
    tethering: optional(7, tri),
  }),
);

export const sharing = rule(
  "sharing",
  record({
    clipboardOut: optional(1, tri),
    clipboardIn: optional(2, tri),
    files: optional(3, tri),
    contacts: optional(4, tri),
    channels: optional(5, list(tuple({ from: place(label), to: place(label), bytesPerSecond: place(uint) }))),
  }),
);

export const unlock = rule(
  "unlock",
  record({
    quality: optional(1, words({ none: 0, pin: 1, password: 2 })),
    lengthLeast: optional(2, range(4, 64)),
    idleLockSeconds: optional(3, secs),
    /** Wrong tries before the partition is wiped; 0: never. */
    triesMost: optional(4, range(0, 100)),
    ageMostSeconds: optional(5, secs),
    historyCount: optional(6, range(0, 24)),
  }),
);

export const location = rule(
  "location",
  record({
    when: required(1, words({ never: 0, "lost-mode-only": 1, always: 2 })),
    intervalSeconds: optional(2, secs),
    showUser: optional(3, bool),
  }),
);

export const power = rule(
  "power",
  record({
    lowPercent: optional(1, percent),
    criticalPercent: optional(2, percent),
    lowAction: optional(3, words({ keep: 0, throttle: 1, pause: 2 })),
  }),
);

export const telemetryRule = rule(
  "telemetry",
  record({
    sampleSeconds: optional(1, secs),
    sendSeconds: optional(2, secs),
    metrics: optional(3, list(uint)),
    bytesPerDay: optional(4, uint),
  }),
);

export const offline = rule(
  "offline",
  record({
    warnAfterSeconds: optional(1, secs),
    lockAfterSeconds: optional(2, secs),
    /** 0: never. */
    wipeAfterSeconds: optional(3, secs),
  }),
);

const minute = range(0, 1439);
export const updates = rule(
  "updates",
  record({
    wifiOnly: optional(1, bool),
    /** Minutes of the day, UTC. */
    window: optional(2, tuple({ from: place(minute), to: place(minute) })),
    batteryLeastPercent: optional(3, percent),
    mayDefer: optional(4, bool),
  }),
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

export const policy = rule(
  "policy",
  record({
    ...claims,
    /** The only partition it may govern, by name: ids differ between devices. */
    partition: required(30, label),
    budget: optional(31, budget),
    images: optional(32, imageRule),
    apps: optional(33, list(appRule)),
    deviceAccess: optional(34, deviceAccess),
    network: optional(35, network),
    sharing: optional(36, sharing),
    unlock: optional(37, unlock),
    location: optional(38, location),
    power: optional(39, power),
    telemetry: optional(40, telemetryRule),
    offline: optional(41, offline),
    updates: optional(42, updates),
    enforcement: optional(43, list(enforcement)),
    texts: optional(44, list(tuple({ language: place(name), text: place(text(0, 1024)) }), 0, 32)),
    /** Whether a debugger, the profiler or watchpoints may attach. Absent: no. */
    debug: optional(45, bool),
  }),
);
export type Policy = TypeOf<typeof policy>;
