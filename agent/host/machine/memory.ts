// How large a partition's linear memory is, and what it is spent on. The arithmetic is that of machineInit() in kernel/machine,
// which checks it.

import {
  BLOCK_HASH_SHARE,
  PAGE_RECORD_BYTES,
  STATIC_END,
  TLB_ENTRY_BYTES,
  TRANSLATE_BYTES_LEAST,
  WASM_PAGE,
} from "../../../kernel/abi/layout.ts";
import { UsageError } from "../../failure.ts";

export interface CacheSizes {
  /** Per context, a power of two. */
  tlbEntries: number;
  tlbContexts: number;
  /** A multiple of 64 KiB. */
  blockCacheBytes: number;
  /** The translator's tables and buffer, a multiple of 64 KiB, and how many bytes of WebAssembly may be installed; 0: off. */
  translateBytes: number;
  translateCodeBytes: number;
  /** Rings of a network card, a power of two; none: there is no card. */
  networkBytes?: number;
  /** Shared memory for each of the disk's requests. */
  diskPieceBytes: number;
}

const NOT_TRANSLATED = { translateBytes: 0, translateCodeBytes: 0 };
/** What translation costs at most: tables and buffer in the partition's memory, and the code that the engine keeps. */
export const TRANSLATION = { translateBytes: TRANSLATE_BYTES_LEAST, translateCodeBytes: 16 << 20 };

/** What a partition costs beside its RAM: small ones fit into 1 MiB of overhead, normal ones into 4 MiB (with 64 MiB of RAM and a
 *  disk). */
export const CACHE_SIZES: Record<"normal" | "small", CacheSizes> = {
  normal: {
    tlbEntries: 2048,
    tlbContexts: 12,
    blockCacheBytes: 40 * WASM_PAGE,
    diskPieceBytes: 16 << 10,
    ...NOT_TRANSLATED,
  },
  small: {
    tlbEntries: 256,
    tlbContexts: 8,
    blockCacheBytes: 6 * WASM_PAGE,
    diskPieceBytes: 3 << 10,
    ...NOT_TRANSLATED,
  },
};

export interface MemoryItem {
  name: string;
  bytes: number;
}

export interface PartitionMemory {
  /** WebAssembly pages of the whole linear memory. */
  pages: number;
  ramBytes: number;
  /** Everything else, item by item: the sum of these and RAM is what a partition is charged. */
  overhead: MemoryItem[];
  overheadBytes: number;
}

/** Lays out a partition's memory. `firmwareBytes` stand behind both banks of flash and fw_cfg. `sharedBytes` lie outside of the linear memory: console log and disk buffers; so do `channelBytes`, the rings of the
 *  channels that it sends into. */
export function partitionMemory(
  ramBytes: number,
  firmwareBytes: number,
  caches: CacheSizes,
  sharedBytes = 0,
  channelBytes = 0,
): PartitionMemory {
  const records = ((ramBytes + firmwareBytes) / 4096) * PAGE_RECORD_BYTES;
  const tlb = caches.tlbEntries * caches.tlbContexts * TLB_ENTRY_BYTES;
  const hash = caches.blockCacheBytes / BLOCK_HASH_SHARE;
  const used = STATIC_END + records + tlb + hash + caches.blockCacheBytes + caches.translateBytes;
  const network = caches.networkBytes ?? 0;
  const front = Math.ceil(used / WASM_PAGE) * WASM_PAGE;
  const overhead = [
    { name: "state and tables", bytes: STATIC_END + (front - used) },
    { name: "page tracking", bytes: records },
    { name: "TLB", bytes: tlb },
    { name: "block cache", bytes: caches.blockCacheBytes + hash },
    { name: "translator", bytes: caches.translateBytes + caches.translateCodeBytes },
    { name: "network rings", bytes: network },
    { name: "firmware and flash", bytes: firmwareBytes },
    { name: "console log and I/O buffers", bytes: sharedBytes },
    { name: "channels", bytes: channelBytes },
  ].filter((item) => item.bytes > 0);
  return {
    pages: (front + network + firmwareBytes + ramBytes) / WASM_PAGE,
    ramBytes,
    overhead,
    overheadBytes: overhead.reduce((sum, item) => sum + item.bytes, 0),
  };
}

/** "64.0 MiB RAM + 3.2 MiB overhead (block cache 2.7 MiB, …)": wherever memory is shown, it is shown like this. */
export function memoryText(memory: PartitionMemory): string {
  const items = memory.overhead.map((item) => `${item.name} ${size(item.bytes)}`).join(", ");
  return `${size(memory.ramBytes)} RAM + ${size(memory.overheadBytes)} overhead (${items})`;
}

function size(bytes: number): string {
  return bytes >= 1 << 20 ? `${(bytes / (1 << 20)).toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;
}

/** RAM sizes that a partition can have. Throws UsageError. */
export function checkRamBytes(bytes: number): void {
  const [least, most] = [1 << 20, 2 ** 31];
  if (bytes % WASM_PAGE === 0 && bytes >= least && bytes <= most) return;
  throw new UsageError("USAGE_MEMORY", `a partition's memory is 1M to 2048M in steps of 64K, not ${bytes} bytes`);
}
