// Kernel modules: .modinfo (Linux include/linux/moduleparam.h) and appended signatures (include/linux/module_signature.h).

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { moduleClosure, moduleInfo, moduleStrip } from "../../../../agent/guests/module.js";
import { assertFails } from "../../../support/failure.js";
import { temporaryFolder } from "../../../support/temporary.js";

/** An ELF32 file with a .modinfo and a .shstrtab section, and nothing else. */
function moduleFile(modinfo: string): Buffer {
  const names = Buffer.from("\0.modinfo\0.shstrtab\0", "latin1");
  const info = Buffer.from(modinfo, "latin1");
  const header = Buffer.alloc(52);
  header.writeUInt32BE(0x7f454c46, 0);
  const headersAt = (52 + names.length + info.length + 3) & ~3;
  header.writeUInt32LE(headersAt, 32);
  header.writeUInt16LE(40, 46);
  header.writeUInt16LE(3, 48);
  header.writeUInt16LE(2, 50);
  const headers = Buffer.alloc(120);
  const section = (index: number, name: number, at: number, length: number): void => {
    headers.writeUInt32LE(name, index * 40);
    headers.writeUInt32LE(at, index * 40 + 16);
    headers.writeUInt32LE(length, index * 40 + 20);
  };
  section(1, 1, 52 + names.length, info.length);
  section(2, 10, 52, names.length);
  const padding = Buffer.alloc(headersAt - 52 - names.length - info.length);
  return Buffer.concat([header, names, info, padding, headers]);
}

/** The same as an ELF64 file. */
function wideModuleFile(modinfo: string): Buffer {
  const names = Buffer.from("\0.modinfo\0.shstrtab\0", "latin1");
  const info = Buffer.from(modinfo, "latin1");
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46, 0);
  header[4] = 2;
  header.writeBigUInt64LE(BigInt(64 + names.length + info.length), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  header.writeUInt16LE(2, 62);
  const headers = Buffer.alloc(192);
  const section = (index: number, name: number, at: number, length: number): void => {
    headers.writeUInt32LE(name, index * 64);
    headers.writeBigUInt64LE(BigInt(at), index * 64 + 24);
    headers.writeBigUInt64LE(BigInt(length), index * 64 + 32);
  };
  section(1, 1, 64 + names.length, info.length);
  section(2, 10, 64, names.length);
  return Buffer.concat([header, names, info, headers]);
}

function signed(module: Buffer, signatureBytes: number): Buffer {
  const record = Buffer.alloc(12);
  record[3] = 5; // signer
  record[4] = 7; // key identifier
  record.writeUInt32BE(signatureBytes, 8);
  const mark = Buffer.from("~Module signature appended~\n");
  return Buffer.concat([module, Buffer.alloc(12 + signatureBytes, 0xaa), record, mark]);
}

const module_ = suite("module");

module_("a module of a 64-bit kernel says the same, and one that is cut off is refused", () => {
  const wide = wideModuleFile("name=b\0depends=c,d\0");
  assert.equal(moduleInfo(wide, "depends"), ["c,d"]);
  assert.equal(moduleInfo(wide, "alias"), []);
  assert.throws(() => moduleInfo(wide.subarray(0, wide.length - 1), "depends"), /truncated/);
});

module_("an appended signature comes off, with signer and key identifier; an unsigned module stays", () => {
  const plain = moduleFile("name=a\0");
  assert.equal(moduleStrip(signed(plain, 300)), plain);
  assert.equal(moduleStrip(plain), plain);
});

module_("a signature that claims to be longer than the module is refused", () => {
  const bad = signed(moduleFile("name=a\0"), 300);
  bad.writeUInt32BE(0xffffffff, bad.length - 32);
  assertFails("GUEST_MODULE", () => moduleStrip(bad));
});

module_(".modinfo values are found by key; a truncated module is refused", () => {
  const file = moduleFile("license=GPL\0depends=b,c-d\0name=a\0");
  assert.equal(moduleInfo(file, "depends"), ["b,c-d"]);
  assert.equal(moduleInfo(file, "alias"), []);
  assertFails("GUEST_MODULE", () => moduleInfo(file.subarray(0, file.length - 50), "depends"));
});

module_("dependencies come before those that need them, once, without what is built in; loops end", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "kernel"));
  const add = (file: string, depends: string): void =>
    writeFileSync(join(folder, "kernel", `${file}.ko`), moduleFile(`depends=${depends}\0`));
  add("ext4", "jbd2,mbcache,crc16");
  add("jbd2", "crc-x");
  add("crc-x", "");
  add("mbcache", "ext4");
  writeFileSync(join(folder, "modules.builtin"), "kernel/lib/crc16.ko\n");
  const names = moduleClosure(folder, ["ext4", "jbd2"], true).map((module) => module.name);
  assert.equal(names, ["crc_x", "jbd2", "mbcache", "ext4"]);
  assertFails("GUEST_MODULE", () => moduleClosure(folder, ["nosuch"], true));
});

module_.run();
