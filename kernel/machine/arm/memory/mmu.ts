// Translation, and the faults it makes. ARM DDI 0406C B3.5 (short descriptors), B3.7 (access control), B3.13 (fault reporting). Long descriptors
// are walked in long-walk.

import { WORK_WALK, workOfCaches } from "../../devices/work";
import { memoryAt, pageRecord, PAGE_DIRTY, PAGE_WRITTEN, ramOffset } from "../../pages";
import {
  DACR,
  DFAR,
  DFSR,
  IFAR,
  IFSR,
  SCTLR,
  SCTLR_AFE,
  SCTLR_M,
  SCTLR_UWXN,
  SCTLR_WXN,
  TTBCR,
  TTBCR_EAE,
  TTBR0,
  TTBR1,
} from "../cp15-state";
import {
  LONG_PERMISSION,
  longLevel,
  longNeverExecutes,
  longOutput,
  longPermissions,
  longShift,
  longWalk,
} from "./long-walk";
import { tlbFill, tlbFillCode } from "./tlb";

export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_EXECUTE: u32 = 2;

// Fault status, FS[4:0] (table B3-23)
export const FAULT_ALIGNMENT: u32 = 0x01;
const FAULT_TRANSLATION_SECTION: u32 = 0x05;
const FAULT_TRANSLATION_PAGE: u32 = 0x07;
const FAULT_ACCESS_FLAG_SECTION: u32 = 0x03;
const FAULT_ACCESS_FLAG_PAGE: u32 = 0x06;
const FAULT_DOMAIN_SECTION: u32 = 0x09;
const FAULT_DOMAIN_PAGE: u32 = 0x0b;
const FAULT_PERMISSION_SECTION: u32 = 0x0d;
const FAULT_PERMISSION_PAGE: u32 = 0x0f;
const FAULT_WALK_FIRST: u32 = 0x0c;
const FAULT_WALK_SECOND: u32 = 0x0e;
export const FAULT_EXTERNAL: u32 = 0x08;
export const FAULT_DEBUG: u32 = 0x02;
/** With long descriptors: the external abort, and the bit that says which format it is (table B3-24). */
const LONG_EXTERNAL: u32 = 0x10;
const LONG_FORMAT: u32 = 1 << 9;

// Answers of translate(): valid until the next call.
/** Physical address. */
export let physical: u32 = 0;
/** Linear-memory offset, or 0 when the address is no memory (a device, or nothing). */
export let linear: u32 = 0;
/** 0, or the fault status. */
export let fault: u32 = 0;
/** The output address is above 4 GiB, where nothing is: `fault` is FAULT_EXTERNAL, and everything else went well. */
export let isBeyond: bool = false;
/** Domain of the descriptor, for the fault status register. */
let domain: u32 = 0;
/** log2 of the bytes that the last walk found mapped as one. */
let mappedShift: u32 = 0;

/** Permission bits of AP[2:0] for privileged and user accesses: 1 read, 2 write (table B3-8). */
function permissions(ap: u32, isPrivileged: bool): u32 {
  switch (ap) {
    case 1:
      return isPrivileged ? 3 : 0;
    case 2:
      return isPrivileged ? 3 : 1;
    case 3:
      return 3;
    case 5:
      return isPrivileged ? 1 : 0;
    case 6:
    case 7:
      return 1;
    default:
      return 0;
  }
}

/** Translates `address` for an access of the given kind and fills the current TLB context when `fill` is set (an access with the
 *  CPU's own privilege). Sets `fault`, or `physical` and `linear`. */
