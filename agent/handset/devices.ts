// `devices:` of a partition: which kinds of device of the virtual phone it has, and whether what lies behind one is its alone.
//
//   none       the guest's device tree has no such device
//   shared     what lies behind it serves others too
//   exclusive  nobody else gets it
//
// Not every kind can be all three; what each means is in boards/README.md.

import { isMap, isScalar, type Node, type YAMLMap } from "yaml";
import type { FileReader } from "./reader.ts";

export type DeviceUse = "none" | "shared" | "exclusive";

const USES: readonly DeviceUse[] = ["none", "shared", "exclusive"];

/** What each kind can be, the standard first; and why not the others. */
const KINDS = {
  disk: { uses: ["exclusive", "shared", "none"], why: "" },
  console: { uses: ["shared", "exclusive", "none"], why: "" },
  entropy: { uses: ["shared", "none"], why: "one generator of the host serves all" },
  balloon: { uses: ["exclusive", "none"], why: "a partition's memory is its own" },
  channels: { uses: ["shared", "none"], why: "a channel has two ends" },
  watchdog: { uses: ["exclusive", "none"], why: "a watchdog watches one partition" },
} as const satisfies Record<string, { uses: readonly DeviceUse[]; why: string }>;

export type DeviceKind = keyof typeof KINDS;
export type Devices = Record<DeviceKind, DeviceUse>;

/** For the file's schema. */
export const DEVICE_USES = USES;
export const KIND_USES: Record<string, readonly DeviceUse[]> = Object.fromEntries(
  Object.entries(KINDS).map(([kind, { uses }]) => [kind, uses]),
);

const KIND_NAMES = Object.keys(KINDS) as DeviceKind[];
/** What phones have and the virtual phone has not. */
const LACKING = (
  "display touch network wifi bluetooth modem nfc camera audio microphone speaker gps location accelerometer " +
  "vibrator usb gpu"
).split(" ");

/** What `devices` says; `disk` is the partition's image. */
export function readDevices(
  reader: FileReader,
  partition: YAMLMap | null,
  disk: { readOnly: boolean } | null,
  board: string,
): Devices {
  const devices = Object.fromEntries(KIND_NAMES.map((kind) => [kind, KINDS[kind].uses[0]])) as Devices;
  if (disk === null) devices.disk = "none";
  else if (disk.readOnly) devices.disk = "shared";
  const node = partition?.get("devices", true) as Node | undefined;
  if (node === undefined) return devices;
  const word = isScalar(node) ? useOf(node) : null;
  if (word !== null) {
    // One word is for every kind that can be so.
    for (const kind of KIND_NAMES) {
      if (kind !== "disk" && can(kind, word)) devices[kind] = word;
    }
    if (word === "none" || disk?.readOnly) putDisk(reader, node, word, disk, devices);
    return devices;
  }
  if (!isMap(node)) {
    reader.fault(node, `devices must be one of ${USES.join(", ")}, or say it for each kind`, kindsHint());
    return devices;
  }
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : "?";
    const use = useOf(value as Node);
    if (use === null) reader.fault(key as Node, `devices ${name} must be one of ${USES.join(", ")}`, "");
    else if (name === "disk") putDisk(reader, key as Node, use, disk, devices);
    else if (isKind(name) && can(name, use)) devices[name] = use;
    else if (isKind(name)) {
      const { uses, why } = KINDS[name];
      reader.fault(key as Node, `${name} cannot be ${use}: ${why}`, `write one of ${uses.join(", ")}`);
    } else if (!LACKING.includes(name)) {
      reader.fault(key as Node, `there is no device ${JSON.stringify(name.slice(0, 60))}`, kindsHint());
    } else if (use !== "none") {
      reader.fault(key as Node, `the virtual phone has no ${name}, and board ${board} lends it none`, kindsHint());
    }
  }
  return devices;
}

function putDisk(
  reader: FileReader,
  node: Node,
  use: DeviceUse,
  disk: { readOnly: boolean } | null,
  devices: Devices,
): void {
  if (use === "none" && disk !== null)
    reader.fault(node, "disk is none, but an image is named", "leave one of them out");
  else if (use !== "none" && disk === null)
    reader.fault(node, `disk is ${use}, but no image is named`, "write `disk: FILE`");
  else if (use === "shared" && disk?.readOnly === false) {
    reader.fault(
      node,
      "a disk that is written cannot be shared: guests do not see each other's writes, and would destroy its file system",
      "write `disk: FILE,ro` or `exclusive`",
    );
  } else devices.disk = use;
}

function can(kind: DeviceKind, use: DeviceUse): boolean {
  return (KINDS[kind].uses as readonly DeviceUse[]).includes(use);
}

function isKind(name: string): name is DeviceKind {
  return Object.hasOwn(KINDS, name);
}

function useOf(node: Node): DeviceUse | null {
  return isScalar(node) ? (USES.find((use) => use === node.value) ?? null) : null;
}

function kindsHint(): string {
  return `kinds: ${KIND_NAMES.join(", ")}`;
}
