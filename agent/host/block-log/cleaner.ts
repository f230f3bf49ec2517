// The cleaner: units that are still in use leave an extent whose other units are dead, so that it can go. It takes first what gives most for its
// cost: much dead, and old enough that the rest will not die by itself soon (Rosenblum and Ousterhout, SOSP 1991, §3.5).

import { ADDRESS_MAX, EXTENT_UNITS, PAGE_ADDRESS, TOP_ADDRESS, readGroupHeader, readCommit } from "./format.ts";
import { LogError } from "./error.ts";
import { placeOf, whereOf, type Extent } from "./extents.ts";
import { move, pinned, readUnit, type LogState } from "./state.ts";
import { checkpoint } from "./checkpoint.ts";

/** An extent that is fuller is not worth the work. */
const LIVE_SHARE_MAX = 0.95;
/** Units that are moved at a time. */
const PIECE_UNITS = 199;

/** Moves what is in use out of the extent that is best to clean. False: none is worth it. Throws the file system's error. */
export function cleanOne(state: LogState, skip: Set<number>): boolean {
  const kept = pinned(state);
  let best: Extent | null = null;
  let score = 0;
  const youngest = Math.max(...[...state.extents.all()].map(({ born }) => born));
  for (const extent of state.extents.all()) {
    const { number, live, born } = extent;
    const share = live / EXTENT_UNITS;
    if (number === state.tail.openNumber || kept.has(number) || skip.has(number) || share > LIVE_SHARE_MAX) continue;
    const own = ((1 - share) * (youngest - born + 1)) / (1 + share);
    if (own > score) [best, score] = [extent, own];
  }
  if (best === null) return false;
  skip.add(best.number);
  empty(state, best);
  return true;
}

function empty(state: LogState, extent: Extent): void {
  const units: { address: number; data: Buffer }[] = [];
  const append = (): void => {
    const placed = state.tail.append(units.splice(0), [], true);
    for (const each of placed) move(state, each.address, each);
  };
  for (const { address, place, distance } of livingUnits(state, extent)) {
    try {
      units.push({ address, data: readUnit(state, address, { place, distance }) });
    } catch (error) {
      // A unit that cannot be read stays where it is, and its extent with it.
      if (!(error instanceof LogError)) throw error;
    }
    if (units.length === PIECE_UNITS) append();
  }
  append();
}

/** Units of the disk that lie in an extent. Pages of the index that do are written anew by the next checkpoint. */
function* livingUnits(
  state: LogState,
  extent: Extent,
): Generator<{ address: number; place: number; distance: number }> {
  const { extents, seal, index } = state;
  for (let unit = 1; unit < EXTENT_UNITS;) {
    const bytes = extents.read(extent.number, unit);
    const where = whereOf(extent, unit);
    const header = readGroupHeader(bytes, where, seal.mac);
    if (header === null) {
      if (readCommit(bytes, null, where, seal.mac) === null) return;
      unit++;
      continue;
    }
    for (const [n, { address }] of header.entries.entries()) {
      const place = placeOf(extent.number, unit + 1 + n);
      if (address < ADDRESS_MAX) {
        if (index.place(address) === place) yield { address, place, distance: n + 1 };
      } else if (address < TOP_ADDRESS) {
        const page = address - PAGE_ADDRESS;
        if (state.pages[page]?.place === place) index.touch(page);
      }
    }
    unit += header.entries.length + 1;
  }
}

/** Extents that are emptied between two checkpoints. */
const STEP_EXTENTS = 4;

/** Cleans until there are fewer extents than `most`, or nothing is worth it. Throws the file system's error. */
export function clean(state: LogState, most: number): void {
  checkpoint(state, true);
  const skip = new Set<number>();
  while (state.extents.count >= most) {
    const before = state.extents.count;
    let emptied = 0;
    while (emptied < STEP_EXTENTS && cleanOne(state, skip)) emptied++;
    if (emptied === 0) return;
    checkpoint(state, true);
    // What was gained is less than what the step itself wrote.
    if (state.extents.count >= before) return;
  }
}
