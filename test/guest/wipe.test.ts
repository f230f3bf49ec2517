// A governed partition's disk, from its first start to its wipe and the handset's release: real workers, real files, an agent that the
// test plays.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BLOCK_READ, BLOCK_WRITE } from "../../kernel/abi/layout.js";
import { openDisk } from "../../agent/host/disk/open.js";
import { DiskVault } from "../../agent/host/disk/vault.js";
import { HandsetEnrolment } from "../../agent/enrolment/handset.js";
import { readGovernance, writeGovernance } from "../../agent/shell/governance.js";
import { toHex } from "../../agent/wire/bytes.js";
import type { Command } from "../../agent/wire/commands.js";
import { enrolledState, withManagedHandset, type ManagedHandset } from "../support/managed-handset.js";
import { fleetTrust, KEYS, signedDocument, viaOf, type TestKey } from "../support/signed.js";
import { temporaryFile } from "../support/temporary.js";

const test = suite("guest/wipe");
const SECTOR = 512;
const IMAGE = Buffer.alloc(64 * SECTOR, 0xee);
const SECRET = Buffer.alloc(SECTOR, "what work has written");

const now = (): number => Math.floor(Date.now() / 1000);
const folderOf = (state: string): string => join(state, "pocketvisor/small/monitor");
const vaultOf = (state: string): DiskVault => new DiskVault(join(folderOf(state), "disks"));

async function sends(
  handset: ManagedHandset,
  changes: Partial<Command>,
  keys: TestKey[] = [KEYS.command],
): Promise<Uint8Array> {
  const times = { issued: now() - 10, expires: now() + 3600 };
  const bytes = await signedDocument("cmd", { ...times, ...changes }, keys);
  handset.say({ kind: "document", via: viaOf("cmd"), bytes });
  return bytes;
}

/** Reads, or writes, the partition's disk as its guest would. */
function sector(state: string, image: string, data: Buffer | null): Buffer {
  const store = openDisk({ path: image, readOnly: false, layer: vaultOf(state).layerOver("work", image) });
  const found = data ?? Buffer.alloc(SECTOR);
  store.serve(data === null ? BLOCK_READ : BLOCK_WRITE, 3, SECTOR, found);
  store.close();
  return found;
}

const stateOf = async ({ monitor }: ManagedHandset): Promise<string> => (await monitor.snapshot()).partitions[0]!.state;

test("a wipe destroys the key, then the disk, and says both; the partition stays locked over a restart and begins empty", async () => {
  const state = enrolledState();
  const image = temporaryFile(IMAGE);
  const work = `, disk: ${image}`;
  await withManagedHandset(state, async (handset) => void (await handset.hears("hello")), { work });
  sector(state, image, SECRET);
  const key = readFileSync(join(folderOf(state), "disks", "work", "key"));
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      assert.is(await stateOf(handset), "running");
      await sends(handset, { verb: "wipe-partition", partition: "work" });
      const { ack } = await handset.hears("ack");
      assert.equal([ack.status, ack.text], ["succeeded", "work: key destroyed, disk removed"]);
      assert.is(await stateOf(handset), "locked");
      assert.is(await handset.monitor.command("log", ["work"], {}), "");
    },
    { work },
  );
  assert.not.equal(readFileSync(join(folderOf(state), "disks", "work", "key")), key);
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      assert.is(await stateOf(handset), "locked");
      await sends(handset, { verb: "unlock", partition: "work" });
      assert.is((await handset.hears("ack")).ack.status, "succeeded");
      assert.is(await stateOf(handset), "running");
      assert.is(vaultOf(state).wipedFor("work"), null);
    },
    { work },
  );
  assert.equal(sector(state, image, null), IMAGE.subarray(0, SECTOR), "as the image was given");
  assert.equal(readFileSync(image), IMAGE);
});

