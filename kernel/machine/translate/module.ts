// A WebAssembly module around the functions of a batch: types, imports, and where each function goes in the machine's table
// (core specification 2.0 §5.5). The host sees nothing else of the translator.

import { TYPE_I32, TYPE_I64, W, byte, constant, emitPosition, leb, lebWideAt, op } from "./emitter";
import { writeHints } from "./hints";
import { IMPORT_COUNT, TYPE_FUNCTION, importType } from "./imports";

/** Names in the import section: the functions are A, B, C … of "m" (assist-exports), with the table "t" and the memory "r". */
const MODULE_NAME: u32 = 0x6d;
const TABLE_NAME: u32 = 0x74;
const MEMORY_NAME: u32 = 0x72;

let sectionAt: u32 = 0;

function sectionOpen(id: u32): void {
  byte(id);
  sectionAt = emitPosition();
  for (let i = 0; i < 5; i++) byte(0);
}

function sectionClose(): void {
  lebWideAt(sectionAt, emitPosition() - sectionAt - 5);
}

function functionType(parameters: u32, type: u32): void {
  byte(0x60);
  leb(parameters);
  for (let i: u32 = 0; i < parameters; i++) byte(type);
  leb(1);
  byte(type);
}

/** Everything before the functions' bodies, for `count` functions whose slots lie at `slots`, u32 each. */
export function writeModuleHead(count: u32, slots: usize): void {
  byte(0x00);
  byte(0x61);
  byte(0x73);
  byte(0x6d);
  byte(1);
  byte(0);
  byte(0);
  byte(0);
  sectionOpen(1);
  leb(6);
  functionType(3, TYPE_I32);
  functionType(2, TYPE_I32);
  functionType(4, TYPE_I32);
  functionType(2, TYPE_I64);
  functionType(1, TYPE_I32);
  functionType(0, TYPE_I32);
  sectionClose();
  sectionOpen(2);
  leb(IMPORT_COUNT + 2);
  for (let index: u32 = 0; index < IMPORT_COUNT; index++) {
    importNames(0x41 + index);
    byte(0);
    leb(importType(index));
  }
  importNames(TABLE_NAME);
  byte(1);
  byte(0x70);
  byte(0);
  leb(0);
  importNames(MEMORY_NAME);
  byte(2);
  byte(0);
  leb(1);
  sectionClose();
  sectionOpen(3);
  leb(count);
  for (let i: u32 = 0; i < count; i++) leb(TYPE_FUNCTION);
  sectionClose();
  sectionOpen(9);
  leb(count);
  for (let i: u32 = 0; i < count; i++) {
    leb(0);
    constant(load<u32>(slots + (i << 2)));
    op(W.END);
    leb(1);
    leb(IMPORT_COUNT + i);
  }
  sectionClose();
  sectionOpen(0);
  writeHints(count, IMPORT_COUNT);
  sectionClose();
}

/** A module's name and a field's, one character each: 'A', 'B' … for the functions. */
function importNames(field: u32): void {
  leb(1);
  byte(MODULE_NAME);
  leb(1);
  byte(field);
}
