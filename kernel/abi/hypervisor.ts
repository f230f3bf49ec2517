// Where everything lies in the hypervisor's own linear memory, for both sides. It has a fixed size, and no partition can reach it.
// Parses as AssemblyScript and as TypeScript (u32 only); u64 fields are little-endian, low word first.
//
//   0x00000  never used
//   0x00400  board, definition and answer blocks, the hypervisor's own words
//   0x01000  event ring (hypervisor → host)
//   0x09000  queue of wants
//   0x10000  --memoryBase: the compiler's static data
//   0x12000  scheduler's heaps
//   0x24000  audit ring
//   0x2d000  the heap of refused charges
//   0x34000  channels · ports · partitions

/** Version of this page. hypervisorInit() refuses a board block that was filled in by another one. */
export const HYPERVISOR_ABI_VERSION: u32 = 4;
/** WebAssembly pages of the hypervisor's memory, initial and maximum. */
export const HYPERVISOR_PAGES: u32 = 24;
export const HYPERVISOR_STATIC_BASE: u32 = 0x10000;
export const HYPERVISOR_STATIC_END: u32 = 0x12000;

/** Partition ids are 0 … PARTITION_MAX - 1. */
export const PARTITION_MAX: u32 = 1024;
export const NO_PARTITION: u32 = 0xffff;

// ---- The shared function table ------------------------------------------------------------------------------------------
// Partition p has the slots TABLE_FIRST + TABLE_STRIDE * p + TABLE_*. They are filled before partitionStart().
export const TABLE_FIRST: u32 = 16;
export const TABLE_STRIDE: u32 = 5;
export const TABLE_RUN: u32 = 0; // run(fuel: u32): u32
export const TABLE_EXECUTED: u32 = 1; // runExecuted(): u32, instructions and device work
export const TABLE_DEADLINE: u32 = 2; // machineDeadline(): f64
export const TABLE_ADVANCE: u32 = 3; // machineAdvance(ticks: f64)
export const TABLE_WORK: u32 = 4; // runWork(): u32, the part of them that was device work

// ---- Board: written by the host before hypervisorInit(). Costs may be rewritten at any time ---------------------------------
export const BOARD: u32 = 0x0400;
export const BOARD_ABI_VERSION: u32 = BOARD + 0;
export const BOARD_MODE: u32 = BOARD + 4; // CLOCK_*
export const BOARD_RAM: u32 = BOARD + 8; // u64 bytes
export const BOARD_RESERVE: u32 = BOARD + 16; // u64 bytes that no partition gets
export const BOARD_CPU_LIMIT: u32 = BOARD + 24; // Σ budget/period of the guaranteed class in parts per billion; 0 = 900,000,000
export const BOARD_ENERGY_RATE: u32 = BOARD + 28; // µW: the envelope, Σ of constant taps
export const BOARD_COSTS: u32 = BOARD + 32; // u32 picojoules for one unit of each CHARGE_*
/** Where the audit chain goes on from. All zero: it begins here. */
export const BOARD_AUDIT_HASH: u32 = BOARD + 64; // 32 bytes: the hash of the last record before this start
export const BOARD_AUDIT_SEQUENCE: u32 = BOARD + 96; // u64: number of the first record
export const BOARD_AUDIT_CHAIN: u32 = BOARD + 104; // u32 CHAIN_*: the reason of the first record
export const BOARD_AUDIT_ORIGIN: u32 = BOARD + 112; // u64 milliseconds since 1970 when the clock was 0; 0 = virtual time, or not known
export const BOARD_BYTES: u32 = 256;

/** The hypervisor follows host.now(). */
export const CLOCK_REALTIME: u32 = 0;
/** 100 units, instructions and device work of whichever partition, are 1 µs; when all sleep, time jumps. Machines run in MODE_SCHEDULED. */
export const CLOCK_VIRTUAL: u32 = 1;

// Kinds for charge() and BOARD_COSTS. The first CHARGE_BUCKETS of them have a token bucket in each partition.
export const CHARGE_BLOCK_OPERATION: u32 = 0;
export const CHARGE_BLOCK_BYTE: u32 = 1;
export const CHARGE_CONSOLE_BYTE: u32 = 2;
export const CHARGE_NETWORK_BYTE: u32 = 3; // on the radio
export const CHARGE_BUCKETS: u32 = 4;
export const CHARGE_CHANNEL_BYTE: u32 = 4;
export const CHARGE_INSTRUCTION: u32 = 5; // charged by the scheduler; charge() refuses it
export const CHARGE_KINDS: u32 = 6;