test("a lock document that wipes needs no time; cut off before its first step, the next start does it, and it stays locked", async () => {
  const others = { desired: "wiped" as const, since: 4 };
  const id = new Uint8Array(16).fill(8);
  const wish = { id, version: 4, issued: 1, expires: 2, partitions: [], others };
  const envelope = await signedDocument("lock", wish, KEYS.wipe.slice(0, 2));
  for (const isCut of [false, true]) {
    const state = enrolledState(fleetTrust({ floor: now() - 60, allowed: ["wipe-device"] }));
    const image = temporaryFile(IMAGE);
    const options = { work: `, disk: ${image}`, timed: false };
    await withManagedHandset(state, async (handset) => void (await handset.hears("hello")), options);
    sector(state, image, SECRET);
    const key = (): Buffer => readFileSync(join(folderOf(state), "disks", "work", "key"));
    const before = key();
    if (isCut) {
      const path = join(folderOf(state), "governance");
      writeGovernance(path, { ...readGovernance(path)!, lock: envelope, locked: ["work"] });
    }
    await withManagedHandset(
      state,
      async (handset) => {
        await handset.hears("hello");
        if (!isCut) handset.say({ kind: "document", via: { kind: "lock" }, bytes: envelope });
        const { ack } = await handset.hears("ack");
        assert.equal([toHex(ack.id), ack.status], [toHex(id), "succeeded"]);
        assert.is(await stateOf(handset), "locked");
      },
      options,
    );
    assert.not.equal(key(), before, "what was written is unreadable");
    assert.equal(sector(state, image, null), IMAGE.subarray(0, SECTOR));
    await withManagedHandset(
      state,
      async (handset) => {
        await handset.hears("hello");
        assert.is(await stateOf(handset), "locked");
      },
      options,
    );
  }
});

test("the power goes in the middle of a wipe: the next start finishes it before anything runs, and answers the command", async () => {
  const state = enrolledState();
  const image = temporaryFile(IMAGE);
  const work = `, disk: ${image}`;
  await withManagedHandset(state, async (handset) => void (await handset.hears("hello")), { work });
  sector(state, image, SECRET);
  const id = new Uint8Array(16).fill(7);
  for (const step of vaultOf(state).wipeSteps("work", toHex(id), null).slice(0, 3)) step.run();
  await withManagedHandset(
    state,
    async (handset) => {
      const { ack } = await handset.hears("ack");
      assert.equal([toHex(ack.id), ack.status, ack.text], [toHex(id), "succeeded", "finished after a cut: work"]);
      assert.is(await stateOf(handset), "locked");
    },
    { work },
  );
  assert.equal(sector(state, image, null), IMAGE.subarray(0, SECTOR));
});

test("wipe-device takes two wipe keys and the owner's consent, and leaves the owner's partition alone", async () => {
  const image = temporaryFile(IMAGE);
  const own = temporaryFile(IMAGE);
  const state = enrolledState(fleetTrust({ floor: now() - 60, allowed: ["wipe-device"] }));
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      await sends(handset, { verb: "wipe-device", partition: undefined as never });
      assert.is((await handset.hears("ack")).ack.status, "rejected", "one command key");
      await sends(handset, { verb: "wipe-device", partition: undefined as never }, [...KEYS.wipe.slice(0, 2)]);
      const { ack } = await handset.hears("ack");
      assert.equal([ack.status, ack.text], ["succeeded", "work: key destroyed, disk removed"]);
      const { partitions } = await handset.monitor.snapshot();
      assert.equal(
        partitions.map(({ name, state: each }) => [name, each]),
        [
          ["work", "locked"],
          ["personal", "running"],
        ],
      );
    },
    { work: `, disk: ${image}`, personal: `, disk: ${own}, encrypted: yes` },
  );
  assert.is(vaultOf(state).wipedFor("personal"), null);
  assert.ok(existsSync(join(folderOf(state), "disks", "personal", "key")));
});

