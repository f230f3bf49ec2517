// The block log's bytes. All numbers are little-endian. A place is extent number × 4096 + unit; unit 0 of an extent is its header, so place 0 is
// no place.
//
//   extent   header | group | group | commit | group | …        16 MiB in units of 4 KiB, appended to and never changed
//   group    {sequence, entries of (address, tag), discarded ranges} | a unit of data for each entry
//   commit   "every group up to this sequence holds"
//   super    two slots of two copies, written by turns: where the last checkpoint is, and where the log goes on from it
//
// Addresses below 2^30 are the disk's units. Above lie the log's own: pages of the index, and the top, which lists them.

import { STORAGE_UNIT_BYTES } from "../../handset/contracts.ts";

export const UNIT_BYTES = STORAGE_UNIT_BYTES;
export const EXTENT_UNITS = 4096;
export const EXTENT_BYTES = UNIT_BYTES * EXTENT_UNITS;
/** As many as one header unit holds. */
export const GROUP_ENTRIES_MAX = 200;
export const TAG_BYTES = 16;
export const MAC_BYTES = 32;
export const INCARNATION_BYTES = 32;
export const ADDRESS_MAX = 2 ** 30;
export const PAGE_ADDRESS = 2 ** 30;
export const TOP_ADDRESS = 2 ** 30 + 2 ** 29;
export const NO_EXTENT = 0xffff_ffff;

const VERSION = 1;
const EXTENT_MAGIC = 0x31585650; // "PVX1"
const GROUP_MAGIC = 0x31475650; // "PVG1"
const COMMIT_MAGIC = 0x31435650; // "PVC1"
const SUPER_MAGIC = 0x31535650; // "PVS1"

/** One sector: what the medium writes whole or not at all. Headers of extents and commit records fit into one. */
export const SECTOR_BYTES = 512;

export type Mac = (...parts: Uint8Array[]) => Buffer;

export interface ExtentHeader {
  number: number;
  /** Of one mount and what it writes until something goes wrong. */
  epoch: number;
  /** The first group's. */
  sequence: number;
  incarnation: Buffer;
}

