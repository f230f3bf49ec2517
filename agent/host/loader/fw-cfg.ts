// The files that a machine of QEMU's `virt` gives its firmware: fw_cfg's keys and its directory (QEMU docs/specs/fw_cfg), laid out as
// kernel/machine/devices/fw-cfg reads them. What is large stays in its file until the machine's memory is filled.

import { WASM_PAGE } from "../../../kernel/abi/layout.ts";
import { FW_CFG_FILES } from "./firmware.ts";
import type { ImageFile } from "./image-file.ts";
import type { Segment } from "./place.ts";

// Keys
const SIGNATURE = 0x00;
const ID = 0x01;
const RAM_SIZE = 0x03;
const NO_GRAPHIC = 0x04;
const CPU_COUNT = 0x05;
const KERNEL_SIZE = 0x08;
const INITRD_SIZE = 0x0b;
const CPU_MAX = 0x0f;
const KERNEL_DATA = 0x11;
const INITRD_DATA = 0x12;
const COMMAND_LINE_SIZE = 0x14;
const COMMAND_LINE = 0x15;
const DIRECTORY = 0x19;
const FIRST_FILE = 0x20;
/** Bits of ID: the selector and data registers, and DMA. */
const FEATURES = 3;
const NAME_BYTES = 56;

const TABLE_ENTRY_BYTES = 12;
const ALIGNMENT = 16;

export interface FwCfgOptions {
  ramBytes: number;
  kernel: { file: ImageFile; sha256: string | null } | null;
  initrd: { file: ImageFile; sha256: string | null } | null;
  commandLine: string | null;
}

interface Entry {
  key: number;
  length: number;
  source: Segment["source"];
}

/** The segments that hold table and files, and how many bytes of memory they take, a multiple of 64 KiB. */
export function fwCfgFiles(options: FwCfgOptions): { segments: Segment[]; bytes: number } {
  const entries = entriesOf(options);
  const table = Buffer.alloc(4 + entries.length * TABLE_ENTRY_BYTES);
  table.writeUInt32LE(entries.length, 0);
  const segments: Segment[] = [{ address: FW_CFG_FILES, source: { bytes: table } }];
  let end = alignUp(table.length, ALIGNMENT);
  entries.forEach(({ key, length, source }, n) => {
    [key, end, length].forEach((word, at) => table.writeUInt32LE(word, 4 + n * TABLE_ENTRY_BYTES + at * 4));
    if (length > 0) segments.push({ address: FW_CFG_FILES + end, source });
    end = alignUp(end + length, ALIGNMENT);
  });
  return { segments, bytes: alignUp(end, WASM_PAGE) };
}

function entriesOf({ ramBytes, kernel, initrd, commandLine }: FwCfgOptions): Entry[] {
  const entries: Entry[] = [];
  const bytes = (key: number, data: Buffer): void =>
    void entries.push({ key, length: data.length, source: { bytes: data } });
  const file = (size: number, data: number, image: FwCfgOptions["kernel"]): void => {
    bytes(size, little(image?.file.bytes ?? 0, 4));
    if (image === null) return;
    const { path, bytes: length } = image.file;
    entries.push({ key: data, length, source: { file: path, offset: 0, length, sha256: image.sha256 } });
  };
  bytes(SIGNATURE, Buffer.from("QEMU"));
  bytes(ID, little(FEATURES, 4));
  bytes(RAM_SIZE, little(ramBytes, 8));
  bytes(NO_GRAPHIC, little(1, 2));
  bytes(CPU_COUNT, little(1, 2));
  bytes(CPU_MAX, little(1, 2));
  file(KERNEL_SIZE, KERNEL_DATA, kernel);
  file(INITRD_SIZE, INITRD_DATA, initrd);
  const line = commandLine === null ? Buffer.alloc(0) : Buffer.from(`${commandLine}\0`, "utf8");
  bytes(COMMAND_LINE_SIZE, little(line.length, 4));
  if (line.length > 0) bytes(COMMAND_LINE, line);
  // Named files, sorted by name: what firmware waits after a failed boot. -1: for ever, as QEMU says when it is not asked.
  const named: [name: string, data: Buffer][] = [["etc/boot-fail-wait", Buffer.from([0xff, 0xff, 0xff, 0xff])]];
  bytes(DIRECTORY, directory(named));
  named.forEach(([, data], n) => bytes(FIRST_FILE + n, data));
  return entries;
}

/** The directory: a count, then {size, key, 0, name} for each file, big-endian. */
function directory(named: [name: string, data: Buffer][]): Buffer {
  const result = Buffer.alloc(4 + named.length * (8 + NAME_BYTES));
  result.writeUInt32BE(named.length, 0);
  named.forEach(([name, data], n) => {
    const at = 4 + n * (8 + NAME_BYTES);
    result.writeUInt32BE(data.length, at);
    result.writeUInt16BE(FIRST_FILE + n, at + 4);
    result.write(name, at + 8, NAME_BYTES - 1, "latin1");
  });
  return result;
}

function little(value: number, bytes: number): Buffer {
  const result = Buffer.alloc(bytes);
  result.writeUIntLE(value, 0, Math.min(bytes, 6));
  return result;
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
