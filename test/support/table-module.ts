// Tables of WebAssembly take WebAssembly functions only. This module imports a machine's five functions and exports them again,
// which makes them some, so that a test can write its machines in TypeScript.

/** What the hypervisor calls of a machine. */
export interface GuestMachine {
  /** Executes at most `fuel` instructions; RUN_*. */
  run(fuel: number): number;
  /** Units of the last run(), instructions and device work. */
  runExecuted(): number;
  /** The device work among them; a guest without this has none. */
  runWork?(): number;
  /** Ticks to the next timer, 0 for an interrupt that is signalled, -1 for none. */
  machineDeadline(): number;
  machineAdvance(ticks: number): void;
}

type WasmFunction = (...args: never[]) => unknown;
export type TableFunctions = Required<Record<keyof GuestMachine, WasmFunction>>;

const I32 = 0x7f;
const F64 = 0x7c;
const TYPES: [parameters: number[], results: number[]][] = [
  [[I32], [I32]],
  [[], [I32]],
  [[], [F64]],
  [[F64], []],
  [[], [I32]],
];
const NAMES: (keyof GuestMachine)[] = ["run", "runExecuted", "machineDeadline", "machineAdvance", "runWork"];

/** WebAssembly core 5.5: type, import and export section of a module with one function of each type. */
function encode(): Uint8Array {
  const text = (name: string): number[] => [name.length, ...Buffer.from(name)];
  const section = (id: number, items: number[][]): number[] => {
    const body = [items.length, ...items.flat()];
    return [id, body.length, ...body];
  };
  const types = TYPES.map(([parameters, results]) => [
    0x60,
    parameters.length,
    ...parameters,
    results.length,
    ...results,
  ]);
  const imports = NAMES.map((name, type) => [...text("m"), ...text(name), 0x00, type]);
  const exports = NAMES.map((name, index) => [...text(name), 0x00, index]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, imports),
    ...section(7, exports),
  ]);
}

let compiled: WebAssembly.Module | undefined;

/** The machine's functions, fit for a table. */
export function functionsOf(machine: GuestMachine): TableFunctions {
  const imports = Object.fromEntries(
    NAMES.map((name) => [
      name,
      (...args: number[]) => (machine[name] as ((...a: number[]) => unknown) | undefined)?.call(machine, ...args) ?? 0,
    ]),
  );
  compiled ??= new WebAssembly.Module(encode());
  return new WebAssembly.Instance(compiled, { m: imports }).exports as unknown as TableFunctions;
}
