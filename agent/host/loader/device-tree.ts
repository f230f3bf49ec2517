// The device tree of machine `virt`, generated from what the partition really has.
// Bindings: Linux Documentation/devicetree/bindings (arm/cpus, psci, arch_timer, gic, pl011, pl031, pl061, gpio-keys, sp805, virtio/mmio).

import {
  DEVICE_BALLOON,
  DEVICE_BLOCK,
  DEVICE_CONSOLE,
  DEVICE_ENTROPY,
  DEVICE_NETWORK,
  DEVICE_FLASH,
  DEVICE_FW_CFG,
  DEVICE_WATCHDOG,
  RAM_BASE,
  ROM_BASE,
} from "../../../kernel/abi/layout.ts";
import {
  BANK1,
  BANK_BYTES,
  FW_CFG,
  FW_CFG_BYTES,
  GIC_CPU_INTERFACE,
  GIC_CPU_INTERFACE_BYTES,
  GIC_DISTRIBUTOR,
  GIC_DISTRIBUTOR_BYTES,
  PERIPHERAL_BYTES,
  PL011,
  PL011_IRQ,
  PL031,
  PL031_IRQ,
  PL061,
  PL061_IRQ,
  PMU_IRQ,
  PL061_POWER_KEY,
  ROM_WINDOW_BYTES,
  SP805,
  SP805_IRQ,
  TIMER_HYPERVISOR_IRQ,
  TIMER_PHYSICAL_IRQ,
  TIMER_SECURE_PHYSICAL_IRQ,
  TIMER_VIRTUAL_IRQ,
  VIRTIO,
  VIRTIO_IRQ,
  VIRTIO_SLOT_BALLOON,
  VIRTIO_SLOT_BLOCK,
  VIRTIO_SLOT_CONSOLE,
  VIRTIO_SLOT_ENTROPY,
  VIRTIO_SLOT_NETWORK,
  VIRTIO_STRIDE,
} from "../../../kernel/machine/memory-map.ts";
import { fdtChild, fdtNode, fdtRead, fdtValue, fdtWrite, type FdtNode } from "./fdt.ts";

export interface TreeOptions {
  ramBytes: number;
  /** DEVICE_* bits. */
  devices: number;
  /** The kernel's command line. Null: with a tree of the user's, its own stays. */
  commandLine: string | null;
  /** Guest physical addresses of the initramfs, end exclusive. */
  initrd: { start: number; end: number } | null;
  /** Seeds the guest's random numbers. */
  rngSeed: Uint8Array;
}

/** The clock that feeds the UART and the watchdog, in hertz. */
const PERIPHERAL_CLOCK_HZ = 24_000_000;
const GIC_PHANDLE = 1;
const CLOCK_PHANDLE = 2;
const GPIO_PHANDLE = 3;
/** Linux' input-event-codes.h. */
const KEY_POWER = 116;
const ACTIVE_HIGH = 0;
const SPI = 0;
const PPI = 1;
const EDGE_RISING = 1;
const LEVEL_HIGH = 4;
/** The only CPU, in the GIC binding's mask of PPI targets. */
const PPI_CPU_MASK = 0x100;