test("a disk that its file wants in the clear is written there, is reported as such, and a wipe empties it", async () => {
  const state = enrolledState();
  const image = temporaryFile(IMAGE);
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      const bytes = await signedDocument("pol", { version: 7, issued: now() - 10, expires: now() + 3600 });
      handset.say({ kind: "document", via: viaOf("pol"), bytes });
      assert.is((await handset.hears("reported")).reported.disk, "plain");
      await sends(handset, { verb: "wipe-partition", partition: "work" });
      const { ack } = await handset.hears("ack");
      assert.equal([ack.status, ack.text], ["succeeded", "work: disk emptied, which was not encrypted"]);
    },
    { work: `, disk: ${image}, encrypted: no` },
  );
  assert.equal(readFileSync(image), Buffer.alloc(IMAGE.length));
});

const retires = (handset: ManagedHandset): Promise<Uint8Array> =>
  sends(handset, { verb: "retire", partition: undefined as never }, [...KEYS.wipe.slice(0, 2)]);

/** Boots it once more: it belongs to no fleet, and everything of it runs. */
async function isFree(state: string, options: { work: string; personal: string }): Promise<void> {
  assert.is(existsSync(join(folderOf(state), "governance")), false);
  assert.is(existsSync(join(folderOf(state), "retiring")), false);
  assert.is(existsSync(join(state, "pocketvisor/small/agent/device.key")), false);
  new HandsetEnrolment("small", { XDG_STATE_HOME: state }).refuseTwice();
  await withManagedHandset(
    state,
    async ({ monitor }) => {
      const { management, partitions } = await monitor.snapshot();
      assert.is(management, null);
      assert.equal(
        partitions.map(({ state: each }) => each),
        ["running", "running"],
      );
    },
    options,
  );
}

test("retire: the fleet's answer first, then nothing governs the handset, the managed disk is gone, the owner's is not; it may enrol again", async () => {
  const state = enrolledState();
  const [image, own] = [temporaryFile(IMAGE), temporaryFile(IMAGE)];
  const options = { work: `, disk: ${image}`, personal: `, disk: ${own}, encrypted: yes` };
  await withManagedHandset(state, async (handset) => void (await handset.hears("hello")), options);
  sector(state, image, SECRET);
  writeFileSync(join(state, "pocketvisor/small/agent/device.key"), "of the old fleet");
  await withManagedHandset(
    state,
    async (handset) => {
      await handset.hears("hello");
      await retires(handset);
      assert.is((await handset.hears("ack")).ack.status, "succeeded");
      await handset.hears("retire");
      await until(() => !existsSync(join(folderOf(state), "governance")));
      const { partitions, management } = await handset.monitor.snapshot();
      assert.equal(
        partitions.map(({ state: each }) => each),
        ["locked", "running"],
        "until the next start",
      );
      assert.match(management!.link.why, /has left its fleet/);
      // The shell that is there, and one that comes after it, have nothing to govern by.
      const started = handset.monitor.command("start", ["work"], {});
      assert.match(await started.then(String, (error: Error) => error.message), /start work/);
    },
    options,
  );
  assert.equal(readdirSync(join(folderOf(state), "disks", "work")), []);
  assert.ok(existsSync(join(folderOf(state), "disks", "personal", "key")));
  await isFree(state, options);
});

test("the power goes while a handset is let go: the next start comes to the end of it", async () => {
  const state = enrolledState();
  const image = temporaryFile(IMAGE);
  const options = { work: `, disk: ${image}`, personal: "" };
  await withManagedHandset(state, async (handset) => void (await handset.hears("hello")), options);
  sector(state, image, SECRET);
  writeFileSync(join(state, "pocketvisor/small/agent/device.key"), "of the old fleet");
  writeFileSync(join(folderOf(state), "retiring"), "");
  await withManagedHandset(
    state,
    async ({ monitor }) => assert.is((await monitor.snapshot()).management, null),
    options,
  );
  assert.equal(readdirSync(join(folderOf(state), "disks", "work")), []);
  assert.equal(readFileSync(image), IMAGE);
  await isFree(state, options);
});

/** Waits for what other threads and processes do. */
async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > end) throw new Error("it did not come to that");
  }
}

test.run();