function putWide(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

const wide = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;

const EXTENT_MAC = 56;

export function writeExtentHeader({ number, epoch, sequence, incarnation }: ExtentHeader, mac: Mac): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeUInt32LE(EXTENT_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(number, 8);
  bytes.writeUInt32LE(epoch, 12);
  putWide(bytes, sequence, 16);
  incarnation.copy(bytes, 24);
  mac(bytes.subarray(0, EXTENT_MAC)).copy(bytes, EXTENT_MAC);
  return bytes;
}

/** Null: it is none that this key has written. */
export function readExtentHeader(bytes: Buffer, mac: Mac): ExtentHeader | null {
  if (bytes.length < SECTOR_BYTES || bytes.readUInt32LE(0) !== EXTENT_MAGIC) return null;
  if (!mac(bytes.subarray(0, EXTENT_MAC)).equals(bytes.subarray(EXTENT_MAC, EXTENT_MAC + MAC_BYTES))) return null;
  if (bytes.readUInt32LE(4) !== VERSION) return null;
  return {
    number: bytes.readUInt32LE(8),
    epoch: bytes.readUInt32LE(12),
    sequence: wide(bytes, 16),
    incarnation: Buffer.from(bytes.subarray(24, 24 + INCARNATION_BYTES)),
  };
}

export interface GroupHeader {
  sequence: number;
  /** Of the units that follow. */
  entries: { address: number; tag: Buffer }[];
  discards: { first: number; count: number }[];
}

const GROUP_MAC = 16;
const GROUP_ENTRIES = GROUP_MAC + MAC_BYTES;
const ENTRY_BYTES = 4 + TAG_BYTES;

/** `where` binds it to its extent and place. */
export function writeGroupHeader({ sequence, entries, discards }: GroupHeader, where: Buffer, mac: Mac): Buffer {
  const bytes = Buffer.alloc(UNIT_BYTES);
  bytes.writeUInt32LE(GROUP_MAGIC, 0);
  bytes.writeUInt16LE(entries.length, 4);
  bytes.writeUInt16LE(discards.length, 6);
  putWide(bytes, sequence, 8);
  let at = GROUP_ENTRIES;
  for (const { address, tag } of entries) {
    bytes.writeUInt32LE(address, at);
    tag.copy(bytes, at + 4);
    at += ENTRY_BYTES;
  }
  for (const { first, count } of discards) {
    bytes.writeUInt32LE(first, at);
    bytes.writeUInt32LE(count, at + 4);
    at += ENTRY_BYTES;
  }
  mac(where, bytes).copy(bytes, GROUP_MAC);
  return bytes;
}

/** Null: it is no group of this key's at this place. */
export function readGroupHeader(bytes: Buffer, where: Buffer, mac: Mac): GroupHeader | null {
  if (bytes.length < UNIT_BYTES || bytes.readUInt32LE(0) !== GROUP_MAGIC) return null;
  const entryCount = bytes.readUInt16LE(4);
  const discardCount = bytes.readUInt16LE(6);
  if (entryCount + discardCount > GROUP_ENTRIES_MAX) return null;
  const blank = Buffer.from(bytes);
  blank.fill(0, GROUP_MAC, GROUP_ENTRIES);
  if (!mac(where, blank).equals(groupMac(bytes))) return null;
  const entries = Array.from({ length: entryCount }, (_, n) => ({
    address: addressAt(bytes, n),
    tag: tagAt(bytes, n),
  }));
  const discards = Array.from({ length: discardCount }, (_, n) => {
    const at = GROUP_ENTRIES + (entryCount + n) * ENTRY_BYTES;
    return { first: bytes.readUInt32LE(at), count: bytes.readUInt32LE(at + 4) };
  });
  return { sequence: wide(bytes, 8), entries, discards };
}

export const groupMac = (bytes: Buffer): Buffer => bytes.subarray(GROUP_MAC, GROUP_ENTRIES);
const addressAt = (bytes: Buffer, n: number): number => bytes.readUInt32LE(GROUP_ENTRIES + n * ENTRY_BYTES);
/** The tag of the nth unit behind a group's header, which nobody has checked: the unit's own check fails where it is wrong. */
export function tagAt(bytes: Buffer, n: number): Buffer {
  const at = GROUP_ENTRIES + n * ENTRY_BYTES + 4;
  return bytes.subarray(at, at + TAG_BYTES);
}

const COMMIT_CHAIN = 16;
const COMMIT_OWN = COMMIT_CHAIN + MAC_BYTES;
const CHAINED = Buffer.from("chained");
const OWN = Buffer.from("own");

/** A record that every group up to `sequence` holds. It has two codes: one over the chain of groups, and one of its own, by which a commit behind a
 *  damaged group is known for what it is. It stands twice, in two sectors: a bit that flips must not undo a flush. */
export function writeCommit(sequence: number, chain: Buffer, where: Buffer, mac: Mac): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  bytes.writeUInt32LE(COMMIT_MAGIC, 0);
  putWide(bytes, sequence, 8);
  mac(CHAINED, where, bytes.subarray(0, COMMIT_CHAIN), chain).copy(bytes, COMMIT_CHAIN);
  mac(OWN, where, bytes.subarray(0, COMMIT_CHAIN)).copy(bytes, COMMIT_OWN);
  return Buffer.concat([bytes, bytes]);
}

/** Bytes of a commit record. */
export const COMMIT_BYTES = 2 * SECTOR_BYTES;

/** Null: it is no commit of this key's at this place. `holds`: it follows from `chain`. */
export function readCommit(
  bytes: Buffer,
  chain: Buffer | null,
  where: Buffer,
  mac: Mac,
): { sequence: number; holds: boolean } | null {
  return (
    readCopy(bytes.subarray(0, SECTOR_BYTES), chain, where, mac) ??
    readCopy(bytes.subarray(SECTOR_BYTES, COMMIT_BYTES), chain, where, mac)
  );
}

