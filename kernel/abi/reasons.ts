// Every reason that crosses a boundary, once. Parses as AssemblyScript and as TypeScript.

// ---- Why run() returned -------------------------------------------------------------------------------------------------
/** The fuel is spent. */
export const RUN_FUEL: u32 = 0;
/** The guest waits for an interrupt (WFI) and none is pending: sleep until machineDeadline() or an input. */
export const RUN_WAIT: u32 = 1;
/** A console output ring is full: drain it and go on. */
export const RUN_OUTPUT: u32 = 2;
/** A block request is pending. */
export const RUN_IO: u32 = 3;
/** The entropy pool is empty. */
export const RUN_ENTROPY: u32 = 4;
/** PSCI SYSTEM_OFF, or CPU_OFF of the only CPU. */
export const RUN_POWER_OFF: u32 = 5;
/** PSCI SYSTEM_RESET. */
export const RUN_RESET: u32 = 6;
/** The SP805 watchdog bit twice. */
export const RUN_WATCHDOG: u32 = 7;
/** Never leaves run(): the guest moved a deadline, so the slice must be cut anew. Not in realtime mode. */
export const RUN_REPLAN: u32 = 0xff;

// ---- Why machineInit() refused: 0 is "initialised" --------------------------------------------------------------------
export const INIT_OK: u32 = 0;
export const INIT_ABI_MISMATCH: u32 = 1;
export const INIT_BAD_RAM_SIZE: u32 = 2;
export const INIT_BAD_ROM_SIZE: u32 = 3;
export const INIT_BAD_TLB_SIZE: u32 = 4;
export const INIT_BAD_CACHE_SIZE: u32 = 5;
export const INIT_MEMORY_TOO_SMALL: u32 = 6;
export const INIT_BAD_MODE: u32 = 7;
export const INIT_BAD_DEVICES: u32 = 8;
export const INIT_BAD_NETWORK_SIZE: u32 = 9;

// ---- More of why run() returned -----------------------------------------------------------------------------------------
/** The guest asks for an event channel: CHANNEL_REQUEST holds the question, channelAnswer() goes back. */
export const RUN_CHANNEL: u32 = 8;
/** A breakpoint: the instruction at pc is the next one, and has not been executed. Only where a debugger has set one. */
export const RUN_BREAK: u32 = 9;
/** Not from run(): the partition's restart is due. The host makes it a new machine and calls partitionStart(). */
export const WANT_RESTART: u32 = 0x40;

// ---- States of a partition: the numbers go over the wire ------------------------------------------------------------------
export const STATE_DEFINED: u32 = 0;
export const STATE_ADMITTED: u32 = 1;
export const STATE_RUNNING: u32 = 2;
export const STATE_PAUSED: u32 = 3;
export const STATE_STOPPED: u32 = 4;
export const STATE_FAILED: u32 = 5;
/** Stopped by policy: it does not start before it is unlocked. */
export const STATE_LOCKED: u32 = 6;
/** Not on the wire: no partition has this id. */
export const STATE_NONE: u32 = 255;

// ---- Why the hypervisor refused: 0 is "done" ------------------------------------------------------------------------------
export const DONE: u32 = 0;
export const REFUSE_ABI_MISMATCH: u32 = 1;
export const REFUSE_BAD_BOARD: u32 = 2;
/** No partition has this id. */
export const REFUSE_UNKNOWN: u32 = 3;
/** The partition's state does not allow it. */
export const REFUSE_STATE: u32 = 4;
export const ADMIT_TOO_MANY: u32 = 5;
export const ADMIT_BAD_CLASS: u32 = 6;
/** The period is outside PERIOD_MIN … PERIOD_MAX. */
export const ADMIT_BAD_PERIOD: u32 = 7;
/** The budget is shorter than BUDGET_MIN or longer than the period. */
export const ADMIT_BAD_BUDGET: u32 = 8;
/** The ceiling is below the budget or BUDGET_MIN (0 is allowed), or above the period. */
export const ADMIT_BAD_CEILING: u32 = 9;
export const ADMIT_BAD_WEIGHT: u32 = 10;
/** Rate above ENERGY_RATE_MAX, share above a million, or a contract without capacity. */
export const ADMIT_BAD_ENERGY: u32 = 11;
export const ADMIT_BAD_ACTIONS: u32 = 12;
export const ADMIT_MEMORY: u32 = 13;
export const ADMIT_CPU: u32 = 14;
export const ADMIT_ENERGY_RATE: u32 = 15;
export const ADMIT_ENERGY_SHARE: u32 = 16;
/** WebAssembly gives no touched memory back: guest RAM changes at the next start only. */
export const ADMIT_MEMORY_LIVE: u32 = 17;
/** The token bucket is empty: ANSWER_RETRY tells when to ask again. */
export const LIMIT_RATE: u32 = 20;
export const LIMIT_ENERGY: u32 = 21;
export const LIMIT_BAD_KIND: u32 = 22;
/** It costs more than the energy reserve can ever hold. */
export const LIMIT_CAPACITY: u32 = 23;
/** No channel leads from or to this port, or it was revoked. */
export const CHANNEL_NONE: u32 = 24;
export const CHANNEL_FULL: u32 = 25;
/** The other partition does not run. */
export const CHANNEL_PEER_DOWN: u32 = 26;
/** The message can never fit. */
export const CHANNEL_TOO_LONG: u32 = 27;
export const CHANNEL_BAD_PORT: u32 = 28;
export const CHANNEL_PORT_TAKEN: u32 = 29;
export const CHANNEL_TOO_MANY: u32 = 30;
/** Nothing to receive. */
export const CHANNEL_EMPTY: u32 = 31;
/** The guest named memory that is not RAM. */
export const CHANNEL_BAD_ADDRESS: u32 = 32;

