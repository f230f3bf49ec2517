// fleet image: a manifest of files is signed by the image key, kept, listed as the newest, and devices take it; each image has a topic of its own.

import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Topics } from "../../agent/link/topics.js";
import { toHex } from "../../agent/wire/bytes.js";
import { appliedVersion } from "../../agent/wire/trust.js";
import { issuedFor, type Issued } from "../../fleet/documents.js";
import { enrolledTrust, fleetRun, judged, madeFleet } from "../support/fleet.js";
import { enrolKey, withBroker } from "../support/fleet-device.js";
import { DEVICE, wordOf } from "../support/signed.js";
import { temporaryFile } from "../support/temporary.js";

const test = suite("fleet image");

test("what is signed is what the files are; a device takes each release, and not an older one again", async () => {
  const fleet = await madeFleet();
  enrolKey(fleet.store);
  const kernel = temporaryFile("a kernel", "Image");
  const initrd = temporaryFile("an initramfs", "initrd");
  await withBroker(fleet.store, async () => {
    const run = (...args: string[]): ReturnType<typeof fleetRun> => fleetRun(fleet, ["image", ...args]);
    assert.match((await run("stable", "12", kernel, "--dry-run")).said, /8 bytes.*\n?nothing was signed/s);
    assert.equal(issuedFor(fleet.store, "all"), []);
    assert.is((await run("stable", "12", kernel, initrd)).status, 0);
    assert.is((await run("games", "1", initrd, "--to", toHex(DEVICE.id))).status, 0);
    const images = (audience: Uint8Array | "all"): Issued<"img">[] =>
      issuedFor(fleet.store, audience).filter((each): each is Issued<"img"> => each.kind === "img");
    const [stable] = images("all");
    assert.equal(
      stable!.document.files.map(({ file, size, hash }) => [file, size, toHex(hash)]),
      [
        ["Image", 8, createHash("sha256").update("a kernel").digest("hex")],
        ["initrd", 12, createHash("sha256").update("an initramfs").digest("hex")],
      ],
    );
    const topics = new Topics("demo", toHex(DEVICE.id));
    assert.equal(topics.parse(stable!.topic), { from: "all", group: "", kind: "img", partition: "", image: "stable" });
    let trust = enrolledTrust(fleet.store);
    const takes = (issued: { kind: string; envelope: Uint8Array }): string => {
      const taken = judged(trust, issued.envelope, { kind: issued.kind as "img" });
      trust = taken.trust;
      return wordOf(taken.verdict);
    };
    for (const each of issuedFor(fleet.store, "all")) assert.is(takes(each), "accepted", each.kind);
    assert.is(takes(images(DEVICE.id)[0]!), "accepted");
    assert.equal(
      ["stable", "games"].map((name) => appliedVersion(trust, "img", name)?.version),
      [1, 1],
    );
    assert.is((await run("stable", "13", kernel)).status, 0);
    const [newer] = images("all");
    assert.is(newer!.document.release, 13);
    assert.is(takes(newer!), "accepted");
    assert.is(takes(stable!), "rollback");
    for (const each of issuedFor(fleet.store, "all")) takes(each);
    assert.ok(
      trust.freshness.some(({ newest }) => newest.some(({ kind, partition }) => kind + partition === "imgstable")),
    );
  });
});

test("what is missing or wrong is said, with status 2", async () => {
  const fleet = await madeFleet();
  for (const args of [
    ["stable"],
    ["stable", "x", "f"],
    ["a/b", "1", "f"],
    ["stable", "1"],
    ["stable", "1", "/nonexistent"],
  ]) {
    assert.is((await fleetRun(fleet, ["image", ...args])).status, 2, args.join(" "));
  }
});

test.run();
