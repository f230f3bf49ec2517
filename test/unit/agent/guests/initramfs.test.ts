// The initramfs: every module once, loaded always or where the device tree has its node, and our scripts where init looks for them.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { initramfsBuild, recipeOf } from "../../../../agent/guests/initramfs.js";
import { manifestNames, readManifest } from "../../../../agent/guests/manifest.js";

const initramfs = suite("initramfs");
const module = (name: string): { name: string; data: Uint8Array } => ({ name, data: Buffer.from(`<${name}>`) });

/** Files of a newc archive by name. */
function filesOf(archive: Buffer): Map<string, { mode: number; text: string }> {
  const files = new Map<string, { mode: number; text: string }>();
  for (let at = 0; ;) {
    const field = (n: number): number => parseInt(archive.toString("latin1", at + 6 + n * 8, at + 14 + n * 8), 16);
    const [mode, length, nameLength] = [field(1), field(6), field(11)];
    const name = archive.toString("latin1", at + 110, at + 110 + nameLength - 1);
    if (name === "TRAILER!!!") return files;
    const start = (at + 110 + nameLength + 3) & ~3;
    assert.not(files.has(name), `${name} is there twice`);
    files.set(name, { mode, text: archive.toString("latin1", start, start + length) });
    at = (start + length + 3) & ~3;
  }
}

initramfs("modules are there once, in lists of what is loaded when", () => {
  const byNode = new Map([["gpio-keys", [module("evdev"), module("gpio_keys")]]]);
  const files = filesOf(initramfsBuild(Buffer.from("busybox"), { always: [module("one"), module("evdev")], byNode }));
  assert.is(files.get("modules/order")!.text, "one\nevdev\n");
  assert.is(files.get("modules/if/gpio-keys")!.text, "evdev\ngpio_keys\n");
  assert.is(files.get("modules/gpio_keys.ko")!.text, "<gpio_keys>");
  for (const name of ["init", "etc/acpi/PWRF/00000080"]) assert.is(files.get(name)!.mode & 0o777, 0o755);
  assert.match(files.get("init")!.text, /-a \/bin\/sh -- \/etc\/keep-shell$/m);
  assert.match(files.get("etc/keep-shell")!.text, /setsid cttyhack sh -l/);
});

initramfs("a recipe names what a manifest loads", () => {
  const recipes = manifestNames().map((name) => recipeOf(readManifest(name)));
  assert.is(new Set(recipes).size, recipes.length);
  const linux = readManifest("linux");
  assert.is.not(recipeOf({ ...linux, modules: [] }), recipeOf(linux));
});

initramfs.run();
