// A weak topological order of a region: F. Bourdoncle, "Efficient chaotic iteration strategies with widenings" (1993), figure 4.
//
// It nests the blocks into components, each with a head, so that every branch goes either forwards, or back to the head of a component
// around it: which is what structured control flow can say. A component becomes a `loop`, a branch forwards leaves `block`s.
// What the order cannot say is an entry into the middle of a component, from outside; such a component begins with a
// br_table over STATE, and whoever enters there sets STATE. Irreducible flow is no other case.
//
// Positions count through the order: a component takes the positions [head, componentEnd).

import { NONE, REGION_BLOCKS_MAX, blockCount, isEntry } from "./graph";
import { edge, edgeCount } from "./procedures";

const blockAtPosition: usize = memory.data(256); // u8
const positions: usize = memory.data(256); // u8
const componentEnds: usize = memory.data(1024); // u32: 0 for what heads no component
const headsAround: usize = memory.data(1024); // u32: head of the innermost component around, itself not being that head; NONE
const dispatches: usize = memory.data(256); // u8
const numbers: usize = memory.data(1024); // u32: depth-first number; 0 not visited, NONE done
const stack: usize = memory.data(1024); // u8

let stackTop: u32 = 0;
let number: u32 = 0;
let next: u32 = 0;

// @ts-ignore: decorator
@inline
export function blockIn(position: u32): u32 {
  return load<u8>(blockAtPosition + position);
}

// @ts-ignore: decorator
@inline
export function positionOf(block: u32): u32 {
  return load<u8>(positions + block);
}

/** Where the component that this position heads ends, or 0. */
// @ts-ignore: decorator
@inline
export function componentEnd(position: u32): u32 {
  return load<u32>(componentEnds + (position << 2));
}

/** Head of the innermost component that holds this position behind its head, or NONE. */
// @ts-ignore: decorator
@inline
export function headAround(position: u32): u32 {
  return load<u32>(headsAround + (position << 2));
}

/** The component with this head is entered in its middle. */
// @ts-ignore: decorator
@inline
export function needsDispatch(head: u32): bool {
  return load<u8>(dispatches + head) != 0;
}

/** First position of the order; the last is REGION_BLOCKS_MAX − 1. */
export function orderStart(): u32 {
  return next;
}

function numberOf(block: u32): u32 {
  return load<u32>(numbers + (block << 2));
}

function setNumber(block: u32, value: u32): void {
  store<u32>(numbers + (block << 2), value);
}

function put(block: u32, end: u32): void {
  next--;
  store<u8>(blockAtPosition + next, block);
  store<u8>(positions + block, next);
  store<u32>(componentEnds + (next << 2), end);
}

/** Returns the lowest number that is reachable on the stack. */
function visit(block: u32): u32 {
  store<u8>(stack + stackTop++, block);
  setNumber(block, ++number);
  let head = number;
  let isLoop = false;
  for (let which: u32 = 0; which < edgeCount(block); which++) {
    const target = edge(block, which);
    const low = numberOf(target) == 0 ? visit(target) : numberOf(target);
    if (low <= head) {
      head = low;
      isLoop = true;
    }
  }
  if (head != numberOf(block)) return head;
  setNumber(block, NONE);
  let element = load<u8>(stack + --stackTop);
  if (!isLoop) {
    put(block, 0);
    return head;
  }
  while (element != block) {
    setNumber(element, 0);
    element = load<u8>(stack + --stackTop);
  }
  const end = next;
  for (let which: u32 = 0; which < edgeCount(block); which++) {
    const target = edge(block, which);
    if (numberOf(target) == 0) visit(target);
  }
  put(block, end);
  return head;
}

/** Notes that `position` is entered from `from` (NONE: from outside of the function). */
function enter(position: u32, from: u32): void {
  for (let head = headAround(position); head != NONE; head = headAround(head)) {
    if (from != NONE && from >= head && from < componentEnd(head)) return;
    store<u8>(dispatches + head, 1);
  }
}

/** Orders the region's blocks. */
export function orderBlocks(): void {
  memory.fill(numbers, 0, 1024);
  memory.fill(dispatches, 0, 256);
  stackTop = 0;
  number = 0;
  next = REGION_BLOCKS_MAX;
  for (let block: u32 = 0; block < blockCount; block++) if (isEntry(block) && numberOf(block) == 0) visit(block);
  for (let position = next; position < REGION_BLOCKS_MAX; position++) {
    let around = NONE;
    for (let head = next; head < position; head++) if (componentEnd(head) > position) around = head;
    store<u32>(headsAround + (position << 2), around);
  }
  for (let block: u32 = 0; block < blockCount; block++) {
    const position = positionOf(block);
    if (isEntry(block)) enter(position, NONE);
    for (let which: u32 = 0; which < edgeCount(block); which++) {
      enter(positionOf(edge(block, which)), position);
    }
  }
}
