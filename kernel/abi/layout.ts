// Where everything lies in a partition's linear memory. The memory IS the snapshot: whatever a guest can observe is here,
// at a fixed offset, and nowhere else. Parses as AssemblyScript and as TypeScript (u32 only).
//
//   0x00000  never used: an access through a forgotten pointer lands here and is seen in tests
//   0x00400  CPU, VFP, clock, configuration, statistics, exit words
//   0x01800  devices
//   0x06000  console input rings (host → guest)
//   0x08000  console output rings (guest → host)
//   0x0e000  block requests (guest → host)
//   0x0f400  scratch
//   0x10000  --memoryBase: the compiler's static data (decode tables, constants)
//   STATIC_END  page tracking · TLB · block cache · network rings · ROM · guest RAM (last, at a 64 KiB boundary)
//
// The second half is laid out by partitionLayout() from the sizes in the configuration block.

/** Version of this page. A host refuses a machine that was built against another one. */
export const ABI_VERSION: u32 = 1;

// ---- CPU ------------------------------------------------------------------------------------------------------------
export const CPU_STATE: u32 = 0x0400; // 2 KiB, machine/arm/state
// What a register dump reads of it: r0 … r14 first, then these.
export const CPU_PC: u32 = CPU_STATE + 72; // valid between two blocks
export const CPU_FLAGS: u32 = CPU_STATE + 76; // N (bit 31), Z (0: set), C, V (0 or 1): a word each
export const CPU_CONTROL: u32 = CPU_STATE + 100; // M[4:0], F, I, A of CPSR
export const CPU_THUMB: u32 = CPU_STATE + 104;
export const VFP_STATE: u32 = 0x0c00; // 512 bytes, machine/arm/float/vfp-state
export const CLOCK_STATE: u32 = 0x0e00; // machine/devices/clock
/** u64: units of device work that the guest has paid for, beside its instructions (u64 at CLOCK_STATE). */
export const CLOCK_WORK: u32 = CLOCK_STATE + 40;

// ---- Configuration block: written by the host before machineInit() ---------------------------------------------------
export const CONFIG: u32 = 0x1000;
export const CONFIG_ABI_VERSION: u32 = CONFIG + 0;
export const CONFIG_MODE: u32 = CONFIG + 4; // MODE_*
export const CONFIG_RAM_BYTES: u32 = CONFIG + 8; // multiple of 64 KiB
export const CONFIG_ROM_BYTES: u32 = CONFIG + 12; // bytes of firmware at guest address 0, multiple of 64 KiB, may be 0
export const CONFIG_TLB_ENTRIES: u32 = CONFIG + 16; // per context, power of two
export const CONFIG_TLB_CONTEXTS: u32 = CONFIG + 20; // 2..16
export const CONFIG_BLOCK_CACHE_BYTES: u32 = CONFIG + 24; // multiple of 64 KiB
export const CONFIG_DEVICES: u32 = CONFIG + 28; // DEVICE_* bits of the optional devices that exist
export const CONFIG_DISK_SECTORS_LOW: u32 = CONFIG + 32; // capacity in 512-byte sectors
export const CONFIG_DISK_SECTORS_HIGH: u32 = CONFIG + 36;
export const CONFIG_DISK_FLAGS: u32 = CONFIG + 40; // DISK_*
export const CONFIG_DISK_SERIAL: u32 = CONFIG + 44; // 20 bytes, zero-padded (VIRTIO 1.2 §5.2.6, VIRTIO_BLK_T_GET_ID)
export const CONFIG_ENTRY: u32 = CONFIG + 64; // first program counter; bit 0 set = Thumb
export const CONFIG_ENTRY_R0: u32 = CONFIG + 68;
export const CONFIG_ENTRY_R1: u32 = CONFIG + 72;
export const CONFIG_ENTRY_R2: u32 = CONFIG + 76;
export const CONFIG_BALLOON_PAGES: u32 = CONFIG + 80; // pages the host asks back; may change at any time
export const CONFIG_CONSOLE_PORTS: u32 = CONFIG + 84; // virtio-console ports, 1..4
/** Bytes of the translator's tables and its buffer, multiple of 64 KiB; 0: nothing is translated. */
export const CONFIG_TRANSLATE_BYTES: u32 = CONFIG + 88;
/** Bytes of WebAssembly that may be installed; beyond, everything is dropped and begins anew. */
export const CONFIG_TRANSLATE_CODE_BYTES: u32 = CONFIG + 92;
/** CPU_WITHOUT_* bits: parts of the Cortex-A7 that this one does not have. */
export const CONFIG_CPU: u32 = CONFIG + 128;
/** 1: the host's WebAssembly has vectors, and translated modules may use them. */
export const CONFIG_TRANSLATE_SIMD: u32 = CONFIG + 132;
// Answers of machineInit(): offsets in linear memory.
export const CONFIG_RAM_OFFSET: u32 = CONFIG + 96;
export const CONFIG_ROM_OFFSET: u32 = CONFIG + 100;
export const CONFIG_NETWORK_OFFSET: u32 = CONFIG + 104;
/** Bytes of both network rings together, a power of two from NETWORK_BYTES_LEAST on; 0 without DEVICE_NETWORK. */
export const CONFIG_NETWORK_BYTES: u32 = CONFIG + 108;
export const CONFIG_NETWORK_MAC: u32 = CONFIG + 112; // 6 bytes
export const CONFIG_NETWORK_MTU: u32 = CONFIG + 120;
export const CONFIG_NETWORK_LINK: u32 = CONFIG + 124; // 1: the link is up; may change at any time
/** VIRTIO_MODERN, or VIRTIO_LEGACY: which transport all virtio-mmio slots speak. */
export const CONFIG_VIRTIO: u32 = CONFIG + 136;
/** Bytes that stand behind the second bank of flash (DEVICE_FLASH), multiple of 64 KiB, may be 0. */
export const CONFIG_BANK1_BYTES: u32 = CONFIG + 140;
/** Bytes of the files of fw_cfg (DEVICE_FW_CFG), multiple of 64 KiB, may be 0: see devices/fw-cfg. */
export const CONFIG_FW_CFG_BYTES: u32 = CONFIG + 144;
// More answers of machineInit().
export const CONFIG_BANK1_OFFSET: u32 = CONFIG + 148;
export const CONFIG_FW_CFG_OFFSET: u32 = CONFIG + 152;

