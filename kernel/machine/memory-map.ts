// The guest's physical address map of machine `virt`: a subset of QEMU's, so that existing images boot unchanged.

export const ROM_WINDOW_BYTES: u32 = 0x0400_0000; // at address 0: the first bank of flash
export const BANK1: u32 = 0x0400_0000; // the second, as large
export const BANK_BYTES: u32 = 0x0400_0000;

export const GIC_DISTRIBUTOR: u32 = 0x0800_0000;
export const GIC_DISTRIBUTOR_BYTES: u32 = 0x0001_0000; // what the tree says, as QEMU's does; what answers:
export const GIC_DISTRIBUTOR_ANSWERS: u32 = 0x1000; // IHI 0048B table 4-1
export const GIC_CPU_INTERFACE: u32 = 0x0801_0000;
export const GIC_CPU_INTERFACE_BYTES: u32 = 0x0001_0000;
export const GIC_CPU_INTERFACE_ANSWERS: u32 = 0x2000; // IHI 0048B table 4-2, GICC_DIR is at 0x1000
export const PL011: u32 = 0x0900_0000;
export const PL031: u32 = 0x0901_0000;
export const FW_CFG: u32 = 0x0902_0000;
export const FW_CFG_BYTES: u32 = 0x18;
export const PL061: u32 = 0x0903_0000;
export const SP805: u32 = 0x090d_0000;
export const PERIPHERAL_BYTES: u32 = 0x1000;
export const VIRTIO: u32 = 0x0a00_0000; // slot n at VIRTIO + n * VIRTIO_STRIDE
export const VIRTIO_STRIDE: u32 = 0x200;
/** Slots that answer, as on QEMU's virt: firmware scans them all. Those from VIRTIO_SLOT_COUNT on are empty, and need no state. */
export const VIRTIO_WINDOW_SLOTS: u32 = 32;
// Windows of a PCIe host bridge with nothing behind it: memory and I/O. Its configuration space is above 4 GiB, and nothing is in its old place.
export const PCIE: u32 = 0x1000_0000;
export const PCIE_BYTES: u32 = 0x2f00_0000;

// Interrupt numbers (INTID): SPI n is 32 + n, PPI n is 16 + n.
export const PL011_IRQ: u32 = 32 + 1;
export const PL031_IRQ: u32 = 32 + 2;
export const PL061_IRQ: u32 = 32 + 7;
export const SP805_IRQ: u32 = 32 + 10;
export const VIRTIO_IRQ: u32 = 32 + 16; // + slot
export const CHANNEL_IRQ: u32 = 32 + 48;
export const PMU_IRQ: u32 = 23;
export const TIMER_HYPERVISOR_IRQ: u32 = 26;
export const TIMER_VIRTUAL_IRQ: u32 = 27;
export const TIMER_SECURE_PHYSICAL_IRQ: u32 = 29;
export const TIMER_PHYSICAL_IRQ: u32 = 30;

/** The pin of PL061 that is the power key's. */
export const PL061_POWER_KEY: u32 = 3;

export const VIRTIO_SLOT_BLOCK: u32 = 0;
export const VIRTIO_SLOT_CONSOLE: u32 = 1;
export const VIRTIO_SLOT_ENTROPY: u32 = 2;
export const VIRTIO_SLOT_BALLOON: u32 = 3;
export const VIRTIO_SLOT_NETWORK: u32 = 4;
