// How much memory a board has for partitions when the device that it runs on has less than board.json says.

const KIB = 1024;
/** What Linux, Node and the agent take, at the least. */
const RESERVE_LEAST = 96 << 20;

/** MemTotal of /proc/meminfo in bytes; null when it does not say. */
export function memoryTotal(meminfo: string): number | null {
  const match = /^MemTotal:\s+(\d{1,12}) kB$/m.exec(meminfo);
  return match === null ? null : Number(match[1]) * KIB;
}

/** RAM and reserve of a board on a device with so much memory: never more than the board's, and of less memory the reserve has at most a half,
 *  but what the device itself needs. */
export function boardMemory(
  board: { ramBytes: number; reserveBytes: number },
  total: number | null,
): { ramBytes: number; reserveBytes: number } {
  if (total === null || total >= board.ramBytes) return board;
  return {
    ramBytes: total,
    reserveBytes: Math.min(board.reserveBytes, Math.max(RESERVE_LEAST, Math.floor(total / 2))),
  };
}