export function translate(address: u32, access: u32, isPrivileged: bool, fill: bool): void {
  fault = 0;
  isBeyond = false;
  workOfCaches(WORK_WALK);
  const sctlr = load<u32>(SCTLR);
  if (!(sctlr & SCTLR_M)) {
    physical = address;
    linear = memoryAt(address, 1);
    mappedShift = 12;
    if (fill && linear) fillEntry(address, access, 3);
    return;
  }
  const ttbcr = load<u32>(TTBCR);
  if (ttbcr & TTBCR_EAE) {
    translateLong(address, access, isPrivileged, fill);
    return;
  }
  const n = ttbcr & 7;
  let table: u32;
  if (n != 0 && address >>> (32 - n) != 0) {
    if (ttbcr & 0x20) {
      domain = 0;
      fault = FAULT_TRANSLATION_SECTION; // PD1
      return;
    }
    table = load<u32>(TTBR1) & 0xffff_c000;
  } else {
    if (ttbcr & 0x10) {
      domain = 0;
      fault = FAULT_TRANSLATION_SECTION; // PD0
      return;
    }
    table = load<u32>(TTBR0) & (0xffff_ffff << (14 - n));
  }
  const first = memoryAt(table + ((address >>> 20) << 2), 4);
  if (!first) {
    domain = 0;
    fault = FAULT_WALK_FIRST;
    return;
  }
  const descriptor = load<u32>(first);
  const kind = descriptor & 3;
  let ap: u32;
  let neverExecute: bool;
  mappedShift = 12;
  let isPage = false;
  if (kind == 0) {
    domain = 0;
    fault = FAULT_TRANSLATION_SECTION;
    return;
  }
  if (kind == 1) {
    isPage = true;
    domain = (descriptor >>> 5) & 15;
    const second = memoryAt((descriptor & 0xffff_fc00) + (((address >>> 12) & 0xff) << 2), 4);
    if (!second) {
      fault = FAULT_WALK_SECOND;
      return;
    }
    const page = load<u32>(second);
    if ((page & 3) == 0) {
      fault = FAULT_TRANSLATION_PAGE;
      return;
    }
    ap = ((page >>> 4) & 3) | ((page >>> 7) & 4);
    if (page & 2) {
      physical = (page & 0xffff_f000) | (address & 0xfff);
      neverExecute = (page & 1) != 0;
    } else {
      physical = (page & 0xffff_0000) | (address & 0xffff);
      neverExecute = (page & 0x8000) != 0;
      mappedShift = 16;
    }
    if (isPrivileged && descriptor & 4) neverExecute = true; // PXN
  } else {
    mappedShift = descriptor & (1 << 18) ? 24 : 20;
    ap = ((descriptor >>> 10) & 3) | ((descriptor >>> 13) & 4);
    if (descriptor & (1 << 18)) {
      domain = 0; // supersection, B3.5.1
      physical = (descriptor & 0xff00_0000) | (address & 0x00ff_ffff);
    } else {
      domain = (descriptor >>> 5) & 15;
      physical = (descriptor & 0xfff0_0000) | (address & 0x000f_ffff);
    }
    neverExecute = (descriptor & 0x10) != 0 || (isPrivileged && (descriptor & 1) != 0);
  }
  const domainAccess = (load<u32>(DACR) >>> (domain << 1)) & 3;
  if (domainAccess == 0 || domainAccess == 2) {
    fault = isPage ? FAULT_DOMAIN_PAGE : FAULT_DOMAIN_SECTION;
    return;
  }
  let allowed: u32;
  if (domainAccess == 3) {
    allowed = 3; // manager: neither permissions nor XN are checked (B3.7.3)
    neverExecute = false;
  } else {
    if (sctlr & SCTLR_AFE) {
      if (!(ap & 1)) {
        fault = isPage ? FAULT_ACCESS_FLAG_PAGE : FAULT_ACCESS_FLAG_SECTION;
        return;
      }
      // AP[2:1] model, table B3-9: AP[0] is the access flag, permissions are as for AP[0] = 1.
      ap |= 1;
    }
    allowed = permissions(ap, isPrivileged);
    if (!neverExecute) neverExecute = writableNever(sctlr, isPrivileged, allowed, permissions(ap, false));
  }
  if (!permits(access, allowed, neverExecute)) {
    fault = isPage ? FAULT_PERMISSION_PAGE : FAULT_PERMISSION_SECTION;
    return;
  }
  linear = memoryAt(physical, 1);
  if (fill && linear) fillEntry(address, access, allowed);
}