export const VIRTIO_MODERN: u32 = 0;
export const VIRTIO_LEGACY: u32 = 1;

/** Nanoseconds of virtual time that an instruction, or a unit of device work, takes. */
export const UNIT_NS: u32 = 10;

export const MODE_REALTIME: u32 = 0;
/** 100 instructions are 1 µs; WFI jumps to the next deadline; a run replays bit for bit. */
export const MODE_DETERMINISTIC: u32 = 1;

/** As deterministic, but the hypervisor owns the time: it moves the clock on with machineAdvance(), and WFI returns to it. */
export const MODE_SCHEDULED: u32 = 2;

/** Advanced SIMD: its instructions are Undefined, and no identification register tells of it. */
export const CPU_WITHOUT_NEON: u32 = 1 << 0;

export const DEVICE_BLOCK: u32 = 1 << 0; // virtio-mmio slot 0
export const DEVICE_CONSOLE: u32 = 1 << 1; // slot 1
export const DEVICE_ENTROPY: u32 = 1 << 2; // slot 2
export const DEVICE_BALLOON: u32 = 1 << 3; // slot 3
export const DEVICE_NETWORK: u32 = 1 << 4; // slot 4
export const DEVICE_WATCHDOG: u32 = 1 << 16; // SP805
export const DEVICE_CHANNEL: u32 = 1 << 17; // event channels
/** CFI flash: what lies in the firmware window can be programmed, and there is a second bank. Without it the window is plain ROM. */
export const DEVICE_FLASH: u32 = 1 << 18;
export const DEVICE_FW_CFG: u32 = 1 << 19; // QEMU's firmware configuration

export const DISK_PRESENT: u32 = 1;
export const DISK_READ_ONLY: u32 = 2;

// ---- Statistics: u64 each, counted by the machine, read by the host ---------------------------------------------------
export const STATS: u32 = 0x1200;
export const STATS_DATA_ABORTS: u32 = STATS + 0;
export const STATS_PREFETCH_ABORTS: u32 = STATS + 8;
export const STATS_TLB_MISSES: u32 = STATS + 16;
export const STATS_INTERRUPTS: u32 = STATS + 24;
export const STATS_UNDEFINED: u32 = STATS + 32;
export const STATS_SUPERVISOR_CALLS: u32 = STATS + 40;
export const STATS_BLOCKS_DECODED: u32 = STATS + 48;
export const STATS_CACHE_FLUSHES: u32 = STATS + 56;
export const STATS_PAGES_INVALIDATED: u32 = STATS + 64;
export const STATS_MMIO_READS: u32 = STATS + 72;
export const STATS_MMIO_WRITES: u32 = STATS + 80;
export const STATS_TLB_FLUSHES: u32 = STATS + 88;
export const STATS_TLB_EVICTIONS: u32 = STATS + 96; // contexts
export const STATS_TLB_PAGE_FLUSHES: u32 = STATS + 104;
export const STATS_TRANSLATED_FUNCTIONS: u32 = STATS + 112;
export const STATS_TRANSLATED_BYTES: u32 = STATS + 120; // of WebAssembly
export const STATS_TRANSLATED_INSTRUCTIONS: u32 = STATS + 128; // in the regions that were translated
export const STATS_TRANSLATION_FLUSHES: u32 = STATS + 136;
export const STATS_TRANSLATION_DROPS: u32 = STATS + 144; // functions, because their code changed
export const STATS_TRANSLATED_ENTRIES: u32 = STATS + 152; // from the interpreter
export const STATS_TRANSLATED_EXECUTED: u32 = STATS + 160; // instructions

