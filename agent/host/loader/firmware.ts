// What a machine has for firmware beside its RAM: flash, the files of fw_cfg, and the transport that its drivers speak.

/** What stands behind flash and fw_cfg, each a multiple of 64 KiB, and which transport virtio speaks. */
export interface FirmwareConfig {
  /** From address 0. */
  romBytes: number;
  bank1Bytes: number;
  fwCfgBytes: number;
  virtio: "modern" | "legacy";
}

/** No firmware: a machine as Linux expects it. */
export const NO_FIRMWARE: FirmwareConfig = { romBytes: 0, bank1Bytes: 0, fwCfgBytes: 0, virtio: "modern" };

/** Bytes of linear memory that it takes. */
export function firmwareBytes({ romBytes, bank1Bytes, fwCfgBytes }: FirmwareConfig): number {
  return romBytes + bank1Bytes + fwCfgBytes;
}

/** Where a load plan puts the files of fw_cfg: an address that no guest has. */
export const FW_CFG_FILES = 2 ** 32;
