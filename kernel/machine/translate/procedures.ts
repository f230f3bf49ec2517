// Where a region's branches go: edges between its blocks.
//
// A direct branch has its target. An indirect one has none that is certain, but a return has candidates: where the calls of its
// procedure, as far as they are in the region, come back to. The address is compared with each of them, and only then looked up. A block belongs to
// the procedure at `p` when it is reached from there, calls being stepped over. What the branch did last is a candidate too.

import { BLOCK_HEAT } from "../arm/block-cache";
import {
  NONE,
  REGION_BLOCKS_MAX,
  blockCount,
  blockOf,
  callee,
  exitFirst,
  exitSecond,
  indexOf,
  indirect,
  jumps,
  look,
  returnTo,
} from "./graph";

/** Edges of one block: two of direct branches, then candidates. */
const EDGES_MAX: u32 = 8;
const CANDIDATES_FROM: u32 = 2;

const edges: usize = memory.data(2048); // u8 × EDGES_MAX by index
const edgeCounts: usize = memory.data(256); // u8: candidates and CANDIDATES_FROM
const directCounts: usize = memory.data(256); // u8
const callees: usize = memory.data(512); // u16: index + 1, 0 none
const returns: usize = memory.data(512); // u16: index + 1, 0 none
const isReturn: usize = memory.data(256); // u8
const reached: usize = memory.data(256); // u8
const stack: usize = memory.data(256); // u8
let stackTop: u32 = 0;

/** How many ways there are out of the block, inside the region; edge() names them. */
// @ts-ignore: decorator
@inline
export function edgeCount(index: u32): u32 {
  return <u32>load<u8>(directCounts + index) + candidateCount(index);
}

// @ts-ignore: decorator
@inline
export function edge(index: u32, which: u32): u32 {
  const direct = <u32>load<u8>(directCounts + index);
  return load<u8>(edges + index * EDGES_MAX + (which < direct ? which : which - direct + CANDIDATES_FROM));
}

/** Blocks that the indirect branch of the block may go to. */
// @ts-ignore: decorator
@inline
export function candidateCount(index: u32): u32 {
  return <u32>load<u8>(edgeCounts + index) - CANDIDATES_FROM;
}

// @ts-ignore: decorator
@inline
export function candidate(index: u32, which: u32): u32 {
  return load<u8>(edges + index * EDGES_MAX + which + CANDIDATES_FROM);
}

function addDirect(index: u32, target: u32): void {
  if (target == NONE) return;
  const count = load<u8>(directCounts + index);
  store<u8>(edges + index * EDGES_MAX + count, <u8>target);
  store<u8>(directCounts + index, count + 1);
}

/** A candidate more; the coldest gives way when there are too many. */
function addCandidate(index: u32, target: u32): void {
  const own = edges + index * EDGES_MAX;
  const count = <u32>load<u8>(edgeCounts + index);
  let coldest: u32 = CANDIDATES_FROM;
  for (let i = CANDIDATES_FROM; i < count; i++) {
    const known = <u32>load<u8>(own + i);
    if (known == target) return;
    if (heatOf(known) < heatOf(load<u8>(own + coldest))) coldest = i;
  }
  if (count < EDGES_MAX) {
    store<u8>(own + count, <u8>target);
    store<u8>(edgeCounts + index, <u8>(count + 1));
  } else if (heatOf(load<u8>(own + coldest)) < heatOf(target)) store<u8>(own + coldest, <u8>target);
}

function heatOf(index: u32): u32 {
  return load<u32>(blockOf(index), BLOCK_HEAT);
}

function push(index: u32): void {
  if (load<u8>(reached + index)) return;
  store<u8>(reached + index, 1);
  store<u8>(stack + stackTop++, <u8>index);
}

/** Calls of the procedure at `start` come back to `back`: the returns of its blocks may go there. */
function addReturns(start: u32, back: u32): void {
  memory.fill(reached, 0, REGION_BLOCKS_MAX);
  stackTop = 0;
  push(start);
  while (stackTop) {
    const index = <u32>load<u8>(stack + --stackTop);
    if (load<u8>(isReturn + index)) addCandidate(index, back);
    const called = load<u16>(callees + (index << 1));
    const after = load<u16>(returns + (index << 1));
    if (called && after) push(after - 1);
    for (let which: u32 = 0; which < <u32>load<u8>(directCounts + index); which++) {
      const target = edge(index, which);
      if (target + 1 != called) push(target);
    }
  }
}

/** Finds all edges of the region that was collected. */
export function findEdges(): void {
  for (let i: u32 = 0; i < blockCount; i++) {
    look(blockOf(i));
    store<u8>(directCounts + i, 0);
    store<u8>(edgeCounts + i, <u8>CANDIDATES_FROM);
    addDirect(i, indexOf(exitFirst));
    addDirect(i, indexOf(exitSecond));
    store<u16>(callees + (i << 1), <u16>(indexOf(callee) + 1));
    store<u16>(returns + (i << 1), <u16>(indexOf(returnTo) + 1));
    store<u8>(isReturn + i, jumps ? 1 : 0);
    const last = indexOf(indirect);
    if (last != NONE) addCandidate(i, last);
  }
  for (let i: u32 = 0; i < blockCount; i++) {
    const called = load<u16>(callees + (i << 1));
    const after = load<u16>(returns + (i << 1));
    if (called && after) addReturns(called - 1, after - 1);
  }
}