// ---- Definition: input of partitionDefine(), partitionBudget() and channelGrant() -------------------------------------------
export const DEFINITION: u32 = 0x0500;
export const DEFINITION_BYTES: u32 = 256;
export const DEFINITION_CLASS: u32 = DEFINITION + 0; // CLASS_*
export const DEFINITION_BUDGET: u32 = DEFINITION + 4; // µs in each period; guaranteed class
export const DEFINITION_PERIOD: u32 = DEFINITION + 8; // µs
export const DEFINITION_CEILING: u32 = DEFINITION + 12; // µs in each period, or CEILING_NONE; 0 = does not run
export const DEFINITION_WEIGHT: u32 = DEFINITION + 16; // share of what is left; 0 in the guaranteed class = nothing beyond the budget
export const DEFINITION_ENERGY: u32 = DEFINITION + 20; // 1 = there is an energy contract
export const DEFINITION_MEMORY: u32 = DEFINITION + 24; // u64 bytes charged
export const DEFINITION_ENERGY_CAPACITY: u32 = DEFINITION + 32; // u64 pJ
export const DEFINITION_ENERGY_RATE: u32 = DEFINITION + 40; // µW, constant tap
export const DEFINITION_ENERGY_SHARE: u32 = DEFINITION + 44; // parts per million of what drained() reports
export const DEFINITION_NO_PROGRESS: u32 = DEFINITION + 48; // ms of CPU time without a sleep or an exit, 0 = never minds
export const DEFINITION_RESTART_MAX: u32 = DEFINITION + 52; // restarts in a row at partition level
export const DEFINITION_BACKOFF_FIRST: u32 = DEFINITION + 56; // ms before the first restart, doubled for each further one
export const DEFINITION_BACKOFF_MAX: u32 = DEFINITION + 60; // ms; running for so long ends the row
export const DEFINITION_ACTIONS: u32 = DEFINITION + 64; // u8 ACTION_* [LEVEL_COUNT][FAIL_COUNT]
export const DEFINITION_BUCKETS: u32 = DEFINITION + 96; // CHARGE_BUCKETS × {u32 units a second, u32 burst}; rate 0 = no limit
// channelGrant():
export const DEFINITION_CHANNEL_CAPACITY: u32 = DEFINITION + 128; // bytes in the ring, 0 = notifications alone
export const DEFINITION_CHANNEL_BYTES: u32 = DEFINITION + 132; // {u32 bytes a second, u32 burst}; rate 0 = no limit
export const DEFINITION_CHANNEL_MESSAGES: u32 = DEFINITION + 140; // {u32 messages and notifications a second, u32 burst}

export const CLASS_BEST_EFFORT: u32 = 0;
export const CLASS_GUARANTEED: u32 = 1;
export const CEILING_NONE: u32 = 0xffff_ffff;
export const PERIOD_MIN: u32 = 1_000; // µs
export const PERIOD_MAX: u32 = 10_000_000;
export const BUDGET_MIN: u32 = 100;
export const WEIGHT_MAX: u32 = 10_000;
export const ENERGY_RATE_MAX: u32 = 100_000_000; // µW
/** ns: the longest slice that is planned. */
export const QUANTUM: u32 = 100_000;
/** ns: how far ahead of the least served one a best-effort partition may get before it makes room: one that has the processor has warm
 *  caches, and a switch at every quantum costs a guest with a large working set several times its own time. */
export const TURN: u32 = 2_000_000;
/** ns: the shortest. An overrun of a budget in virtual time is shorter than this. */
export const SLICE_MIN: u32 = 2_000;

// ---- Answer: numbers that belong to the last refusal or call ----------------------------------------------------------------
export const ANSWER: u32 = 0x0600;
export const ANSWER_REASON: u32 = ANSWER + 0;
export const ANSWER_PARTITION: u32 = ANSWER + 4;
export const ANSWER_WANTED: u32 = ANSWER + 8; // u64: what this one asks for (bytes, parts per billion, µW, parts per million, µs)
export const ANSWER_COMMITTED: u32 = ANSWER + 16; // u64: what the others hold
export const ANSWER_LIMIT: u32 = ANSWER + 24; // u64: what may be held in all
export const ANSWER_RETRY: u32 = ANSWER + 32; // u64 ns: after a charge() that was refused, the moment to ask again; all ones = none
export const ANSWER_BYTES: u32 = 64;