/** The same with long descriptors (B3.6): no domains, and permissions alone decide. */
function translateLong(address: u32, access: u32, isPrivileged: bool, fill: bool): void {
  fault = longWalk(address);
  if (fault) return;
  const allowed = longPermissions(isPrivileged);
  const neverExecute =
    longNeverExecutes(isPrivileged) || writableNever(load<u32>(SCTLR), isPrivileged, allowed, longPermissions(false));
  if (!permits(access, allowed, neverExecute)) {
    fault = LONG_PERMISSION | longLevel;
    return;
  }
  physical = <u32>longOutput;
  mappedShift = longShift;
  if (longOutput >>> 32 != 0) {
    isBeyond = true;
    fault = FAULT_EXTERNAL;
    return;
  }
  linear = memoryAt(physical, 1);
  if (fill && linear) fillEntry(address, access, allowed);
}

/** What may be written must not be executed: WXN, or by PL1 what user mode may write: UWXN (B3.7.2). */
function writableNever(sctlr: u32, isPrivileged: bool, allowed: u32, allowedToUser: u32): bool {
  if (!(sctlr & (SCTLR_WXN | SCTLR_UWXN))) return false;
  if (sctlr & SCTLR_WXN && allowed & 2) return true;
  return (sctlr & SCTLR_UWXN) != 0 && isPrivileged && (allowedToUser & 2) != 0;
}

function permits(access: u32, allowed: u32, neverExecute: bool): bool {
  if (access == ACCESS_EXECUTE) return (allowed & 1) != 0 && !neverExecute;
  return (allowed & (access + 1)) != 0;
}

/** Gives the current context direct access to the page, as far as permissions and page tracking allow. */
function fillEntry(address: u32, access: u32, allowed: u32): void {
  const page = address & 0xffff_f000;
  const at = linear & 0xffff_f000;
  if (access == ACCESS_EXECUTE) {
    tlbFillCode(page, at, mappedShift);
    return;
  }
  let write = false;
  if (allowed & 2 && at >= ramOffset) {
    const record = pageRecord(at);
    const flags = load<u32>(record, 12);
    // A page that was written before will be written again: a load's entry serves that store too.
    if (
      load<u64>(record) == 0 &&
      (access == ACCESS_WRITE || (flags & (PAGE_DIRTY | PAGE_WRITTEN)) == (PAGE_DIRTY | PAGE_WRITTEN))
    ) {
      write = true;
      store<u32>(record, flags | PAGE_DIRTY | PAGE_WRITTEN, 12);
    }
  }
  tlbFill(page, at, (allowed & 1) != 0, write, mappedShift);
}

/** `status` as a fault status register has it: with long descriptors STATUS[5:0] and bit 9, else FS (B3.13.3, B3.13.4). */
export function faultStatus(status: u32): u32 {
  if (!(load<u32>(TTBCR) & TTBCR_EAE)) return (status & 15) | ((status & 16) << 6);
  const external = status == FAULT_EXTERNAL ? LONG_EXTERNAL : status;
  return LONG_FORMAT | (status == FAULT_ALIGNMENT || status == FAULT_DEBUG ? status | 0x20 : external);
}

/** Describes a data abort in DFSR and DFAR (B4.1.52). */
export function dataFault(address: u32, status: u32, isWrite: bool): void {
  store<u32>(DFAR, address);
  const hasDomain = !(load<u32>(TTBCR) & TTBCR_EAE) && faultHasDomain(status);
  store<u32>(DFSR, faultStatus(status) | (hasDomain ? domain << 4 : 0) | (isWrite ? 1 << 11 : 0));
}

/** Describes a prefetch abort in IFSR and IFAR (B4.1.96). */
export function prefetchFault(address: u32, status: u32): void {
  store<u32>(IFAR, address);
  store<u32>(IFSR, faultStatus(status));
}

/** The domain field is valid for faults that came after the first-level descriptor was read (B3.13.3). */
function faultHasDomain(status: u32): bool {
  return (
    status != FAULT_ALIGNMENT &&
    status != FAULT_TRANSLATION_SECTION &&
    status != FAULT_WALK_FIRST &&
    status != FAULT_EXTERNAL
  );
}