// ---- Exit words -------------------------------------------------------------------------------------------------------
/** Non-zero: the CPU leaves run() after the current instruction and returns it (RUN_* in reasons). Set by devices and PSCI. */
export const EXIT_REQUEST: u32 = 0x1400;
/** 1 while the GIC signals an interrupt to the CPU. Written by gic alone, read by the CPU at the end of blocks. */
export const IRQ_LINE: u32 = 0x1404;

// ---- Device work (machine/devices/work): both words are looked at by one load ------------------------------------------
/** Units that the guest owes: taken from fuel before its next instruction. */
export const WORK_OWED: u32 = 0x1408;
/** Bit n: a virtqueue of slot n is to be visited. Bit 31: a transfer of fw_cfg is to go on. */
export const WORK_VISITS: u32 = 0x140c;

// ---- Breakpoints: written by the host, with debugBreakpoints() after it; no part of the guest's state ------------------
export const BREAKPOINT_COUNT: u32 = 0x1410;
export const BREAKPOINTS: u32 = 0x1420; // virtual addresses, bit 0 clear
export const BREAKPOINT_MAX: u32 = 64;

// ---- Devices ----------------------------------------------------------------------------------------------------------
export const GIC_STATE: u32 = 0x1800; // 2 KiB
export const TIMER_STATE: u32 = 0x2000;
export const PL011_STATE: u32 = 0x2100;
export const PL031_STATE: u32 = 0x2200;
export const SP805_STATE: u32 = 0x2300;
export const CHANNEL_STATE: u32 = 0x2400;
export const PL061_STATE: u32 = 0x2500;
export const PMU_STATE: u32 = 0x2e00;
/** Whether a counter leaves out a privilege: then changes of it matter. */
export const PMU_FILTERED: u32 = PMU_STATE + 0x78;
export const FW_CFG_STATE: u32 = 0x2580;
export const FLASH_STATE: u32 = 0x2640; // 0x600 bytes
/** Bytes of flash that were programmed or erased and not yet taken by the host, for each bank: u32 first offset, u32 end. The host takes them by
 *  making both zero. */
export const FLASH_WRITTEN: u32 = FLASH_STATE + 0x10;
export const VIRTIO_STATE: u32 = 0x3000; // VIRTIO_SLOT_COUNT slots of VIRTIO_SLOT_BYTES
/** Slots that can hold a device. The window has more (memory-map): the others are empty and need no state. */
export const VIRTIO_SLOT_COUNT: u32 = 8;
export const VIRTIO_SLOT_BYTES: u32 = 0x400;
/** Random bytes that the host tops up: u32 count of bytes left, then the bytes, taken from the end. */
export const ENTROPY_POOL: u32 = 0x5000;
export const ENTROPY_POOL_CAPACITY: u32 = 4092;