// ---- The hypervisor's own words -----------------------------------------------------------------------------------------------
export const HYPERVISOR_STATE: u32 = 0x0700;
export const HYPERVISOR_CURRENT: u32 = HYPERVISOR_STATE + 0; // partition inside run(), else NO_PARTITION
export const HYPERVISOR_PARTITION_COUNT: u32 = HYPERVISOR_STATE + 4; // that are defined
export const HYPERVISOR_NOW: u32 = HYPERVISOR_STATE + 8; // u64 ns
export const HYPERVISOR_BUSY: u32 = HYPERVISOR_STATE + 16; // u64 ns inside run()
export const HYPERVISOR_IDLE: u32 = HYPERVISOR_STATE + 24; // u64 ns, virtual time alone
export const HYPERVISOR_STOLEN: u32 = HYPERVISOR_STATE + 32; // u64 ns that the host took away from slices and from work
export const HYPERVISOR_SLICES: u32 = HYPERVISOR_STATE + 40; // u64
export const HYPERVISOR_MEMORY_HELD: u32 = HYPERVISOR_STATE + 48; // u64 bytes
export const HYPERVISOR_CPU_HELD: u32 = HYPERVISOR_STATE + 56; // u64 parts per billion
export const HYPERVISOR_ENERGY_RATE_HELD: u32 = HYPERVISOR_STATE + 64; // u64 µW
export const HYPERVISOR_ENERGY_SHARE_HELD: u32 = HYPERVISOR_STATE + 72; // u64 parts per million
export const HYPERVISOR_ENERGY_DRAINED: u32 = HYPERVISOR_STATE + 80; // u64 pJ taken from the battery
export const HYPERVISOR_ENERGY_SPENT: u32 = HYPERVISOR_STATE + 88; // u64 pJ spent by all partitions, removed ones too, and by the handset itself
export const HYPERVISOR_ENERGY_BOARD: u32 = HYPERVISOR_STATE + 96; // u64 pJ that no partition holds: the board's own, and what removed reserves left
export const HYPERVISOR_HANDSET_TIME: u32 = HYPERVISOR_STATE + 160; // u64 ns that the host worked for no partition: bill()
export const HYPERVISOR_HANDSET_ENERGY: u32 = HYPERVISOR_STATE + 168; // u64 pJ that this cost, part of what is spent
export const HYPERVISOR_BOOKED: u32 = HYPERVISOR_STATE + 176; // u64 ns of host time that is in somebody's books, slices included
/** Bit id is set when partition id has run; the host clears it when it has looked at its rings. */
export const RAN: u32 = 0x0800;
export const RAN_BYTES: u32 = 128;

// ---- Event ring: one producer, one consumer; head and tail count events modulo 2^32 ------------------------------------------
export const EVENT_RING: u32 = 0x1000;
export const EVENT_HEAD: u32 = EVENT_RING + 0; // written by the hypervisor
export const EVENT_TAIL: u32 = EVENT_RING + 4; // written by the host
export const EVENT_LOST: u32 = EVENT_RING + 8; // events that found the ring full, ever
export const EVENTS: u32 = EVENT_RING + 64;
export const EVENT_COUNT: u32 = 512;
export const EVENT_BYTES: u32 = 32;
export const EVENT_KIND: u32 = 0; // u16 EVENT_*
export const EVENT_PARTITION: u32 = 2; // u16
export const EVENT_REASON: u32 = 4; // u32
export const EVENT_TIME: u32 = 8; // u64 ns
export const EVENT_VALUE: u32 = 16; // u64, by kind

export const EVENT_STATE: u32 = 1; // value = new STATE_*, reason = why
export const EVENT_FAULT: u32 = 2; // reason = FAIL_*, value = ACTION_* taken
export const EVENT_CPU_EXHAUSTED: u32 = 3; // value = ns throttled so far; at most once a second for each partition
export const EVENT_ENERGY_EMPTY: u32 = 4; // value = pJ spent so far; likewise
export const EVENT_BUDGET: u32 = 5; // a budget was changed
export const EVENT_RESTART: u32 = 6; // value = ns until the restart
export const EVENT_CHANNEL: u32 = 7; // a channel was granted or revoked: value = channel

/** u16 ring of partition ids that want the host. */
export const WANTS: u32 = 0x9000;
/** The scheduler's heaps: see kernel/hypervisor/heap. */
export const HEAPS: u32 = 0x12000;
export const HEAP_BYTES: u32 = 0x4400;
/** The heap of partitions whose refused charges may be asked for again. */
export const HEAP_RETRIES: u32 = 0x2d000;

