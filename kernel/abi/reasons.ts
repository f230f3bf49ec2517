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
