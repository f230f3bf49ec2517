// What a partition is made of: the devices that it is to go without are neither in its device tree nor in its machine.

import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fdtRead } from "../../../../../agent/host/loader/fdt.js";
import { partitionPrepare, type ImageOptions } from "../../../../../agent/host/monitor/prepare.js";
import * as layout from "../../../../../kernel/abi/layout.js";

const KERNEL = fileURLToPath(new URL("../../../../guest/bare/keys.bin", import.meta.url));
const prepare = suite("partition-prepare");

function prepared(change: Partial<ImageOptions>): { nodes: string[]; devices: number } {
  const { plan, config } = partitionPrepare(
    {
      ramBytes: 1 << 20,
      mode: "scheduled",
      kernel: { path: KERNEL, sha256: null, offset: null, bssBytes: 0 },
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk: null,
      overhead: "small",
      channels: true,
      ...change,
    },
    0,
  );
  const nodes = fdtRead(Buffer.from(plan.deviceTree)).children.map(({ name }) => name);
  return { nodes: nodes.filter((name) => /^(virtio|watchdog)/.test(name)), devices: config.devices };
}

prepare("a partition has console, entropy, balloon, watchdog and channels", () => {
  assert.equal(prepared({}), {
    nodes: ["watchdog@90d0000", "virtio_mmio@a000200", "virtio_mmio@a000400", "virtio_mmio@a000600"],
    devices:
      layout.DEVICE_CONSOLE |
      layout.DEVICE_ENTROPY |
      layout.DEVICE_BALLOON |
      layout.DEVICE_WATCHDOG |
      layout.DEVICE_CHANNEL,
  });
});

prepare("what it is to go without is gone from tree and machine, and nothing else is", () => {
  const { nodes, devices } = prepared({ absent: ["entropy", "watchdog"], channels: false });
  assert.equal(nodes, ["virtio_mmio@a000200", "virtio_mmio@a000600"]);
  assert.is(devices, layout.DEVICE_CONSOLE | layout.DEVICE_BALLOON);
  assert.equal(prepared({ absent: ["console", "entropy", "balloon", "watchdog"], channels: false }), {
    nodes: [],
    devices: 0,
  });
});

prepare.run();
