// What a partition is made of, from what the user asked for: the load plan, the machine's configuration, and what it will cost.

import { randomBytes } from "node:crypto";
import {
  DEVICE_BALLOON,
  DEVICE_BLOCK,
  DEVICE_CHANNEL,
  DEVICE_CONSOLE,
  DEVICE_ENTROPY,
  DEVICE_NETWORK,
  DEVICE_WATCHDOG,
} from "../../../kernel/abi/layout.ts";
import { UNIT_BYTES } from "../block-log/format.ts";
import { UnitIndex } from "../block-log/unit-index.ts";
import { SECTOR_BYTES } from "../disk/block-store.ts";
import { openDisk } from "../disk/open.ts";
import { DiskQueue } from "../disk/queue.ts";
import { seededEntropy } from "../machine/entropy.ts";
import { loadPlan, RNG_SEED_BYTES, type ImageSource, type KernelSource, type LoadPlan } from "../loader/plan.ts";
import { firmwareBytes } from "../loader/firmware.ts";
import type { MachineConfig } from "../machine/machine.ts";
import { CACHE_SIZES, TRANSLATION, checkRamBytes, partitionMemory, type PartitionMemory } from "../machine/memory.ts";
import { QUEUE_BYTES } from "../network/queue.ts";
import type { NetworkSpec } from "../network/messages.ts";
import { UsageError } from "../../failure.ts";
import type { DiskFile } from "../../handset/contracts.ts";

/** Devices that a partition has unless it says otherwise. */
const OPTIONAL_DEVICES = {
  console: DEVICE_CONSOLE,
  entropy: DEVICE_ENTROPY,
  balloon: DEVICE_BALLOON,
  watchdog: DEVICE_WATCHDOG,
};

export interface ImageOptions {
  ramBytes: number;
  mode: MachineConfig["mode"];
  kernel: KernelSource | null;
  firmware: ImageSource | null;
  /** The file that firmware's settings are kept in: the second bank of flash. */
  flash?: string | null;
  /** virtio's transport; without one, as the image expects it. */
  virtio?: "modern" | "legacy" | null;
  initrd: ImageSource | null;
  commandLine: string | null;
  deviceTree: string | null;
  disk: DiskFile | null;
  /** Hot guest code becomes WebAssembly: at most so many bytes of it; 0, or nothing: none does. */
  translateCodeBytes?: number;
  /** False: the processor has no Advanced SIMD. */
  neon?: boolean;
  /** Which caches: what the partition costs beside its RAM. */
  overhead: "normal" | "small";
  /** Bytes of the rings that it sends into. */
  channelBytes?: number;
  /** Whether there is a device for event channels. */
  channels?: boolean;
  /** Its network; null, or nothing: it has none. */
  network?: NetworkSpec | null;
  /** Devices that the guest is to go without. */
  absent?: readonly (keyof typeof OPTIONAL_DEVICES)[];
}

export interface PreparedPartition {
  plan: LoadPlan;
  config: MachineConfig;
  memory: PartitionMemory;
  /** The I/O worker's queue; null in deterministic time and without a disk. */
  diskQueue: SharedArrayBuffer | null;
}

/** Deterministic runs begin here: 2026-01-01 00:00:00 UTC. */
const DETERMINISTIC_EPOCH = 1_767_225_600;
const CONSOLE_PORTS = 1;
/** In the machine's memory, and what the card tells. */
const NETWORK_RING_BYTES = 1 << 19;
const NETWORK_MTU = 1500;
const DISK_SERIAL = "pocketvisor0";

/** Checks and plans; nothing runs yet. `sharedBytes` of shared memory are charged beside the machine's own. Throws ImageError and
 *  UsageError. */
export function partitionPrepare(options: ImageOptions, sharedBytes: number): PreparedPartition {
  checkRamBytes(options.ramBytes);
  const deterministic = options.mode !== "realtime";
  const disk = options.disk === null ? null : diskShape(options.disk);
  let devices = Object.values(OPTIONAL_DEVICES).reduce((all, device) => all | device, 0);
  for (const name of options.absent ?? []) devices &= ~OPTIONAL_DEVICES[name];
  if (disk !== null) devices |= DEVICE_BLOCK;
  // A partition of a handset may be granted channels at any time; alone there is nobody to talk to.
  if (options.channels === true) devices |= DEVICE_CHANNEL;
  const network = options.network ?? null;
  if (network !== null) {
    if (deterministic) throw networkInVirtualTime();
    devices |= DEVICE_NETWORK;
  }
  const rngSeed = randomBytes(RNG_SEED_BYTES);
  if (deterministic) seededEntropy("pocketvisor deterministic rng-seed")(rngSeed);
  const plan = loadPlan({ ...options, devices, rngSeed });
  const codeBytes = options.translateCodeBytes ?? 0;
  const translation = codeBytes > 0 ? { ...TRANSLATION, translateCodeBytes: codeBytes } : {};
  const rings = network === null ? {} : { networkBytes: NETWORK_RING_BYTES };
  const caches = { ...CACHE_SIZES[options.overhead], ...translation, ...rings };
  const diskQueue = disk === null || deterministic ? null : new DiskQueue(caches.diskPieceBytes).buffer;
  const shared =
    sharedBytes +
    (diskQueue?.byteLength ?? 0) +
    indexBytes(options.disk) +
    (network === null ? 0 : QUEUE_BYTES + network.bufferBytes);
  return {
    plan,
    diskQueue,
    memory: partitionMemory(options.ramBytes, firmwareBytes(plan.firmware), caches, shared, options.channelBytes ?? 0),
    config: {
      mode: options.mode,
      ramBytes: options.ramBytes,
      firmware: plan.firmware,
      caches,
      withoutNeon: options.neon === false,
      devices: plan.devices,
      disk,
      network: network === null ? null : { card: network.card, mtu: NETWORK_MTU },
      consolePorts: CONSOLE_PORTS,
      entry: plan.entry,
      r0: plan.r0,
      r1: plan.r1,
      r2: plan.r2,
      wallOrigin: deterministic ? DETERMINISTIC_EPOCH : Math.floor(Date.now() / 1000),
    },
  };
}

/** The world outside does not wait for a virtual clock, and is not the same twice. */
function networkInVirtualTime(): UsageError {
  return new UsageError(
    "USAGE_NETWORK",
    "a deterministic run repeats bit for bit, and a network does not",
    "Leave out one of the two.",
  );
}

/** What a block log keeps in memory. */
function indexBytes(disk: DiskFile | null): number {
  return disk?.log === undefined ? 0 : UnitIndex.bytesOf(disk.log.unitCount);
}

/** Opens the disk once to see that it can be used, before anything runs. */
function diskShape(disk: DiskFile): { sectors: number; readOnly: boolean; serial: string } {
  // A block log was mounted when its key was looked for, and a rehearsal must not make one.
  if (disk.log !== undefined)
    return { sectors: (disk.log.unitCount * UNIT_BYTES) / SECTOR_BYTES, readOnly: false, serial: DISK_SERIAL };
  const store = openDisk(disk);
  store.close();
  return { sectors: store.sectors, readOnly: disk.readOnly, serial: DISK_SERIAL };
}
