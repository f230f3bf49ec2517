// The GUID partition table (UEFI 2.10 §5): written whole for an image, read from a disk, and moved to the end of a larger disk.
//
// The idea. There are two copies, the first at the disk's beginning and the second in its last sectors, each with a checksum of its header and
// one of its entries. A copy that fails either sum does not count; one good copy is enough. So whatever changes the table writes one copy whole, has
// it on the disk, and only then touches the other.

import { crc32 } from "./crc32.ts";
import { DeviceError } from "./failure.ts";

export const SECTOR = 512;
const ENTRY_COUNT = 128;
const ENTRY_BYTES = 128;
const ENTRY_SECTORS = (ENTRY_COUNT * ENTRY_BYTES) / SECTOR;
const HEADER_BYTES = 92;
const REVISION = 0x00010000;
const SIGNATURE = "EFI PART";
const NAME_UNITS = 36;
/** Sectors that one copy takes: header and entries. */
const COPY_SECTORS = 1 + ENTRY_SECTORS;

/** Types of partitions (UEFI 2.10 §5.3.3, Discoverable Partitions). */
export const TYPE_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
export const TYPE_LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4";

export interface GptPartition {
  name: string;
  type: string;
  id: string;
  /** First and last sector. */
  first: number;
  last: number;
}

export interface Gpt {
  diskId: string;
  partitions: GptPartition[];
}

/** A piece of a disk to write: at this sector, these bytes. */
export interface DiskWrite {
  sector: number;
  bytes: Buffer;
}

/** The table for a disk of so many sectors: protective MBR and first copy, and the second copy. */
export function gptWrite(gpt: Gpt, sectorCount: number): { first: DiskWrite; second: DiskWrite } {
  checkGpt(gpt, sectorCount);
  const entries = Buffer.alloc(ENTRY_COUNT * ENTRY_BYTES);
  gpt.partitions.forEach((partition, index) => {
    const at = index * ENTRY_BYTES;
    guidBytes(partition.type).copy(entries, at);
    guidBytes(partition.id).copy(entries, at + 16);
    entries.writeBigUInt64LE(BigInt(partition.first), at + 32);
    entries.writeBigUInt64LE(BigInt(partition.last), at + 40);
    entries.write(partition.name, at + 56, "utf16le");
  });
  const header = (here: number, other: number, entriesAt: number): Buffer => {
    const bytes = Buffer.alloc(SECTOR);
    bytes.write(SIGNATURE, 0, "latin1");
    bytes.writeUInt32LE(REVISION, 8);
    bytes.writeUInt32LE(HEADER_BYTES, 12);
    bytes.writeBigUInt64LE(BigInt(here), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(1 + COPY_SECTORS), 40);
    bytes.writeBigUInt64LE(BigInt(sectorCount - COPY_SECTORS - 1), 48);
    guidBytes(gpt.diskId).copy(bytes, 56);
    bytes.writeBigUInt64LE(BigInt(entriesAt), 72);
    bytes.writeUInt32LE(ENTRY_COUNT, 80);
    bytes.writeUInt32LE(ENTRY_BYTES, 84);
    bytes.writeUInt32LE(crc32(entries), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_BYTES)), 16);
    return bytes;
  };
  const end = sectorCount - 1;
  const first = Buffer.concat([protectiveMbr(sectorCount), header(1, end, 2), entries]);
  const second = Buffer.concat([entries, header(end, 1, end - ENTRY_SECTORS)]);
  return { first: { sector: 0, bytes: first }, second: { sector: end - ENTRY_SECTORS, bytes: second } };
}

/** Where the first copy and its MBR lie. */
export const FIRST_COPY_BYTES = (1 + COPY_SECTORS) * SECTOR;

export interface FoundGpt extends Gpt {
  /** Which copies are whole. */
  first: boolean;
  second: boolean;
  /** The last sector as the copy that was read has it: of the disk for which it was written. */
  end: number;
}

/** Reads the table of a disk: from the first copy, else from the second where the first says it is, else from the disk's end.
 *  Throws DEVICE_TABLE when neither is whole. */