/** The blob for a partition. */
export function deviceTree(options: TreeOptions): Buffer {
  const clocks = (count: number): number[] => Array.from({ length: count }, () => CLOCK_PHANDLE);
  const root = fdtNode(
    "",
    {
      // Two cells for addresses and for sizes, as QEMU's tree has them: firmware reads them without asking.
      "#address-cells": [2],
      "#size-cells": [2],
      compatible: "linux,dummy-virt",
      model: "Pocketvisor virtual phone",
      "interrupt-parent": [GIC_PHANDLE],
    },
    [
      fdtNode("chosen", { "stdout-path": `/pl011@${hex(PL011)}` }),
      fdtNode("cpus", { "#address-cells": [1], "#size-cells": [0] }, [
        fdtNode("cpu@0", { device_type: "cpu", compatible: "arm,cortex-a7", reg: [0] }),
      ]),
      fdtNode("psci", { compatible: ["arm,psci-1.0", "arm,psci-0.2"], method: "hvc" }),
      fdtNode("pmu", {
        compatible: "arm,cortex-a7-pmu",
        interrupts: [PPI, PMU_IRQ - 16, PPI_CPU_MASK | LEVEL_HIGH],
      }),
      fdtNode("timer", {
        compatible: "arm,armv7-timer",
        interrupts: [TIMER_SECURE_PHYSICAL_IRQ, TIMER_PHYSICAL_IRQ, TIMER_VIRTUAL_IRQ, TIMER_HYPERVISOR_IRQ].flatMap(
          (irq) => [PPI, irq - 16, PPI_CPU_MASK | LEVEL_HIGH],
        ),
        "always-on": null,
      }),
      fdtNode(`intc@${hex(GIC_DISTRIBUTOR)}`, {
        compatible: ["arm,cortex-a15-gic"],
        "#interrupt-cells": [3],
        "#address-cells": [0],
        "interrupt-controller": null,
        reg: wide(GIC_DISTRIBUTOR, GIC_DISTRIBUTOR_BYTES, GIC_CPU_INTERFACE, GIC_CPU_INTERFACE_BYTES),
        phandle: [GIC_PHANDLE],
      }),
      fdtNode("clk24mhz", {
        compatible: "fixed-clock",
        "#clock-cells": [0],
        "clock-frequency": [PERIPHERAL_CLOCK_HZ],
        phandle: [CLOCK_PHANDLE],
      }),
      fdtNode(`pl011@${hex(PL011)}`, {
        compatible: ["arm,pl011", "arm,primecell"],
        reg: wide(PL011, PERIPHERAL_BYTES),
        interrupts: [SPI, PL011_IRQ - 32, LEVEL_HIGH],
        clocks: clocks(2),
        "clock-names": ["uartclk", "apb_pclk"],
      }),
      fdtNode(`pl031@${hex(PL031)}`, {
        compatible: ["arm,pl031", "arm,primecell"],
        reg: wide(PL031, PERIPHERAL_BYTES),
        interrupts: [SPI, PL031_IRQ - 32, LEVEL_HIGH],
        clocks: clocks(1),
        "clock-names": "apb_pclk",
      }),
      fdtNode(`pl061@${hex(PL061)}`, {
        compatible: ["arm,pl061", "arm,primecell"],
        reg: wide(PL061, PERIPHERAL_BYTES),
        interrupts: [SPI, PL061_IRQ - 32, LEVEL_HIGH],
        clocks: clocks(1),
        "clock-names": "apb_pclk",
        "gpio-controller": null,
        "#gpio-cells": [2],
        phandle: [GPIO_PHANDLE],
      }),
      fdtNode("gpio-keys", { compatible: "gpio-keys" }, [
        fdtNode("poweroff", {
          label: "GPIO Key Poweroff",
          gpios: [GPIO_PHANDLE, PL061_POWER_KEY, ACTIVE_HIGH],
          "linux,code": [KEY_POWER],
        }),
      ]),
    ],
  );
  if (options.devices & DEVICE_FLASH) {
    // Binding mtd/mtd-physmap: two banks, each as wide as the bus.
    root.children.push(
      fdtNode(`flash@${hex(ROM_BASE)}`, {
        compatible: "cfi-flash",
        reg: wide(ROM_BASE, ROM_WINDOW_BYTES, BANK1, BANK_BYTES),
        "bank-width": [4],
      }),
    );
  }
  if (options.devices & DEVICE_FW_CFG) {
    root.children.push(
      fdtNode(`fw-cfg@${hex(FW_CFG)}`, {
        compatible: "qemu,fw-cfg-mmio",
        reg: wide(FW_CFG, FW_CFG_BYTES),
        "dma-coherent": null,
      }),
    );
  }
  if (options.devices & DEVICE_WATCHDOG) {
    root.children.push(
      fdtNode(`watchdog@${hex(SP805)}`, {
        compatible: ["arm,sp805", "arm,primecell"],
        reg: wide(SP805, PERIPHERAL_BYTES),
        interrupts: [SPI, SP805_IRQ - 32, LEVEL_HIGH],
        clocks: clocks(2),
        "clock-names": ["wdog_clk", "apb_pclk"],
      }),
    );
  }
  const slots: [device: number, slot: number][] = [
    [DEVICE_BLOCK, VIRTIO_SLOT_BLOCK],
    [DEVICE_CONSOLE, VIRTIO_SLOT_CONSOLE],
    [DEVICE_ENTROPY, VIRTIO_SLOT_ENTROPY],
    [DEVICE_BALLOON, VIRTIO_SLOT_BALLOON],
    [DEVICE_NETWORK, VIRTIO_SLOT_NETWORK],
  ];
  for (const [device, slot] of slots) {
    if (!(options.devices & device)) continue;
    const address = VIRTIO + slot * VIRTIO_STRIDE;
    root.children.push(
      fdtNode(`virtio_mmio@${hex(address)}`, {
        compatible: "virtio,mmio",
        reg: wide(address, VIRTIO_STRIDE),
        interrupts: [SPI, VIRTIO_IRQ - 32 + slot, EDGE_RISING],
        "dma-coherent": null,
      }),
    );
  }
  return fdtWrite(finish(root, options));
}

/** A tree of the user's, with RAM, command line, initramfs and seed filled in. Throws ImageError when it is malformed. */
export function deviceTreeOverride(blob: Buffer, options: TreeOptions): Buffer {
  return fdtWrite(finish(fdtRead(blob), options));
}

function finish(root: FdtNode, options: TreeOptions): FdtNode {
  if (!root.children.some((node) => node.name === "memory" || node.name.startsWith("memory@"))) {
    const reg = [
      ...cells(RAM_BASE, rootCells(root, "#address-cells", 2)),
      ...cells(options.ramBytes, rootCells(root, "#size-cells", 1)),
    ];
    root.children.push(fdtNode(`memory@${hex(RAM_BASE)}`, { device_type: "memory", reg }));
  }
  const chosen = fdtChild(root, "chosen").properties;
  if (options.commandLine !== null) chosen.set("bootargs", fdtValue(options.commandLine));
  if (options.initrd !== null) {
    const addressCells = rootCells(root, "#address-cells", 2);
    chosen.set("linux,initrd-start", fdtValue(cells(options.initrd.start, addressCells)));
    chosen.set("linux,initrd-end", fdtValue(cells(options.initrd.end, addressCells)));
  }
  chosen.set("rng-seed", fdtValue(options.rngSeed));
  return root;
}

/** #address-cells or #size-cells of the root; `absent` is what counts without it (Devicetree Specification v0.4, 2.3.5). More than two
 *  are for buses that have more than an address: only the last two count here. */
function rootCells(root: FdtNode, name: string, absent: number): number {
  const value = root.properties.get(name);
  return value?.length === 4 ? Math.min(Math.max(value.readUInt32BE(), 1), 4) : absent;
}

/** A number below 2^32 in `count` cells. */
function cells(value: number, count: number): number[] {
  return [...Array<number>(count - 1).fill(0), value];
}

/** Addresses and sizes in two cells each. */
function wide(...values: number[]): number[] {
  return values.flatMap((value) => cells(value, 2));
}

function hex(address: number): string {
  return address.toString(16);
}
