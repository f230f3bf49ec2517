// The slots' state as systemd-boot keeps it: in the names of the boot partition's entries (Boot Loader Specification, "Boot counting"; systemd-boot(7)).
//
// `pv-a.conf` is a good slot. `pv-b+3.conf` is one on trial with three starts left: the boot loader itself renames it to `pv-b+2-1.conf` before it starts
// the kernel, and the name without a count is the blessing. A rename is one step of the file system. `default` names an entry without its
// count, so loader.conf says which slot is preferred, and is replaced by a rename too.

import type { SlotName } from "./slots.ts";

const ENTRY = /^pv-([ab])(?:\+(\d{1,2})(?:-(\d{1,2}))?)?\.conf$/i;

/** Of an entry's file name. `left` is null for one without a count: blessed. */
export interface EntryName {
  slot: SlotName;
  left: number | null;
  done: number;
}

/** The file name of a slot's entry; `left` starts are left, null: it is blessed. */
export function entryName(slot: SlotName, left: number | null, done = 0): string {
  if (left === null) return `pv-${slot}.conf`;
  return done === 0 ? `pv-${slot}+${left}.conf` : `pv-${slot}+${left}-${done}.conf`;
}

/** What a file name in the entries' folder says; null: it is none of ours. FAT keeps case and does not tell names by it. */
export function parseEntryName(name: string): EntryName | null {
  const match = ENTRY.exec(name);
  if (match === null) return null;
  const [, slot, left, done] = match;
  return {
    slot: slot!.toLowerCase() as SlotName,
    left: left === undefined ? null : Number(left),
    done: done === undefined ? 0 : Number(done),
  };
}

/** The name that the boot loader gives an entry before it starts it. */
export function countedName({ slot, left, done }: EntryName): string {
  if (left === null) return entryName(slot, null);
  return entryName(slot, Math.max(0, left - 1), done + 1);
}

/** An entry's text (Boot Loader Specification, Type #1). `words` is the kernel's command line but for the slot. */
export function loaderEntry(slot: SlotName, version: string, words: string): string {
  return [
    `title Pocketvisor ${version} (slot ${slot.toUpperCase()})`,
    `version ${version}`,
    `sort-key pocketvisor`,
    `linux /pocketvisor/${slot}/linux`,
    `initrd /pocketvisor/${slot}/initrd`,
    `options pv.slot=${slot} ${words}`,
    "",
  ].join("\n");
}

/** loader.conf: the preferred slot by name, and no menu. */
export function loaderConfig(preferred: SlotName): string {
  return `default pv-${preferred}*\ntimeout 0\neditor no\nconsole-mode keep\n`;
}