// ---- Why a partition is in its state, besides the reasons above ---------------------------------------------------------------
export const STOP_COMMAND: u32 = 64;
export const STOP_POWER_OFF: u32 = 65;
export const STOP_POLICY: u32 = 66;

// ---- What the host lost: for events and the audit -----------------------------------------------------------------------------
/** The disk's file could not be read or written: the guest was told of an I/O error. */
export const LOSS_DISK: u32 = 72;
/** Audit records could not be written, or found their ring full. */
export const LOSS_AUDIT: u32 = 73;
/** The worker that holds the control port ended; there is a new one. */
export const LOSS_SHELL: u32 = 74;
/** The worker that serves the disk ended: every request is an I/O error from now on. */
export const LOSS_IO_WORKER: u32 = 75;
/** The worker that carries the guests' network ended: links are down from now on. */
export const LOSS_NETWORK: u32 = 76;

// ---- Failures: rows of the health table -----------------------------------------------------------------------------------------
export const FAIL_FIRST: u32 = 80;
/** WebAssembly trapped inside the machine. */
export const FAIL_TRAP: u32 = 80;
/** The watchdog bit twice. */
export const FAIL_WATCHDOG: u32 = 81;
/** Much CPU time without a sleep, an exit or a byte of output. */
export const FAIL_NO_PROGRESS: u32 = 82;
/** The guest announced a panic on its console. */
export const FAIL_PANIC: u32 = 83;
/** It resets itself again and again. */
export const FAIL_RESET_LOOP: u32 = 84;
/** The machine refused to start, or its image is gone. */
export const FAIL_START: u32 = 85;
/** The host's heartbeat stopped inside the machine. */
export const FAIL_HANG: u32 = 86;
/** What the host cannot name better. */
export const FAIL_HOST: u32 = 87;
export const FAIL_COUNT: u32 = 8;
// Reasons from here on have no row of their own: FAIL_HOST's is theirs.
/** A request to its disk did not come back. */
export const FAIL_DISK: u32 = 88;

// ---- Health: what is done about a failure -----------------------------------------------------------------------------------------
export const ACTION_IGNORE: u32 = 0;
export const ACTION_LOG: u32 = 1;
export const ACTION_RESTART: u32 = 2;
export const ACTION_PAUSE: u32 = 3;
export const ACTION_STOP: u32 = 4;
export const ACTION_COUNT: u32 = 5;
/** The partition's own failure. */
export const LEVEL_PARTITION: u32 = 0;
/** It has failed more often in a row than its restarts allow: the handset's concern. */
export const LEVEL_HANDSET: u32 = 1;
export const LEVEL_COUNT: u32 = 2;

// ---- Ways into a partition: for the audit --------------------------------------------------------------------------------------------
export const ACCESS_CONSOLE: u32 = 96;
export const ACCESS_LOG: u32 = 97;
export const ACCESS_DEBUG: u32 = 98;
export const ACCESS_PROFILE: u32 = 99;
/** The registers of its last failure. */
export const ACCESS_REGISTERS: u32 = 100;
