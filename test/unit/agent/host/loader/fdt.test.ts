// Flattened device trees: Devicetree Specification v0.4, chapter 5.

import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DEVICE_BLOCK, DEVICE_WATCHDOG } from "../../../../../kernel/abi/layout.js";
import { deviceTree, deviceTreeOverride } from "../../../../../agent/host/loader/device-tree.js";
import { fdtNode, fdtRead, fdtWrite, type FdtNode } from "../../../../../agent/host/loader/fdt.js";
import { ImageError } from "../../../../../agent/failure.js";
import { programPath } from "../../../../../agent/paths.js";
import { assertFails } from "../../../../support/failure.js";
import { Generator } from "../../../../support/generator.js";
import { testUnless } from "../../../../support/skip.js";

const options = {
  ramBytes: 64 << 20,
  devices: DEVICE_BLOCK | DEVICE_WATCHDOG,
  commandLine: "console=ttyAMA0",
  initrd: { start: 0x43000000, end: 0x43100001 },
  rngSeed: Buffer.alloc(64, 7),
};

function find(node: FdtNode, ...path: string[]): FdtNode {
  return path.reduce((at, name) => at.children.find((child) => child.name === name)!, node);
}

const fdt = suite("fdt");

fdt("a written tree reads back the same", () => {
  const tree = fdtNode("", { compatible: ["a", "bc"], cells: [1, 0xffffffff], empty: null }, [
    fdtNode("odd@1", { bytes: Buffer.from([1, 2, 3, 4, 5]) }, [fdtNode("deep", { text: "äö" })]),
    fdtNode("last"),
  ]);
  assert.equal(fdtRead(fdtWrite(tree)), tree);
});

fdt("the partition's tree names the devices that it has, and no others", () => {
  const root = fdtRead(deviceTree(options));
  const names = root.children.map((node) => node.name);
  assert.ok(names.includes("virtio_mmio@a000000") && names.includes("watchdog@90d0000"));
  assert.not.ok(names.includes("virtio_mmio@a000200"));
  // Bindings gpio-keys and gpio: the controller's phandle, the pin, active high.
  const key = find(find(root, "gpio-keys"), "poweroff").properties;
  const gpios = [find(root, "pl061@9030000").properties.get("phandle")!.readUInt32BE(), 3, 0];
  assert.equal(
    [0, 4, 8].map((at) => key.get("gpios")!.readUInt32BE(at)),
    gpios,
  );
  assert.is(key.get("linux,code")!.readUInt32BE(), 116);
  const chosen = find(root, "chosen").properties;
  assert.is(chosen.get("bootargs")!.toString(), "console=ttyAMA0\0");
  // Two cells each, as QEMU's `virt` has them.
  assert.equal(root.properties.get("#address-cells"), Buffer.from("00000002", "hex"));
  assert.equal(root.properties.get("#size-cells"), Buffer.from("00000002", "hex"));
  assert.equal(chosen.get("linux,initrd-end"), Buffer.from("0000000043100001", "hex"));
  const reg = (name: string): string => find(root, name).properties.get("reg")!.toString("hex");
  assert.is(reg("memory@40000000"), "00000000400000000000000004000000");
  assert.is(reg("pl011@9000000"), "00000000090000000000000000001000");
  assert.is(reg("intc@8000000"), "0000000008000000000000000001000000000000080100000000000000010000");
});

fdt("a tree of the user's keeps its nodes and its command line, and gets RAM, initramfs and seed", () => {
  const own = fdtWrite(fdtNode("", { model: "mine" }, [fdtNode("chosen", { bootargs: "own" })]));
  const root = fdtRead(deviceTreeOverride(own, { ...options, commandLine: null }));
  assert.is(root.properties.get("model")!.toString(), "mine\0");
  assert.is(find(root, "chosen").properties.get("bootargs")!.toString(), "own\0");
  // Without #address-cells there are two, without #size-cells one (v0.4, 2.3.5).
  const start = (tree: FdtNode): string => find(tree, "chosen").properties.get("linux,initrd-start")!.toString("hex");
  assert.is(start(root), "0000000043000000");
  assert.is(find(root, "memory@40000000").properties.get("reg")!.toString("hex"), "000000004000000004000000");
  const narrow = fdtWrite(fdtNode("", { "#address-cells": [1], "#size-cells": [1] }));
  assert.is(start(fdtRead(deviceTreeOverride(narrow, options))), "43000000");
});

fdt("§5.2: a truncated blob, another version and nodes nested without end are refused", () => {
  const blob = deviceTree(options);
  for (const length of [0, 39, 40, 200, blob.length - 1]) {
    assertFails("IMAGE_DEVICE_TREE", () => fdtRead(blob.subarray(0, length)));
  }
  const older = Buffer.from(blob);
  older.writeUInt32BE(1, 20);
  assertFails("IMAGE_DEVICE_TREE", () => fdtRead(older));
  let deep = fdtNode("x");
  for (let depth = 0; depth < 100; depth++) deep = fdtNode("x", {}, [deep]);
  assertFails("IMAGE_DEVICE_TREE", () => fdtRead(fdtWrite(deep)));
});

fdt("20,000 damaged blobs are read or refused, nothing else", () => {
  const generator = new Generator(1);
  const blob = deviceTree(options);
  for (let round = 0; round < 20_000; round++) {
    const damaged = Buffer.from(blob);
    for (let count = 1 + generator.below(4); count > 0; count--)
      damaged[generator.below(blob.length)] = generator.below(256);
    try {
      fdtRead(damaged);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  }
});

const noDtc = programPath("dtc") === null ? "no dtc program here" : null;

testUnless(fdt, noDtc, "dtc reads the partition's tree without an error", () => {
  const result = spawnSync("dtc", ["-I", "dtb", "-O", "dts"], { input: deviceTree(options) });
  assert.is(result.status, 0, result.stderr.toString());
  assert.match(result.stdout.toString(), /arm,cortex-a7/);
});

fdt.run();
