// Where the privileged sequences' windows lie. Which permissions each has: system-program (short descriptors), long-tables (long ones).

/** Virtual addresses that all lead to the scratch memory, with other permissions: see sections(), pages() and longTables(). */
export const SECTION_WINDOWS = 0x5100_0000;
export const SECTION_WINDOW_COUNT = 12;
export const PAGE_WINDOWS = 0x5000_0000;
export const PAGE_WINDOW_COUNT = 16;