// ---- Audit ring: as the event ring, but each record carries SHA-256(hash of the record before ‖ its own first 32 bytes) -----
export const AUDIT_RING: u32 = 0x24000;
export const AUDIT_HEAD: u32 = AUDIT_RING + 0;
export const AUDIT_TAIL: u32 = AUDIT_RING + 4;
export const AUDIT_LOST: u32 = AUDIT_RING + 8; // records that found the ring full, ever; an AUDIT_GAP record tells how many
export const AUDIT_HASH: u32 = AUDIT_RING + 32; // hash of the last record
export const AUDITS: u32 = AUDIT_RING + 64;
export const AUDIT_COUNT: u32 = 512;
export const AUDIT_BYTES: u32 = 64;
export const AUDIT_SEQUENCE: u32 = 0; // u64, from BOARD_AUDIT_SEQUENCE
export const AUDIT_TIME: u32 = 8; // u64 ns
export const AUDIT_KIND: u32 = 16; // u16 AUDIT_*
export const AUDIT_PARTITION: u32 = 18; // u16
export const AUDIT_REASON: u32 = 20; // u32
export const AUDIT_VALUE: u32 = 24; // u64
export const AUDIT_CHAIN: u32 = 32; // 32 bytes

export const AUDIT_INIT: u32 = 0; // reason = CHAIN_*, value = BOARD_AUDIT_ORIGIN << 1 | mode
export const AUDIT_STATE: u32 = 1; // value = STATE_*
export const AUDIT_FAULT: u32 = 2; // value = ACTION_*
export const AUDIT_REFUSED: u32 = 3; // reason, value = what was wanted
export const AUDIT_BUDGET: u32 = 4; // value = budget µs | period µs << 32
export const AUDIT_GRANT: u32 = 5; // value = channel | from port << 16 | to << 32 | to port << 48
export const AUDIT_REVOKE: u32 = 6; // value = channel
export const AUDIT_GAP: u32 = 7; // value = records lost here
export const AUDIT_HOST: u32 = 8; // auditNote(): reason and value are the host's
export const AUDIT_LEFT_OUT: u32 = 9; // the partition is beyond its share: value = its records left out here, 0 = from here on
/** What a partition does of itself has a share of the audit: so many failures at once, and one more in so many seconds. */
export const AUDIT_SHARES: u32 = 0x74000; // by partition id: see kernel/hypervisor/audit-share
export const AUDIT_SHARE_BYTES: u32 = 16;
export const AUDIT_SHARE_BURST: u32 = 32;
export const AUDIT_SHARE_SECONDS: u32 = 300;

/** Not from the hypervisor: what the host puts before the first record of a file, see agent/host/audit-log. */
export const AUDIT_FILE: u32 = 0xffff;

/** What the chain goes on from, says the first record of a start: nothing that the host knows of, */
export const CHAIN_NEW: u32 = 0;
/** the host's last record, whose hash the chain holds; */
export const CHAIN_BOUND: u32 = 1;
/** or records that do not hold together, or end before the last one that was written. */
export const CHAIN_BROKEN: u32 = 2;

// ---- Channels ----------------------------------------------------------------------------------------------------------------
// A channel goes one way: from a port of one partition to a port of another. Two make a conversation.
export const CHANNELS: u32 = 0x34000;
export const CHANNEL_MAX: u32 = 1024;
export const CHANNEL_BYTES: u32 = 128;
export const CHANNEL_FROM: u32 = 0; // u16
export const CHANNEL_FROM_PORT: u32 = 2; // u16
export const CHANNEL_TO: u32 = 4; // u16
export const CHANNEL_TO_PORT: u32 = 6; // u16
export const CHANNEL_GRANTED: u32 = 8; // u32: 1 while it may be used
export const CHANNEL_CAPACITY: u32 = 12; // u32
export const CHANNEL_FILL: u32 = 16; // u32: bytes in the host's ring, CHANNEL_HEADER for each message included
export const CHANNEL_REFUSED: u32 = 20; // u32: sends that found no room, no rate or nobody
export const CHANNEL_BYTES_BUCKET: u32 = 32; // BUCKET_BYTES
export const CHANNEL_MESSAGES_BUCKET: u32 = 64; // BUCKET_BYTES; BUCKET_USED counts messages and notifications
/** What a message takes in a ring beyond its bytes. */
export const CHANNEL_HEADER: u32 = 4;
/** Ports of a partition. */
export const PORT_COUNT: u32 = 32;
/** For each partition and port {u16 channel out + 1, u16 channel in + 1}; 0 = none. */
export const PORTS: u32 = 0x54000;