export function gptRead(read: (sector: number, count: number) => Buffer, sectorCount: number): FoundGpt {
  const first = copyAt(read, 1, sectorCount);
  const second = copyAt(read, first === null ? sectorCount - 1 : first.other, sectorCount);
  const found = first ?? second;
  if (found === null) {
    throw new DeviceError(
      "DEVICE_TABLE",
      "neither copy of the disk's partition table is whole",
      "Flash the image again.",
    );
  }
  const end = first === null ? found.here : found.other;
  return { ...found.gpt, first: first !== null, second: second !== null, end };
}

interface Copy {
  gpt: Gpt;
  here: number;
  other: number;
}

function copyAt(read: (sector: number, count: number) => Buffer, here: number, sectorCount: number): Copy | null {
  if (here < 1 || here >= sectorCount) return null;
  const header = Buffer.from(read(here, 1));
  if (header.length < SECTOR || header.toString("latin1", 0, 8) !== SIGNATURE) return null;
  const size = header.readUInt32LE(12);
  if (header.readUInt32LE(8) !== REVISION || size < HEADER_BYTES || size > SECTOR) return null;
  const sum = header.readUInt32LE(16);
  header.writeUInt32LE(0, 16);
  if (crc32(header.subarray(0, size)) !== sum) return null;
  const number = (at: number): number => Number(header.readBigUInt64LE(at));
  const entriesAt = number(72);
  const fits =
    number(24) === here && header.readUInt32LE(80) === ENTRY_COUNT && header.readUInt32LE(84) === ENTRY_BYTES;
  if (!fits || entriesAt < 2 || entriesAt + ENTRY_SECTORS > sectorCount) return null;
  const entries = read(entriesAt, ENTRY_SECTORS);
  if (crc32(entries) !== header.readUInt32LE(88)) return null;
  const partitions: GptPartition[] = [];
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const type = guidText(entries.subarray(at, at + 16));
    if (type === NO_GUID) continue;
    const id = guidText(entries.subarray(at + 16, at + 32));
    const name = entries.toString("utf16le", at + 56, at + ENTRY_BYTES).replace(/\0.*$/s, "");
    const [start, last] = [Number(entries.readBigUInt64LE(at + 32)), Number(entries.readBigUInt64LE(at + 40))];
    partitions.push({ name, type, id, first: start, last });
  }
  return { gpt: { diskId: guidText(header.subarray(56, 72)), partitions }, here, other: number(32) };
}

function checkGpt({ partitions }: Gpt, sectorCount: number): void {
  const wrong = (what: string): never => {
    throw new DeviceError("DEVICE_TABLE", `this partition table cannot be written: ${what}`);
  };
  if (partitions.length > ENTRY_COUNT) wrong(`more than ${ENTRY_COUNT} partitions`);
  let free = 1 + COPY_SECTORS;
  for (const { name, first, last } of [...partitions].sort((a, b) => a.first - b.first)) {
    if (name.length > NAME_UNITS) wrong(`${name} has a name of more than ${NAME_UNITS} characters`);
    if (first < free) wrong(`${name} begins inside what lies before it`);
    if (last < first || last >= sectorCount - COPY_SECTORS) wrong(`${name} ends behind the disk`);
    free = last + 1;
  }
}

/** One partition over everything, for programs that know no GPT (UEFI 2.10 §5.2.3). */
function protectiveMbr(sectorCount: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  bytes.writeUInt32LE(1, 454);
  bytes.writeUInt32LE(Math.min(sectorCount - 1, 0xffffffff), 458);
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
}

const NO_GUID = "00000000-0000-0000-0000-000000000000";
/** The first three groups are little-endian (UEFI 2.10 Appendix A). */
const GUID_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

function guidBytes(text: string): Buffer {
  const straight = Buffer.from(text.replaceAll("-", ""), "hex");
  if (straight.length !== 16) throw new DeviceError("DEVICE_TABLE", `"${text}" is no GUID`);
  return Buffer.from(GUID_ORDER.map((index) => straight[index]!));
}

function guidText(bytes: Uint8Array): string {
  const hex = Buffer.from(GUID_ORDER.map((index) => bytes[index]!)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
