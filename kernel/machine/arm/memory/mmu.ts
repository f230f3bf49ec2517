// Translation with short descriptors, and the faults it makes. ARM DDI 0406C B3.5, B3.7, B3.13.

import { WORK_WALK, workOfCaches } from "../../devices/work";
import { memoryAt, pageRecord, PAGE_DIRTY, PAGE_WRITTEN, ramOffset } from "../../pages";
import { DACR, DFAR, DFSR, IFAR, IFSR, SCTLR, SCTLR_AFE, SCTLR_M, TTBCR, TTBR0, TTBR1 } from "../cp15-state";
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

// Answers of translate(): valid until the next call.
/** Physical address. */
export let physical: u32 = 0;
/** Linear-memory offset, or 0 when the address is no memory (a device, or nothing). */
export let linear: u32 = 0;
/** 0, or the fault status. */
export let fault: u32 = 0;
/** Domain of the descriptor, for the fault status register. */
let domain: u32 = 0;

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
  workOfCaches(WORK_WALK);
  const sctlr = load<u32>(SCTLR);
  if (!(sctlr & SCTLR_M)) {
    physical = address;
    linear = memoryAt(address, 1);
    if (fill && linear) fillEntry(address, access, 3, false);
    return;
  }
  const ttbcr = load<u32>(TTBCR);
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
  let large = false;
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
      large = true;
    }
    if (isPrivileged && descriptor & 4) neverExecute = true; // PXN
  } else {
    large = true;
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
  }
  const executable = (allowed & 1) != 0 && !neverExecute;
  if (access == ACCESS_EXECUTE ? !executable : !(allowed & (access + 1))) {
    fault = isPage ? FAULT_PERMISSION_PAGE : FAULT_PERMISSION_SECTION;
    return;
  }
  linear = memoryAt(physical, 1);
  if (fill && linear) fillEntry(address, access, allowed, large);
}

/** Gives the current context direct access to the page, as far as permissions and page tracking allow. */
function fillEntry(address: u32, access: u32, allowed: u32, large: bool): void {
  const page = address & 0xffff_f000;
  const at = linear & 0xffff_f000;
  if (access == ACCESS_EXECUTE) {
    tlbFillCode(page, at, large);
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
  tlbFill(page, at, (allowed & 1) != 0, write, large);
}

/** Describes a data abort in DFSR and DFAR (B4.1.52). */
export function dataFault(address: u32, status: u32, isWrite: bool): void {
  store<u32>(DFAR, address);
  store<u32>(
    DFSR,
    (status & 15) | ((status & 16) << 6) | (faultHasDomain(status) ? domain << 4 : 0) | (isWrite ? 1 << 11 : 0),
  );
}

/** Describes a prefetch abort in IFSR and IFAR (B4.1.96). */
export function prefetchFault(address: u32, status: u32): void {
  store<u32>(IFAR, address);
  store<u32>(IFSR, (status & 15) | ((status & 16) << 6));
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
