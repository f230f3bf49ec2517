// The place that is being translated: block, instruction, and the sites and exits that follow from them.
//
// Globals here live only while one function is written.

import { BLOCK_COUNT, BLOCK_COUNT_MASK, BLOCK_KEY } from "../arm/block-cache";
import { LEFT_SITE, SITE_IT_SHIFT, SITE_PAGE_SHIFT, SITE_REFUND_SHIFT, SITE_THUMB_SHIFT, VERIFIED } from "./assist";
import { pageOfKey } from "./graph";
import { W, access, branchTo, close, constant, op, open, set, TYPE_VOID } from "./emitter";
import { unlikely } from "./hints";
import * as locals from "./locals";

/** Labels of the function's ends: for the site in LEFT_SITE, and for the address in TARGET. */
export let leaveLabel: u32 = 0;
let exitLabel: u32 = 0;
/** Label for branches whose target is in TARGET and may lie in this function. */
export let jumpLabel: u32 = 0;

/** Offset of the block's first instruction in its page; the instruction set. */
export let blockOffset: u32 = 0;
/** Linear-memory offset of its page. */
export let pageBase: u32 = 0;
/** Which of the region's pages it is. */
export let blockPage: u32 = 0;
export let blockKey: u32 = 0;
export let isThumb: bool = false;
export let blockLength: u32 = 0;
/** The record at hand is under a guard. */
export let isGuarded: bool = false;
/** Instructions up to and including the one at hand. */
let done: u32 = 0;
let offset: u32 = 0;

export function placeLabels(leave: u32, exit: u32, jump: u32): void {
  leaveLabel = leave;
  exitLabel = exit;
  jumpLabel = jump;
}

export function placeBlock(block: u32): void {
  const key = load<u32>(block, BLOCK_KEY);
  blockKey = key;
  pageBase = key & 0xffff_f000;
  isThumb = (key & 1) != 0;
  blockPage = pageOfKey(key);
  blockOffset = key & 0xffe;
  blockLength = load<u32>(block, BLOCK_COUNT) & BLOCK_COUNT_MASK;
  done = 0;
  offset = 0x100;
}

/** The record at `ip` is next, under a guard or not. Records of one instruction have one offset. */
export function placeRecord(ip: u32, guarded: bool): void {
  isGuarded = guarded;
  const own = <u32>load<u8>(ip, 7);
  if (own != offset) {
    offset = own;
    done++;
  }
}

/** Offset in the page of the instruction at `ip`. */
// @ts-ignore: decorator
@inline
export function offsetOf(ip: u32): u32 {
  return blockOffset + ((<u32>load<u8>(ip, 7)) << 1);
}

/** Instructions of the block behind the one at hand. */
export function refundAt(): u32 {
  return blockLength - done;
}

/** The site of the instruction at `ip`, at hand. */
export function siteOf(ip: u32): u32 {
  return siteAt(offsetOf(ip), load<u8>(ip, 6), blockLength - done + 1);
}

function siteAt(at: u32, it: u32, refund: u32): u32 {
  const page = (blockPage << SITE_PAGE_SHIFT) | ((isThumb ? 1 : 0) << SITE_THUMB_SHIFT);
  return at | (refund << SITE_REFUND_SHIFT) | (it << SITE_IT_SHIFT) | page;
}

/** Leaves before the instruction at `ip` is begun: the interpreter goes on with it. */
export function stand(ip: u32): void {
  leave(siteOf(ip));
}

/** Leaves before the block, whose instructions were charged. */
export function standAtBlock(): void {
  leave(siteAt(blockOffset, 0, blockLength));
}

/** Leaves at the offset `at` of the page with ITSTATE, all instructions being done. */
export function standAt(at: u32, it: u32): void {
  leave(siteAt(at, it, 0));
}

function leave(site: u32): void {
  constant(0);
  constant(site);
  access(W.I32_STORE, <u32>LEFT_SITE);
  branchTo(W.BR, leaveLabel);
}

/** Leaves before the instruction at `ip` when a condition, on the stack, holds. */
export function standIf(ip: u32): void {
  unlikely();
  open(W.IF, TYPE_VOID);
  stand(ip);
  close();
}

/** Where the virtual address of page `which` of the region is. */
export function verifiedAt(which: u32): u32 {
  return <u32>VERIFIED + (which << 3);
}

/** Pushes the virtual address of `at`, counted from the page's start. */
export function pushAddress(at: u32): void {
  locals.loadWord(verifiedAt(blockPage));
  if (at) {
    constant(at);
    op(W.I32_ADD);
  }
}

/** Goes to the virtual address `at` from the page's start, in another function. */
export function exitTo(at: u32, thumb: bool): void {
  pushAddress(at | (thumb ? 1 : 0));
  set(locals.TARGET);
  branchTo(W.BR, exitLabel);
}
