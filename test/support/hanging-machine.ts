// A machine that accepts everything and whose run() never comes back, as a module in a file: WebAssembly core 5, written by hand.

import { CONFIG_RAM_OFFSET } from "../../kernel/abi/layout.js";
import { temporaryFile } from "./temporary.js";

const I32 = 0x7f;
const F64 = 0x7c;
const RAM_OFFSET = 0x10000;
const END = 0x0b;

const TYPES: [parameters: number[], results: number[]][] = [
  [[], []],
  [[I32, I32], []],
  [[I32], []],
  [[], [I32]],
  [[], [F64]],
  [[F64], []],
  [[I32], [I32]],
];

/** Unsigned LEB128, with a zero more so that a signed reader reads the same. */
function number(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x40; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

const constant = (value: number): number[] => [0x41, ...number(value)];
const zero = [0x41, 0];

const FUNCTIONS: [name: string, type: number, body: number[]][] = [
  // i32.store of the offset; then INIT_OK
  ["machineInit", 3, [...constant(CONFIG_RAM_OFFSET), ...constant(RAM_OFFSET), 0x36, 2, 0, ...zero]],
  ["machineReset", 0, []],
  ["machineTick", 0, []],
  ["blockComplete", 1, []],
  ["channelAnswer", 1, []],
  ["channelRaise", 2, []],
  ["runExecuted", 3, zero],
  ["runWork", 3, zero],
  ["machineDeadline", 4, [0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf]], // f64.const -1
  ["machineAdvance", 5, []],
  ["run", 6, [0x03, 0x40, 0x0c, 0, END, 0x00]], // loop br 0 end unreachable
];

const text = (name: string): number[] => [name.length, ...Buffer.from(name)];
const list = (items: number[][]): number[] => [...number(items.length), ...items.flat()];
const section = (id: number, body: number[]): number[] => [id, ...number(body.length), ...body];

/** The path of the module. */
export function hangingMachine(): string {
  const types = TYPES.map(([from, to]) => [0x60, from.length, ...from, to.length, ...to]);
  const imports = [
    [...text("env"), ...text("memory"), 0x02, 0x01, ...number(1), ...number(65536)],
    [...text("host"), ...text("now"), 0x00, 4],
  ];
  const exports = FUNCTIONS.map(([name], n) => [...text(name), 0x00, n + 1]);
  const codes = FUNCTIONS.map(([, , body]) => [...number(body.length + 2), 0, ...body, END]);
  const module = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(2, list(imports)),
    ...section(3, list(FUNCTIONS.map(([, type]) => [type]))),
    ...section(7, list(exports)),
    ...section(10, list(codes)),
  ];
  return temporaryFile(Uint8Array.from(module), "hangs.wasm");
}
