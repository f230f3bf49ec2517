// VFP batches through our own arithmetic, compiled on its own: the whole machine is not needed for it.

import { VFP_STATE } from "../../kernel/abi/layout.js";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RESULT_BYTES, VECTOR_BYTES, VECTOR_REGISTERS, type VfpBatch } from "./vfp-vectors.js";

export interface VfpMachine {
  memory: WebAssembly.Memory;
  dataProcessing(word: number): number;
  registerTransfer(word: number, privileged: number): number;
  needsEnable(word: number): number;
  reset(): void;
}

/** Instantiates kernel/machine/arm/float/vfp.ts compiled alone: from build/ when it is newer than its sources, else compiled. */
export async function vfpMachine(): Promise<VfpMachine> {
  const memory = new WebAssembly.Memory({ initial: 3 });
  const { instance } = await WebAssembly.instantiate(await vfpModule(), { env: { memory } });
  const exported = instance.exports as Record<string, (...values: number[]) => number>;
  const get = (name: string) => exported[name] as (...values: number[]) => number;
  return {
    memory,
    dataProcessing: get("vfpDataProcessing"),
    registerTransfer: get("vfpRegisterTransfer"),
    needsEnable: get("vfpNeedsEnable"),
    reset: get("vfpReset"),
  };
}

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SOURCES = join(HERE, "../../kernel/machine/arm/float");
const CACHE = join(HERE, "../../build/vfp.wasm");

async function vfpModule(): Promise<Uint8Array<ArrayBuffer>> {
  const sources = readdirSync(SOURCES).filter((name) => /^(vfp|float).*\.ts$/.test(name));
  const newest = Math.max(...sources.map((name) => statSync(join(SOURCES, name)).mtimeMs));
  const cached = statSync(CACHE, { throwIfNoEntry: false });
  if (cached && cached.mtimeMs > newest) return readFileSync(CACHE) as Uint8Array<ArrayBuffer>;
  const binary = await compile();
  // Two tests may compile at a time: whoever renames last wins, with the same bytes.
  const own = `${CACHE}.${process.pid}`;
  mkdirSync(dirname(CACHE), { recursive: true });
  writeFileSync(own, binary);
  renameSync(own, CACHE);
  return binary;
}

/** What is used of the compiler's interface. Its own types would declare AssemblyScript's globals, such as another `console`, for
 *  every file of the project, so the import hides its name from TypeScript. */
interface Compiler {
  main(
    options: string[],
    system: { writeFile(name: string, contents: string | Uint8Array): void },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}
const COMPILER: string = "assemblyscript/asc";

async function compile(): Promise<Uint8Array<ArrayBuffer>> {
  const { default: asc } = (await import(COMPILER)) as { default: Compiler };
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const options = ["--baseDir", HERE, "--config", "asconfig.json", "--outFile", "vfp.wasm"];
  const { error, stderr } = await asc.main(options, {
    writeFile: (_name, contents) => {
      binary = contents as Uint8Array<ArrayBuffer>;
    },
  });
  if (error || !binary) throw new Error(`asc: ${error?.message ?? "no output"}\n${stderr.toString()}`);
  return binary;
}

/** Results of a batch, laid out as the oracle's. */
export function vfpRun(machine: VfpMachine, batch: VfpBatch): Uint8Array {
  const state = new Uint8Array(machine.memory.buffer);
  const view = new DataView(machine.memory.buffer);
  const results = new Uint8Array(batch.count * RESULT_BYTES);
  const out = new DataView(results.buffer);
  const input = new DataView(batch.vectors.buffer, batch.vectors.byteOffset);
  const registerBytes = 8 * VECTOR_REGISTERS;
  for (let i = 0; i < batch.count; i++) {
    const from = i * VECTOR_BYTES;
    const to = i * RESULT_BYTES;
    view.setUint32(VFP_STATE + 256, input.getUint32(from, true), true);
    state.set(batch.vectors.subarray(from + 4, from + 4 + registerBytes), VFP_STATE);
    const defined = machine.dataProcessing(batch.word);
    results.set(state.subarray(VFP_STATE, VFP_STATE + registerBytes), to);
    out.setUint32(to + registerBytes, view.getUint32(VFP_STATE + 256, true), true);
    out.setUint32(to + registerBytes + 4, defined ? 0 : 1, true);
  }
  return results;
}