// ---- Network rings ----------------------------------------------------------------------------------------------------
// Two rings of frames at CONFIG_NETWORK_OFFSET, each half of CONFIG_NETWORK_BYTES: what the guest sends, then what it receives. One producer
// and one consumer each; positions count bytes modulo 2^32. A record is NETWORK_HEADER_BYTES and the frame behind it, rounded up to
// 16, and lies in one piece: where the rest of the ring is too short for it, a length of NETWORK_SKIP sends the reader to the ring's start.
export const NETWORK_INDEX: u32 = 0x2600;
export const NETWORK_SENT_HEAD: u32 = NETWORK_INDEX + 0;
export const NETWORK_SENT_TAIL: u32 = NETWORK_INDEX + 4; // the host's
export const NETWORK_RECEIVED_HEAD: u32 = NETWORK_INDEX + 8; // the host's
export const NETWORK_RECEIVED_TAIL: u32 = NETWORK_INDEX + 12;
/** One more than the tail at which the host was last asked to take frames out. */
export const NETWORK_ASKED: u32 = NETWORK_INDEX + 16;
/** What the driver negotiated, 0 while it is not ready: the host sends nothing that these bits do not cover. */
export const NETWORK_FEATURES: u32 = NETWORK_INDEX + 20;
export const NETWORK_SENT_DROPS: u32 = NETWORK_INDEX + 24; // frames that break a rule of the device
export const NETWORK_RECEIVED_DROPS: u32 = NETWORK_INDEX + 28; // frames that the driver has no use or no room for
/** A record's header: u32 length of the frame, then 12 bytes of virtio_net_hdr (VIRTIO 1.2 §5.1.6), num_buffers always 0. */
export const NETWORK_HEADER_BYTES: u32 = 16;
export const NETWORK_SKIP: u32 = 0xffff_ffff;
export const NETWORK_FRAME_LEAST: u32 = 14;
export const NETWORK_FRAME_MOST: u32 = 65550;
/** Of both rings: each holds a longest record wherever it begins. */
export const NETWORK_BYTES_LEAST: u32 = 0x8_0000;
export const NETWORK_BYTES_MOST: u32 = 0x40_0000;
// Feature bits (§5.1.3) that the host asks for, and fields of the header (§5.1.6).
export const NETWORK_F_CSUM: u32 = 1 << 0;
export const NETWORK_F_GUEST_CSUM: u32 = 1 << 1;
export const NETWORK_F_GUEST_TSO4: u32 = 1 << 7;
export const NETWORK_F_GUEST_TSO6: u32 = 1 << 8;
export const NETWORK_F_HOST_TSO4: u32 = 1 << 11;
export const NETWORK_F_HOST_TSO6: u32 = 1 << 12;
export const NETWORK_NEEDS_CSUM: u32 = 1;
export const NETWORK_DATA_VALID: u32 = 2;
export const NETWORK_GSO_TCP4: u32 = 1;
export const NETWORK_GSO_TCP6: u32 = 4;

// ---- Event channels ---------------------------------------------------------------------------------------------------
// The guest's question, when run() returns RUN_CHANNEL (or any other exit, while STATE is 1). The host answers with channelAnswer().
export const CHANNEL_REQUEST: u32 = 0x2440;
export const CHANNEL_REQUEST_STATE: u32 = CHANNEL_REQUEST + 0; // 1 = the guest waits for an answer
export const CHANNEL_REQUEST_FUNCTION: u32 = CHANNEL_REQUEST + 4; // CALL_CHANNEL_*
export const CHANNEL_REQUEST_PORT: u32 = CHANNEL_REQUEST + 8; // below 32
export const CHANNEL_REQUEST_OFFSET: u32 = CHANNEL_REQUEST + 12; // in linear memory; send and receive
export const CHANNEL_REQUEST_LENGTH: u32 = CHANNEL_REQUEST + 16; // bytes there that may be read (send) or written (receive)
/** Ports of a partition: pending bits fit into a word. */
export const CHANNEL_PORT_COUNT: u32 = 32;
// Function identifiers of the hypervisor calls: SMCCC (Arm DEN 0028), fast, 32 bits, owner 6 "vendor specific hypervisor".
export const CALL_CHANNEL_VERSION: u32 = 0x8600_0000;
export const CALL_CHANNEL_INFO: u32 = 0x8600_0001;
export const CALL_CHANNEL_SEND: u32 = 0x8600_0002;
export const CALL_CHANNEL_RECEIVE: u32 = 0x8600_0003;
export const CALL_CHANNEL_NOTIFY: u32 = 0x8600_0004;
export const CALL_CHANNEL_PENDING: u32 = 0x8600_0005;
export const CALL_CHANNEL_ACKNOWLEDGE: u32 = 0x8600_0006;
export const CALL_CHANNEL_ENABLE: u32 = 0x8600_0007;

// ---- Console rings ----------------------------------------------------------------------------------------------------
// Port 0 is the PL011, ports 1.. are the virtio-console's. One producer, one consumer; `head` counts bytes produced, `tail`
// bytes consumed, both modulo 2^32; head - tail is the fill.
export const CONSOLE_PORT_COUNT: u32 = 5;
export const CONSOLE_INPUT_INDEX: u32 = 0x7e00; // {head, tail} of u32 for each port
export const CONSOLE_INPUT: u32 = 0x6000; // CONSOLE_INPUT_BYTES for each port
export const CONSOLE_INPUT_BYTES: u32 = 1024;
export const CONSOLE_OUTPUT_INDEX: u32 = 0x7f00;
/** u32 for each port: one more than the tail at which the guest last asked for the ring to be drained. */
export const CONSOLE_OUTPUT_ASKED: u32 = 0x7f40;
export const CONSOLE_OUTPUT: u32 = 0x8000;
export const CONSOLE_OUTPUT_BYTES: u32 = 4096;

