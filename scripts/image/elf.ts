// Which shared libraries a program of an unpacked package needs (System V ABI, chapter 5: DT_NEEDED), with all that they need.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ImageBuildError } from "./failure.ts";

const PT_DYNAMIC = 2;
const PT_LOAD = 1;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const LIBRARY_COUNT_MAX = 64;
const FOLDERS = ["lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib"];

/** Paths below `tree` of every library that these programs need, the loader among them. Throws IMAGE_LIBRARY for one that no package brought. */
export function neededLibraries(tree: string, programs: string[]): string[] {
  const found = new Map<string, string>();
  const open = programs.map((path) => join(tree, path));
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const name of neededNames(readFileSync(path))) {
      if (found.has(name)) continue;
      const folder = FOLDERS.find((each) => existsSync(join(tree, each, name)));
      if (folder === undefined || found.size >= LIBRARY_COUNT_MAX) {
        throw new ImageBuildError(
          "IMAGE_LIBRARY",
          `no package of the recipe has ${name}`,
          "Add its package to image.json.",
        );
      }
      found.set(name, join(folder, name));
      open.push(join(tree, folder, name));
    }
  }
  return [...found.values()].sort();
}

function neededNames(file: Buffer): string[] {
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2) return [];
  const word = (at: number): number => Number(file.readBigUInt64LE(at));
  const [at, size, count] = [word(32), file.readUInt16LE(54), file.readUInt16LE(56)];
  const headers = Array.from({ length: count }, (_, index) => at + index * size);
  const place = (address: number): number => {
    const load = headers.find(
      (each) =>
        file.readUInt32LE(each) === PT_LOAD &&
        address >= word(each + 16) &&
        address < word(each + 16) + word(each + 32),
    );
    return load === undefined ? 0 : address - word(load + 16) + word(load + 8);
  };
  const dynamic = headers.find((each) => file.readUInt32LE(each) === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const offsets: number[] = [];
  let strings = 0;
  for (let entry = word(dynamic + 8); entry < word(dynamic + 8) + word(dynamic + 32); entry += 16) {
    const tag = word(entry);
    if (tag === DT_NEEDED) offsets.push(word(entry + 8));
    if (tag === DT_STRTAB) strings = place(word(entry + 8));
  }
  return offsets.map((offset) => {
    const start = strings + offset;
    return file.toString("latin1", start, file.indexOf(0, start));
  });
}
