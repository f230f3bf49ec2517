// Linux kernel modules: which they need, and their appended signatures.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { GuestError } from "../failure.ts";

const SIGNATURE_MARK = Buffer.from("~Module signature appended~\n", "latin1");
/** struct module_signature (include/linux/module_signature.h): five bytes of kinds and lengths, padding, length (big-endian). */
const SIGNATURE_RECORD_BYTES = 12;
const MODULE_COUNT_MAX = 256;

export interface KernelModule {
  name: string;
  data: Uint8Array;
}

/** A module's bytes without the appended signature. A module without one comes back as it is. */
export function moduleStrip(module: Buffer): Buffer {
  const markAt = module.length - SIGNATURE_MARK.length;
  const recordAt = markAt - SIGNATURE_RECORD_BYTES;
  if (recordAt < 0 || !module.subarray(markAt).equals(SIGNATURE_MARK)) return module;
  const signerBytes = module[recordAt + 3]!;
  const keyBytes = module[recordAt + 4]!;
  const signatureBytes = module.readUInt32BE(recordAt + 8);
  const end = recordAt - signerBytes - keyBytes - signatureBytes;
  if (end <= 0) throw new GuestError("GUEST_MODULE", "a kernel module's signature is longer than the module");
  return module.subarray(0, end);
}

/** Values of `key=` in a module's .modinfo section. */
export function moduleInfo(module: Buffer, key: string): string[] {
  // The ELF header's fields, little-endian: in ELF32 e_shoff at 32, e_shentsize 46, e_shnum 48, e_shstrndx 50; in ELF64 at 40, 58, 60, 62.
  if (module.length < 64 || module.readUInt32BE(0) !== 0x7f454c46) throw new GuestError("GUEST_MODULE", "no ELF file");
  const wide = module[4] === 2;
  const word = (offset: number): number =>
    wide ? Number(module.readBigUInt64LE(offset)) : module.readUInt32LE(offset);
  const at = word(wide ? 40 : 32);
  const fields = wide ? 58 : 46;
  const size = module.readUInt16LE(fields);
  const count = module.readUInt16LE(fields + 2);
  const section = (index: number): { name: number; offset: number; length: number } => {
    const start = at + index * size;
    if (start + (wide ? 64 : 40) > module.length) throw new GuestError("GUEST_MODULE", "a kernel module is truncated");
    const offsetAt = start + (wide ? 24 : 16);
    return { name: module.readUInt32LE(start), offset: word(offsetAt), length: word(offsetAt + (wide ? 8 : 4)) };
  };
  const names = section(module.readUInt16LE(fields + 4));
  for (let index = 0; index < count; index++) {
    const { name, offset, length } = section(index);
    const nameAt = names.offset + name;
    if (module.toString("latin1", nameAt, nameAt + 9) !== ".modinfo\0") continue;
    return module
      .toString("latin1", offset, offset + length)
      .split("\0")
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1));
  }
  return [];
}

/** The named modules and all they depend on, in the order in which they must be loaded. Names that the kernel has built in
 *  are left out. `folder` is lib/modules/VERSION of an unpacked package. */
export function moduleClosure(folder: string, wanted: string[], strip: boolean): KernelModule[] {
  const files = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const match = /([^/]+)\.ko$/.exec(path);
    if (match) files.set(moduleName(match[1]!), join(folder, path));
  }
  const builtIn = new Set(
    readFileSync(join(folder, "modules.builtin"), "utf8")
      .split("\n")
      .map((line) => moduleName(/([^/]+)\.ko$/.exec(line)?.[1] ?? "")),
  );
  const loaded = new Map<string, KernelModule>();
  const visit = (name: string, path: string[]): void => {
    if (loaded.has(name) || builtIn.has(name) || path.includes(name)) return;
    const file = files.get(name);
    if (file === undefined) {
      throw new GuestError("GUEST_MODULE", `the kernel package has no module "${name}"`, "Choose another --package.");
    }
    if (loaded.size >= MODULE_COUNT_MAX) throw new GuestError("GUEST_MODULE", "too many modules depend on each other");
    const module = readFileSync(file);
    for (const needed of moduleInfo(module, "depends").flatMap((list) => list.split(","))) {
      if (needed !== "") visit(moduleName(needed), [...path, name]);
    }
    loaded.set(name, { name, data: strip ? moduleStrip(module) : module });
  };
  for (const name of wanted) visit(moduleName(name), []);
  return [...loaded.values()];
}

/** File names have either of "-" and "_", module names only "_". */
function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}