// ---- Partitions --------------------------------------------------------------------------------------------------------------
// A record begins with its definition: the fields of DEFINITION, at the same offsets.
export const PARTITIONS: u32 = 0x80000;
export const PARTITION_BYTES: u32 = 1024;
export const PARTITION_CLASS: u32 = 0; // u32
export const PARTITION_BUDGET: u32 = 4; // u32 µs
export const PARTITION_PERIOD: u32 = 8; // u32 µs
export const PARTITION_CEILING: u32 = 12; // u32 µs
export const PARTITION_WEIGHT: u32 = 16; // u32
export const PARTITION_ENERGY_CONTRACT: u32 = 20; // u32 0 or 1
export const PARTITION_MEMORY: u32 = 24; // u64 bytes
export const PARTITION_ENERGY_CAPACITY: u32 = 32; // u64 pJ
export const PARTITION_ENERGY_RATE: u32 = 40; // u32 µW
export const PARTITION_ENERGY_SHARE: u32 = 44; // u32 parts per million
export const PARTITION_STATE: u32 = 128; // u32 STATE_*
export const PARTITION_REASON: u32 = 132; // u32: why it is in this state
export const PARTITION_WANT: u32 = 136; // u32 RUN_* or WANT_* that the host has to serve, 0 = none
export const PARTITION_SLEEPING: u32 = 140; // u32 0 or 1
export const PARTITION_EXHAUSTED: u32 = 144; // u32: 1 from an empty reserve until a quantum's worth is there
export const PARTITION_HELD: u32 = 148; // u32: 1 while admission counts it
export const PARTITION_SPEED: u32 = 152; // u32 units (instructions and work) in a millisecond, estimated
export const PARTITION_THROTTLED_BY: u32 = 156; // u32: 0 nothing, 1 CPU budget or ceiling, 2 energy
export const PARTITION_CPU_TIME: u32 = 176; // u64 ns accounted
export const PARTITION_INSTRUCTIONS: u32 = 184; // u64
export const PARTITION_SLICES: u32 = 192; // u64
export const PARTITION_THROTTLED_TIME: u32 = 200; // u64 ns ready, without CPU budget or at the ceiling; without the running spell
export const PARTITION_THROTTLED_COUNT: u32 = 208; // u64
export const PARTITION_THROTTLED_SINCE: u32 = 216; // u64 ns: beginning of the running spell
export const PARTITION_DEBT: u32 = 224; // u64 ns by which the last slice paid from the budget overran it
export const PARTITION_OVERRUN_MAX: u32 = 232; // u64 ns
export const PARTITION_WAKE: u32 = 240; // u64 ns: when its timer is due, all ones = never
export const PARTITION_DEADLINE: u32 = 248; // u64 ns: its place in the deadline order
export const PARTITION_LATENCY: u32 = 264; // u64 ns from the last wake-up to the first instruction
export const PARTITION_LATENCY_MAX: u32 = 272; // u64 ns
export const PARTITION_STOLEN: u32 = 288; // u64 ns
export const PARTITION_SERVICE_TIME: u32 = 296; // u64 ns that the host worked for it, charged to it in realtime
export const PARTITION_ENERGY_LEVEL: u32 = 320; // u64 pJ
export const PARTITION_ENERGY_SPENT: u32 = 328; // u64 pJ
export const PARTITION_ENERGY_THROTTLED_TIME: u32 = 344; // u64 ns
export const PARTITION_ENERGY_THROTTLED_COUNT: u32 = 352; // u64
export const PARTITION_RESTARTS: u32 = 364; // u32, ever
export const PARTITION_RESTART_STREAK: u32 = 368; // u32, in a row
export const PARTITION_RESTART_AT: u32 = 376; // u64 ns, 0 = none is due
export const PARTITION_STARTED: u32 = 384; // u64 ns
export const PARTITION_BUCKETS: u32 = 416; // CHARGE_BUCKETS × BUCKET_BYTES
export const PARTITION_RETRYING: u32 = 984; // u32: 1 from a refused charge until retries() names the partition
export const PARTITION_RETRY_AT: u32 = 992; // u64 ns: when that will be, all ones = when energy or another contract comes
export const PARTITION_WORK: u32 = 1000; // u64 units of device work, beside its instructions
export const PARTITION_ENERGY_DEBT: u32 = 1008; // u64 pJ that the host's work for it cost and its reserve did not hold: paid by what fills it next
export const PARTITION_ENERGY_POT: u32 = 1016; // u64 pJ laid aside for the radio
export const BUCKET_BYTES: u32 = 32;
export const BUCKET_LEVEL: u32 = 0; // i64: below 0 after a charge above the burst
export const BUCKET_USED: u32 = 16; // u64 units allowed, ever
export const BUCKET_THROTTLED: u32 = 28; // u32 refusals
