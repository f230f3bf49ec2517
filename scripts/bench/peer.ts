// qemu-system-arm with the same guest: what our figures are compared with.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RAM_BASE } from "../../kernel/abi/layout.ts";
import { guestFolder, readCachedGuest } from "../../agent/guests/cache.ts";
import { deviceTree } from "../../agent/host/index.ts";
import { cacheFolder, programPath } from "../../agent/paths.ts";
import { QEMU, virtArguments } from "../../test/support/qemu-virt.ts";
import { startGuest, type GuestProcess } from "./guest-process.ts";

export const PEER = QEMU;
export const RAM_MIB = 64;

export interface PeerBoard {
  cpu: string;
  ramMib: number;
  /** Instead of the guest's own. */
  initramfs: string | null;
}

const BOARD: PeerBoard = { cpu: "cortex-a7", ramMib: RAM_MIB, initramfs: null };

function boardArguments({ cpu, ramMib }: PeerBoard): string[] {
  return virtArguments(cpu, ramMib, "stdio");
}

/** QEMU's version line, or null when it is not installed. */
export function peerVersion(): string | null {
  if (programPath(PEER) === null) return null;
  return spawnSync(PEER, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? null;
}

export function startPeer(args: string[], limitMs?: number): GuestProcess {
  return startGuest(PEER, args, limitMs);
}

/** Arguments for a flat binary at RAM base + 0x10000. */
export function peerFlat(path: string): string[] {
  return [...boardArguments(BOARD), "-kernel", path];
}

const scratch: string[] = [];
process.on("exit", () => scratch.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** Arguments for the very same raw Image, initramfs and command line, placed and entered as our loader does it: QEMU's own
 *  loader would put a raw Image elsewhere. */
export function peerSameImage(name: string, board = BOARD): string[] {
  const guest = readCachedGuest(name)!;
  const initramfs = board.initramfs ?? join(guestFolder(name), guest.initramfs!.name);
  const initramfsBytes = statSync(initramfs).size;
  const ramBytes = board.ramMib * 2 ** 20;
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-bench-"));
  scratch.push(folder);
  const treeAt = RAM_BASE + ramBytes - 0x10000;
  const initrdAt = (treeAt - initramfsBytes) & ~0xfff;
  const stubAt = RAM_BASE + 0x180000; // QEMU keeps the first MiB for a tree of its own
  const tree = deviceTree({
    ramBytes,
    devices: 0,
    commandLine: guest.commandLine,
    initrd: { start: initrdAt, end: initrdAt + initramfsBytes },
    rngSeed: Buffer.alloc(64, 1),
  });
  writeFileSync(join(folder, "tree"), tree);
  // mov r0, #0 · mvn r1, #0 · ldr r2, tree · ldr pc, entry
  const words = [0xe3a00000, 0xe3e01000, 0xe59f2000, 0xe59ff000, treeAt, RAM_BASE + guest.textOffset];
  const stub = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => stub.writeUInt32LE(word, index * 4));
  writeFileSync(join(folder, "stub"), stub);
  const load = (file: string, address: number, more = ""): string[] => [
    "-device",
    `loader,file=${file},addr=0x${(address >>> 0).toString(16)},force-raw=on${more}`,
  ];
  return [
    ...boardArguments(board),
    ...load(join(guestFolder(name), guest.kernel.name), RAM_BASE + guest.textOffset),
    ...load(initramfs, initrdAt),
    ...load(join(folder, "tree"), treeAt),
    ...load(join(folder, "stub"), stubAt, ",cpu-num=0"),
  ];
}

/** Arguments for the package's zImage, as a user of QEMU would start it; null when the package is not in the cache any more. */
export function peerZimage(name: string, board = BOARD): string[] | null {
  const guest = readCachedGuest(name)!;
  const packages = join(cacheFolder(), "apt/packages");
  const kernelPackage = Object.keys(guest.packages)[0] ?? "";
  const file = readdirSync(packages).find((entry) => entry.startsWith(`${kernelPackage}_`));
  if (file === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-bench-"));
  scratch.push(folder);
  const unpack = `dpkg-deb --fsys-tarfile "$1" | tar -x -O --wildcards './boot/vmlinuz-*' >"$2"`;
  const zimage = join(folder, "vmlinuz");
  if (spawnSync("sh", ["-c", unpack, "sh", join(packages, file), zimage]).status !== 0) return null;
  return [
    ...boardArguments(board),
    "-kernel",
    zimage,
    "-initrd",
    board.initramfs ?? join(guestFolder(name), guest.initramfs!.name),
    "-append",
    guest.commandLine,
  ];
}
