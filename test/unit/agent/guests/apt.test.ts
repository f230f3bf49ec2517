// Package lists that did not come are not taken for lists that are there: the next fetch tries again, and says what is wrong now.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { aptOpen, aptUpdate, type Apt } from "../../../../agent/guests/apt.js";
import { programPath } from "../../../../agent/paths.js";
import { GuestError } from "../../../../agent/failure.js";
import { testUnless } from "../../../support/skip.js";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const apt = suite("apt");
const path = process.env["PATH"] ?? "";

/** An apt-get in PATH that does what `script` says; $LISTS is where lists belong. */
function pretend(script: string): Apt {
  const [bin, folder] = [temporaryFolder(), temporaryFolder()];
  for (const name of ["apt-get", "apt-cache", "dpkg-deb"]) {
    writeFileSync(join(bin, name), `#!/bin/sh\nLISTS=${folder}/lists\necho called >>${folder}/calls\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  process.env["PATH"] = `${bin}:${path}`;
  return aptOpen(folder, "armhf", null);
}

async function assertRefused(it: Apt, why: RegExp): Promise<void> {
  const error = await update(it).catch((thrown: unknown) => thrown);
  if (!(error instanceof GuestError)) throw error;
  assert.is(error.code, "GUEST_APT");
  assert.match(error.message, why);
}

const LIST = "mirror_dists_x_main_binary-armhf_Packages";
const stampOf = ({ folder }: Apt): boolean => existsSync(join(folder, "updated-armhf"));
const update = (it: Apt): ReturnType<typeof aptUpdate> => aptUpdate(it, false, () => undefined);

apt.after.each(() => void (process.env["PATH"] = path));

apt("all lists came: they are fresh, and not asked for again", async () => {
  const it = pretend(`[ -e $LISTS/${LIST} ] && exit 9; touch $LISTS/${LIST}`);
  assert.is(await update(it), null);
  assert.ok(stampOf(it));
  assert.is(await update(it), null);
});

apt("none came: an error with apt's own words, and the next try asks again", async () => {
  const it = pretend("echo 'E: Failed to fetch: no route' >&2; exit 100");
  for (let n = 0; n < 2; n++) await assertRefused(it, /no route/);
  assert.not(stampOf(it));
});

apt("none came, and apt ends with 0: an error all the same", async () => {
  const it = pretend("exit 0");
  await assertRefused(it, /offer nothing for armhf/);
  assert.not(stampOf(it));
});

apt("some came: they serve, what is missing is told, and the next try asks again", async () => {
  const it = pretend(`touch $LISTS/${LIST}; echo 'E: Failed to fetch: half' >&2; exit 100`);
  assert.match((await update(it))!.message, /half/);
  assert.not(stampOf(it));
  assert.match((await update(it))!.message, /half/);
});

const noApt = programPath("apt-get") === null ? "no apt-get here" : null;
testUnless(apt, noApt, "the computer's own apt, with a source that nobody serves, is an error", async () => {
  const sources = temporaryFile("deb [trusted=yes] file:/nowhere/pocketvisor x main\n", "sources.list");
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const it = aptOpen(folder, "armhf", sources);
  await assertRefused(it, /update failed/);
  assert.not(stampOf(it));
});

apt.run();
