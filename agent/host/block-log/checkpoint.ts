// A checkpoint: the changed pages of the index, the top that lists all pages, extents and snapshots, and a superblock that names the top and where
// the log goes on. The superblock is one of two, written by turns, so a cut leaves the other. Only when it is safe is anything of before let go.

import { randomBytes } from "node:crypto";
import { PAGE_ADDRESS, SUPER_SLOT_BYTES, TOP_ADDRESS, TOP_UNITS_MAX, UNIT_BYTES, writeSuper } from "./format.ts";
import { LogError } from "./error.ts";
import { count, NOWHERE, pinned, type LogState } from "./state.ts";
import { writeTop } from "./top.ts";

export const SUPER_NAME = "super";

/** Writes a checkpoint; what was appended before it is safe then, too. `must`: the reserve may be used. Throws the file system's error: the last
 *  checkpoint holds then, and the log's next step is another one. */
export function checkpoint(state: LogState, must: boolean): void {
  const { tail, extents, index, seal, files } = state;
  // The first write of a mount, or the first after one that failed: what a cut left is dropped, and everything new lies in new extents.
  if (tail.broken) {
    extents.dropStrangers();
    tail.leave();
    tail.epoch = randomBytes(4).readUInt32LE(0);
    tail.broken = false;
  }
  try {
    const changed = index.changed;
    const pages = [...state.pages];
    const written = tail.append(
      changed.map((page) => ({ address: PAGE_ADDRESS + page, data: index.page(page) })),
      [],
      must,
    );
    changed.forEach((page, n) => (pages[page] = written[n]!));
    const bytes = writeTop({ extents: [...extents.all()], pages, snapshots: state.snapshots });
    const top = tail.append(topUnits(bytes), [], must);
    tail.commit(must);
    const { epoch, sequence, chain, extent, unit } = tail.state;
    const generation = state.generation + 1;
    const head = { generation, epoch, unitCount: index.unitCount, sequence, chain, extent, unit };
    const block = writeSuper({ ...head, top, topBytes: bytes.length, topMac: seal.mac(bytes) }, seal.mac);
    // Twice: a bit that flips later must not bring the one before it back.
    files.write(SUPER_NAME, (generation % 2) * SUPER_SLOT_BYTES, Buffer.concat([block, block]));
    files.sync(SUPER_NAME);
    for (const page of changed) {
      count(state, state.pages[page] ?? NOWHERE, -1);
      count(state, pages[page]!, 1);
      index.written(page);
    }
    state.top.forEach((each) => count(state, each, -1));
    top.forEach((each) => count(state, each, 1));
    Object.assign(state, { pages, top, generation });
    tail.written = 0;
  } catch (error) {
    tail.broken = true;
    throw error;
  }
  reclaim(state);
}

function topUnits(bytes: Buffer): { address: number; data: Buffer }[] {
  const unitCount = Math.ceil(bytes.length / UNIT_BYTES);
  if (unitCount > TOP_UNITS_MAX)
    throw new LogError("LOG_FULL", "the log has too many extents and snapshots", "Remove a snapshot.");
  return Array.from({ length: unitCount }, (_, n) => {
    const data = Buffer.alloc(UNIT_BYTES);
    bytes.copy(data, 0, n * UNIT_BYTES);
    return { address: TOP_ADDRESS + n, data };
  });
}

/** Lets extents go that nothing refers to. Right after a checkpoint: no replay needs them. */
function reclaim(state: LogState): void {
  const { extents, tail } = state;
  const kept = pinned(state);
  const dead = [...extents.all()].filter(
    ({ live, number }) => live === 0 && number !== tail.openNumber && !kept.has(number),
  );
  for (const extent of dead) extents.free(extent);
  if (dead.length > 0) extents.sync();
}