function readCopy(bytes: Buffer, chain: Buffer | null, where: Buffer, mac: Mac): ReturnType<typeof readCommit> {
  if (bytes.length < SECTOR_BYTES || bytes.readUInt32LE(0) !== COMMIT_MAGIC) return null;
  const head = bytes.subarray(0, COMMIT_CHAIN);
  if (!mac(OWN, where, head).equals(bytes.subarray(COMMIT_OWN, COMMIT_OWN + MAC_BYTES))) return null;
  const holds = chain !== null && mac(CHAINED, where, head, chain).equals(bytes.subarray(COMMIT_CHAIN, COMMIT_OWN));
  return { sequence: wide(bytes, 8), holds };
}

/** Where a unit is: its place, and how many units before it its group's header lies. */
export interface Located {
  place: number;
  distance: number;
}

export interface Super {
  /** The greater one counts. */
  generation: number;
  epoch: number;
  /** The disk's size. */
  unitCount: number;
  /** Of the next group, the chain before it, and where it would lie. */
  sequence: number;
  chain: Buffer;
  extent: number;
  unit: number;
  top: Located[];
  topBytes: number;
  /** The code of the top's bytes: no older top takes its place. */
  topMac: Buffer;
}

export const SUPER_BYTES = 4096;
/** A superblock stands twice in its slot. */
export const SUPER_SLOT_BYTES = 2 * SUPER_BYTES;
const SUPER_MAC = SUPER_BYTES - MAC_BYTES;
const SUPER_TOP = 128;
/** Units of the top that a superblock can name. */
export const TOP_UNITS_MAX = Math.floor((SUPER_MAC - SUPER_TOP) / 8);

export function writeSuper(of: Super, mac: Mac): Buffer {
  const bytes = Buffer.alloc(SUPER_BYTES);
  bytes.writeUInt32LE(SUPER_MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  putWide(bytes, of.generation, 8);
  bytes.writeUInt32LE(of.epoch, 16);
  bytes.writeUInt32LE(of.unitCount, 20);
  putWide(bytes, of.sequence, 24);
  of.chain.copy(bytes, 32);
  bytes.writeUInt32LE(of.extent, 64);
  bytes.writeUInt32LE(of.unit, 68);
  bytes.writeUInt32LE(of.topBytes, 72);
  bytes.writeUInt32LE(of.top.length, 76);
  of.topMac.copy(bytes, 80);
  of.top.forEach(({ place, distance }, n) => {
    bytes.writeUInt32LE(place, SUPER_TOP + n * 8);
    bytes.writeUInt32LE(distance, SUPER_TOP + n * 8 + 4);
  });
  mac(bytes.subarray(0, SUPER_MAC)).copy(bytes, SUPER_MAC);
  return bytes;
}

/** Null: this key has not written it, or not whole. */
export function readSuper(bytes: Buffer, mac: Mac): Super | null {
  if (bytes.length < SUPER_BYTES || bytes.readUInt32LE(0) !== SUPER_MAGIC) return null;
  if (!mac(bytes.subarray(0, SUPER_MAC)).equals(bytes.subarray(SUPER_MAC, SUPER_BYTES))) return null;
  const topCount = bytes.readUInt32LE(76);
  if (bytes.readUInt32LE(4) !== VERSION || topCount > TOP_UNITS_MAX) return null;
  return {
    generation: wide(bytes, 8),
    epoch: bytes.readUInt32LE(16),
    unitCount: bytes.readUInt32LE(20),
    sequence: wide(bytes, 24),
    chain: Buffer.from(bytes.subarray(32, 64)),
    extent: bytes.readUInt32LE(64),
    unit: bytes.readUInt32LE(68),
    topBytes: bytes.readUInt32LE(72),
    topMac: Buffer.from(bytes.subarray(80, 80 + MAC_BYTES)),
    top: Array.from({ length: topCount }, (_, n) => ({
      place: bytes.readUInt32LE(SUPER_TOP + n * 8),
      distance: bytes.readUInt32LE(SUPER_TOP + n * 8 + 4),
    })),
  };
}