// ---- Block requests ---------------------------------------------------------------------------------------------------
// A fixed table. The device fills a free entry and raises RUN_IO; the host serves it whenever it likes and calls
// blockComplete(index, status).
export const BLOCK_REQUESTS: u32 = 0xe000;
export const BLOCK_REQUEST_COUNT: u32 = 16;
export const BLOCK_REQUEST_BYTES: u32 = 0x140;
export const BLOCK_REQUEST_STATE: u32 = 0; // BLOCK_FREE, BLOCK_PENDING (device → host), BLOCK_TAKEN (set by the host)
export const BLOCK_REQUEST_OPERATION: u32 = 4; // BLOCK_READ …
export const BLOCK_REQUEST_SECTOR_LOW: u32 = 8;
export const BLOCK_REQUEST_SECTOR_HIGH: u32 = 12;
export const BLOCK_REQUEST_SECTOR_COUNT: u32 = 16; // discard and write-zeroes: sectors; read and write: 0, the segments tell
export const BLOCK_REQUEST_SEGMENT_COUNT: u32 = 20;
export const BLOCK_REQUEST_PRIVATE: u32 = 24; // 8 bytes for the device
export const BLOCK_REQUEST_SEGMENTS: u32 = 32; // BLOCK_SEGMENT_MAX × {offset in linear memory, length in bytes}
export const BLOCK_SEGMENT_MAX: u32 = 34;
export const BLOCK_FREE: u32 = 0;
export const BLOCK_PENDING: u32 = 1;
export const BLOCK_TAKEN: u32 = 2;
/** A taken request that the guest gave up by a device reset. The host touches its segments no more, and hands the entry back
 *  by blockComplete() as always. */
export const BLOCK_CANCELLED: u32 = 3;
export const BLOCK_READ: u32 = 0;
export const BLOCK_WRITE: u32 = 1;
export const BLOCK_FLUSH: u32 = 4;
export const BLOCK_DISCARD: u32 = 11;
export const BLOCK_WRITE_ZEROES: u32 = 13;

// ---- Scratch ----------------------------------------------------------------------------------------------------------
/** End of what a guest can observe; scratch, meaningless between calls, from here to STATIC_BASE. */
export const STATE_END: u32 = 0xf400;
/** Bytes of a chain, copied for a device that looks at them. */
export const VIRTIO_BUFFER: u32 = 0xf800;
export const VIRTIO_BUFFER_BYTES: u32 = 0x800;

// ---- The second half --------------------------------------------------------------------------------------------------
/** `--memoryBase`. */
export const STATIC_BASE: u32 = 0x10000;
/** The compiler's static data must end below this; the build checks it. */
export const STATIC_DATA_END: u32 = 0x26000;
/** Scratch: the segments of the descriptor chain in hand, {offset, length} of u32 each (machine/devices/virtio/queue). Here, because zeroes that
 *  the compiler lays out are bytes of the module. */
export const VIRTIO_CHAIN: u32 = STATIC_DATA_END;
export const VIRTIO_CHAIN_SEGMENTS: u32 = 1024;
export const STATIC_END: u32 = 0x28000;
/** Guest RAM in guest physical addresses. */
export const RAM_BASE: u32 = 0x40000000;
export const ROM_BASE: u32 = 0x00000000;
export const WASM_PAGE: u32 = 0x10000;

/** Bytes of page tracking for each 4 KiB page of guest RAM and ROM: see machine/pages. */
export const PAGE_RECORD_BYTES: u32 = 16;
/** A data entry of 16 bytes, and half a code entry of 8. */
export const TLB_ENTRY_BYTES: u32 = 20;
/** Hash heads of the block cache: one u32 for each 64 bytes of cache. */
export const BLOCK_HASH_SHARE: u32 = 16;

/** Least of CONFIG_TRANSLATE_BYTES: the translator's tables, and a buffer for a module. */
export const TRANSLATE_BYTES_LEAST: u32 = 0xc_0000;

/** Rounds up to a WebAssembly page. */
export function wasmPages(bytes: u32): u32 {
  return (bytes + (WASM_PAGE - 1)) / WASM_PAGE;
}
