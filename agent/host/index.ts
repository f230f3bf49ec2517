// What others may use of the host: everything else in its rooms is its own.

export { reasonText } from "./between/reason-text.ts";
export { deviceTree } from "./loader/device-tree.ts";
export { zimageParse, zimageXzStream, type ZimagePayload } from "./loader/zimage.ts";
export { firmwareImage } from "./loader/place.ts";
export type { ImageSource, KernelSource } from "./loader/plan.ts";
export { ENGINE_FLAGS } from "./machine/engine-flags.ts";
export { collectOwnGarbage } from "./machine/engine-flags.ts";
export { memoryText, TRANSLATION } from "./machine/memory.ts";
export type { ProfileResult } from "./machine/profile.ts";
export { ControlSocket, lines } from "./monitor/control-socket.ts";
export { Handset, type HandsetOptions, type PartitionPlan } from "./monitor/handset.ts";
export { Monitor, type ResolvedPartition } from "./monitor/monitor.ts";
export { FolderFiles } from "./block-log/files.ts";
export { BlockLog } from "./block-log/log.ts";
export { Seal } from "./block-log/seal.ts";
export { BlockStore } from "./disk/block-store.ts";
export { networkSpec } from "./network/spec.ts";
export type { NetworkSpec } from "./network/messages.ts";
export { openDisk } from "./disk/open.ts";
export { DiskVault } from "./disk/vault.ts";
export {
  SinglePartition,
  type EndReason,
  type PartitionEnd,
  type RunStats,
  type SinglePartitionOptions,
} from "./monitor/single-partition.ts";
