// The newc archive (Linux Documentation/driver-api/early-userspace/buffer-format).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CPIO_CHARACTER_DEVICE,
  CPIO_DIRECTORY,
  CPIO_FILE,
  CPIO_LINK,
  cpioArchive,
} from "../../../../agent/guests/cpio.js";

interface Member {
  name: string;
  mode: number;
  device: [number, number];
  data: string;
}

/** Reads an archive as the kernel does: fixed header, name, padding, data, padding. */
function members(archive: Buffer): Member[] {
  const found: Member[] = [];
  for (let at = 0; at < archive.length;) {
    assert.is(archive.toString("latin1", at, at + 6), "070701");
    assert.is(at % 4, 0);
    const field = (index: number): number =>
      parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = archive.toString("utf8", at + 110, at + 110 + nameSize - 1);
    assert.is(archive[at + 110 + nameSize - 1], 0);
    const dataAt = (at + 110 + nameSize + 3) & ~3;
    const data = archive.toString("latin1", dataAt, dataAt + size);
    found.push({ name, mode, device: [field(9), field(10)], data });
    at = (dataAt + size + 3) & ~3;
  }
  return found;
}

const cpio = suite("cpio");

cpio("what goes in comes out, in order, with the trailer last", () => {
  const archive = cpioArchive([
    { name: "dev", mode: CPIO_DIRECTORY | 0o755 },
    { name: "dev/console", mode: CPIO_CHARACTER_DEVICE | 0o600, device: [5, 1] },
    { name: "init", mode: CPIO_FILE | 0o755, data: Buffer.from("#!x\nodd") },
    { name: "bin/sh", mode: CPIO_LINK | 0o777, data: Buffer.from("busybox") },
  ]);
  assert.equal(members(archive), [
    { name: "dev", mode: 0o040755, device: [0, 0], data: "" },
    { name: "dev/console", mode: 0o020600, device: [5, 1], data: "" },
    { name: "init", mode: 0o100755, device: [0, 0], data: "#!x\nodd" },
    { name: "bin/sh", mode: 0o120777, device: [0, 0], data: "busybox" },
    { name: "TRAILER!!!", mode: 0, device: [0, 0], data: "" },
  ]);
});

cpio("equal contents give equal bytes, whatever the time", () => {
  const entries = [{ name: "a", mode: CPIO_FILE | 0o644, data: Buffer.from("1") }];
  assert.equal(cpioArchive(entries), cpioArchive(entries));
});

cpio.run();
