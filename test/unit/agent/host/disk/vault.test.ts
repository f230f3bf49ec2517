// Wipes: whatever step the power goes at, the partition says that it is wiped or has everything, and what was on its disk cannot be read
// once the key is gone.

import { createDecipheriv } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BLOCK_READ, BLOCK_WRITE } from "../../../../../kernel/abi/layout.js";
import { openDisk } from "../../../../../agent/host/disk/open.js";
import { DiskVault } from "../../../../../agent/host/disk/vault.js";
import { assertFails } from "../../../../support/failure.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const SECTOR = 512;
const SECTORS = 16;
const SECRET = Buffer.alloc(SECTOR, "what work has written");
const vaults = suite("disk-vault");

interface Place {
  folder: string;
  image: string;
}

function place(): Place {
  const folder = temporaryFolder();
  const image = join(folder, "image");
  writeFileSync(image, Buffer.alloc(SECTORS * SECTOR, 0xee));
  utimesSync(image, 1_800_000_000, 1_800_000_000);
  return { folder: join(folder, "disks"), image };
}

/** Opens the partition's disk as a start of the handset would. */
function withDisk<T>({ folder, image }: Place, body: (read: () => Buffer, write: (data: Buffer) => void) => T): T {
  const layer = new DiskVault(folder).layerOver("work", image);
  const store = openDisk({ path: image, readOnly: false, layer });
  try {
    const read = (): Buffer => {
      const found = Buffer.alloc(SECTOR);
      store.serve(BLOCK_READ, 3, SECTOR, found);
      return found;
    };
    return body(read, (data) => void store.serve(BLOCK_WRITE, 3, SECTOR, data));
  } finally {
    store.close();
  }
}

vaults("a layer is there again at the next start, with its key; files are their user's alone", () => {
  const at = place();
  withDisk(at, (read, write) => {
    assert.equal(read(), Buffer.alloc(SECTOR, 0xee));
    write(SECRET);
  });
  withDisk(at, (read) => assert.equal(read(), SECRET));
  for (const name of readdirSync(join(at.folder, "work")))
    assert.is(statSync(join(at.folder, "work", name)).mode & 0o777, 0o600, name);
  assert.is(statSync(join(at.folder, "work")).mode & 0o777, 0o700);
  assert.is(readFileSync(at.image).includes("what work"), false);
});

vaults("killed between any two steps of a wipe: wiped for good, or as before the first", () => {
  const steps = new DiskVault("/nonexistent").wipeSteps("work", "", null).map(({ name }) => name);
  assert.equal(steps.slice(0, 2), ["mark", "overwrite-key"], "first it says so, then the key goes");
  for (let done = 0; done <= steps.length; done++) {
    const at = place();
    withDisk(at, (_read, write) => write(SECRET));
    const key = readFileSync(join(at.folder, "work/key"));
    const medium = readFileSync(join(at.folder, "work/layer"));
    for (const step of new DiskVault(at.folder).wipeSteps("work", "abcd", null).slice(0, done)) step.run();
    const next = new DiskVault(at.folder);
    if (done === 0) {
      assert.is(next.wipedFor("work"), null);
      withDisk(at, (read) => assert.equal(read(), SECRET));
      continue;
    }
    assert.is(next.wipedFor("work"), "abcd", `after ${steps[done - 1]}`);
    if (done >= 2) assert.is(holdsKey(at.folder, key), false, `the key is gone after ${steps[done - 1]}`);
    // What the monitor does at its start.
    next.wipe("work", next.wipedFor("work")!, null);
    assert.equal(next.wiped(), ["work"]);
    assert.equal(readdirSync(join(at.folder, "work")), ["wiped"]);
    withDisk(at, (read) => assert.equal(read(), Buffer.alloc(SECTOR, 0xee), "as the image has it"));
    assert.not.equal(readFileSync(join(at.folder, "work/key")), key);
    assert.is(holdsKey(at.folder, key), false);
    // Who kept a copy of the medium has noise: the new key does not open it.
    const copy = readFileSync(join(at.folder, "work/key"));
    assert.not.equal(decrypted(copy, medium.subarray(3 * SECTOR, 4 * SECTOR)), SECRET);
    assert.equal(decrypted(key, medium.subarray(3 * SECTOR, 4 * SECTOR)), SECRET, "the old one did");
    next.unmark("work");
    assert.is(new DiskVault(at.folder).wipedFor("work"), null);
  }
});

function decrypted(key: Buffer, sector: Buffer): Buffer {
  const tweak = Buffer.alloc(16);
  tweak[0] = 3;
  return createDecipheriv("aes-256-xts", key, tweak).update(sector);
}

function holdsKey(folder: string, key: Buffer): boolean {
  return readdirSync(join(folder, "work")).some((name) => readFileSync(join(folder, "work", name)).includes(key));
}

vaults("killed while a layer is made: it is made anew, for nobody has written there", () => {
  for (const keep of [["key"], ["key", "layer"], []]) {
    const at = place();
    withDisk(at, (_read, write) => write(SECRET));
    const whole = readdirSync(join(at.folder, "work"));
    const vault = new DiskVault(at.folder);
    for (const step of vault.wipeSteps("work", "", null)) {
      if (step.name === "remove-record") step.run();
      if (step.name === "remove-layer" && !keep.includes("layer")) step.run();
      if (step.name === "remove-key" && !keep.includes("key")) step.run();
    }
    withDisk(at, (read) => assert.equal(read(), Buffer.alloc(SECTOR, 0xee)));
    assert.equal(readdirSync(join(at.folder, "work")), whole);
  }
});

vaults(
  "an image that changed under its layer, a key that is gone: said, and nothing is made anew over what was written",
  () => {
    const at = place();
    withDisk(at, (_read, write) => write(SECRET));
    truncateSync(at.image, (SECTORS + 1) * SECTOR);
    const failure = assertFails("DISK_LAYER", () => new DiskVault(at.folder).layerOver("work", at.image));
    assert.match(failure.hint, /Put the image back/);
    truncateSync(at.image, SECTORS * SECTOR);
    utimesSync(at.image, 1_800_000_000, 1_800_000_000);
    withDisk(at, (read) => assert.equal(read(), SECRET));
    const key = join(at.folder, "work/key");
    for (const { name, run } of new DiskVault(at.folder).wipeSteps("work", "", null)) if (name === "remove-key") run();
    assertFails("DISK_KEY", () => new DiskVault(at.folder).layerOver("work", at.image));
    assert.is(existsSync(key), false);
    assert.ok(statSync(join(at.folder, "work/layer")).size > 0);
  },
);

vaults("what is written in the clear is emptied; what may only be read stays", () => {
  const at = place();
  const vault = new DiskVault(at.folder);
  assert.equal(vault.wipe("work", "", { path: at.image, readOnly: true }), { key: false, disk: "none" });
  assert.equal(readFileSync(at.image), Buffer.alloc(SECTORS * SECTOR, 0xee));
  assert.equal(vault.wipe("work", "", { path: at.image, readOnly: false }), { key: false, disk: "plain" });
  assert.equal(readFileSync(at.image), Buffer.alloc(SECTORS * SECTOR));
  assert.equal(vault.wipe("other", "", null), { key: false, disk: "none" });
});

vaults.run();
