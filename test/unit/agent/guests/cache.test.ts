// The cache of fetched guests: whole or not at all, and damage is told with the way out.

import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  cachedGuestNames,
  guestFolder,
  readCachedGuest,
  removeCachedGuest,
  writeCachedGuest,
} from "../../../../agent/guests/cache.js";
import { assertFails } from "../../../support/failure.js";
import { temporaryFolder } from "../../../support/temporary.js";

process.env["XDG_CACHE_HOME"] = temporaryFolder();

function store(name: string, kernel: string): void {
  const guest = {
    name,
    description: "test",
    fetchedAt: "2026-01-01T00:00:00Z",
    packages: {},
    kernelFormat: "image" as const,
    textOffset: 0x208000,
    bssBytes: 0,
    modules: [],
    signaturesStripped: true,
    commandLine: "",
  };
  writeCachedGuest(guest, Buffer.from(kernel), Buffer.from("initramfs"));
}

const cache = suite("guest-cache");

cache("a stored guest reads back, a second one replaces it, and nothing partial is left", () => {
  store("one", "first");
  store("one", "second!");
  const guest = readCachedGuest("one")!;
  assert.equal([guest.kernel.bytes, guest.kernel.sha256.length, cachedGuestNames()], [7, 64, ["one"]]);
  assert.equal(readdirSync(join(guestFolder("one"), "..")), ["one"]);
  for (const file of readdirSync(guestFolder("one")))
    assert.is(statSync(join(guestFolder("one"), file)).mode & 0o777, 0o600);
  assert.equal([removeCachedGuest("one"), removeCachedGuest("one"), readCachedGuest("one")], [true, false, null]);
});

cache("truncated files, an unreadable record and another format are refused, with the command that mends it", () => {
  store("two", "kernel");
  truncateSync(join(guestFolder("two"), "Image"), 3);
  assert.match(assertFails("GUEST_DAMAGED", () => readCachedGuest("two")).hint, /guest fetch two --force/);
  store("two", "kernel");
  const record = join(guestFolder("two"), "guest.json");
  for (const text of ["", "{", '{"format":0}']) {
    writeFileSync(record, text);
    assertFails("GUEST_DAMAGED", () => readCachedGuest("two"));
  }
});

cache("names that would leave the cache folder are refused", () => {
  for (const name of ["", "..", "a/b", "A", "x".repeat(33), "a\n"]) assertFails("GUEST_NAME", () => guestFolder(name));
});

cache.run();
