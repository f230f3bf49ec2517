// Whether a document that is genuine, new and for this device may do here what it wants: which partition, which board, what the owner
// has consented to.

import type { Command, Verb } from "./commands.ts";
import type { Image, LockDocument, Permission } from "./documents.ts";
import { refuse } from "./reasons.ts";

/** What a check has to know about the device. */
export interface Device {
  /** The first 16 bytes of SHA-256 of its public key. */
  id: Uint8Array;
  board: string;
  partitions: { name: string; kind: "work" | "personal" | "system" }[];
}

interface VerbScope {
  /** Whether it names a partition. */
  partition: "always" | "never" | "maybe";
  consent?: Permission;
  /** Takes two keys of the wipe role instead of one of the command role. */
  wipe?: true;
}

const DEVICE: VerbScope = { partition: "never" };
const PARTITION: VerbScope = { partition: "always" };

const VERBS: Record<Verb, VerbScope> = {
  ping: DEVICE,
  report: DEVICE,
  rebirth: DEVICE,
  locate: { partition: "never", consent: "locate" },
  lock: { partition: "maybe" },
  unlock: { partition: "maybe" },
  start: PARTITION,
  stop: PARTITION,
  restart: PARTITION,
  pause: PARTITION,
  resume: PARTITION,
  snapshot: PARTITION,
  "move-out": PARTITION,
  "move-in": PARTITION,
  "wipe-partition": PARTITION,
  "wipe-device": { partition: "never", consent: "wipe-device", wipe: true },
  retire: { partition: "never", wipe: true },
  logs: { partition: "maybe", consent: "read-logs" },
  console: { partition: "always", consent: "open-console" },
  ring: DEVICE,
  cancel: DEVICE,
  "clear-quarantine": PARTITION,
};

/** What the owner's partitions are called outside their handset. */
export const PRIVATE = "private";

/** What may be asked of the owner's own partition, with the owner's consent; nothing else may. */
const ON_PERSONAL: Partial<Record<Verb, Permission>> = { pause: "pause-personal", resume: "pause-personal" };

export const needsWipeRole = (verb: Verb): boolean => VERBS[verb].wipe === true;

/** Throws verb-partition, partition-unknown, partition-private or consent. */
export function checkCommandScope({ verb, partition }: Command, device: Device, allowed: Permission[]): void {
  const scope = VERBS[verb];
  if (partition === undefined ? scope.partition === "always" : scope.partition === "never") {
    refuse("verb-partition", `${verb} ${partition === undefined ? "needs a partition" : "takes no partition"}`);
  }
  if (scope.consent !== undefined && !allowed.includes(scope.consent)) {
    refuse("consent", `the owner has not consented to ${scope.consent}`);
  }
  if (partition === undefined || kindOf(partition, device) !== "personal") return;
  const needed = ON_PERSONAL[verb] ?? refuse("partition-private", `${verb} is not for the owner's partition`);
  if (!allowed.includes(needed)) refuse("consent", `the owner has not consented to ${needed}`);
}

/** What a lock document wants of the owner's partition, or of the whole device, against what the owner allows. A partition that this handset has not
 *  does no harm to the others. Throws partition-private or consent. */
export function checkLockScope({ partitions, others }: LockDocument, device: Device, allowed: Permission[]): void {
  for (const { partition } of partitions) {
    const kind = partition === PRIVATE ? "personal" : device.partitions.find(({ name }) => name === partition)?.kind;
    if (kind === "personal") refuse("partition-private", "no lock is for the owner's partition");
  }
  if (others.desired === "wiped" && !allowed.includes("wipe-device")) {
    refuse("consent", "the owner has not consented to wipe-device");
  }
}

/** Throws partition-unknown or partition-private. */
export function checkPolicyScope(partition: string, device: Device): void {
  if (kindOf(partition, device) === "personal") refuse("partition-private", "no policy governs the owner's partition");
}

/** Throws board. */
export function checkImageScope({ boards }: Image, device: Device): void {
  if (boards !== undefined && !boards.includes(device.board)) refuse("board", `the image is not for ${device.board}`);
}

function kindOf(partition: string, device: Device): Device["partitions"][number]["kind"] {
  if (partition === PRIVATE) return "personal";
  const found = device.partitions.find(({ name }) => name === partition);
  return found?.kind ?? refuse("partition-unknown", `there is no partition ${partition}`);
}
