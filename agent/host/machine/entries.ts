// A machine's entries as functions of JavaScript. The hypervisor's table takes WebAssembly functions alone; a module that exports what it
// imports makes one out of any function. Machines that nobody looks into are called directly: this is for those that a debugger, a
// profile or a comparison stands in front of.

import type { MachineEntries } from "./machine.ts";

const I32 = 0x7f;
const F64 = 0x7c;

/** Name, parameters and results of each entry. */
const ENTRIES: [name: keyof MachineEntries, parameters: number[], results: number[]][] = [
  ["run", [I32], [I32]],
  ["runExecuted", [], [I32]],
  ["runWork", [], [I32]],
  ["machineDeadline", [], [F64]],
  ["machineAdvance", [F64], []],
];
const FROM = "m";

let compiled: WebAssembly.Module | null = null;

/** WebAssembly functions that call `functions`. */
export function wasmEntries(functions: MachineEntries): MachineEntries {
  compiled ??= new WebAssembly.Module(moduleBytes());
  const instance = new WebAssembly.Instance(compiled, { [FROM]: { ...functions } });
  return instance.exports as unknown as MachineEntries;
}

/** WebAssembly Core 1.0 §5.5: a type, an import and an export section, nothing else. Every count and length is below 128. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const list = (items: number[][]): number[] => [items.length, ...items.flat()];
  const text = (name: string): number[] => [name.length, ...Buffer.from(name, "latin1")];
  const section = (id: number, items: number[][]): number[] => [id, list(items).length, ...list(items)];
  const types = ENTRIES.map(([, from, to]) => [0x60, from.length, ...from, to.length, ...to]);
  const imports = ENTRIES.map(([name], type) => [...text(FROM), ...text(name), 0x00, type]);
  const exports = ENTRIES.map(([name], index) => [...text(name), 0x00, index]);
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, types),
    ...section(2, imports),
    ...section(7, exports),
  ]);
}
