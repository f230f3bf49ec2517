// npm run build: build/machine.wasm from kernel/machine, and the command line and its workers as single files.

import { writeDecodeTable } from "./instructions.ts";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { STATIC_BASE, STATIC_END } from "../kernel/abi/layout.ts";
import { isStale, root } from "./stale.mjs";
import { wasmStaticDataEnd } from "./wasm-sections.ts";

const HELP = `usage: npm run build -- [--debug] [--force] [--quiet]
  --debug   also builds build/machine.debug.wasm, with names, assertions and a source map
  --force   builds what is up to date too
  --quiet   prints only what is built or wrong`;

/** The promise in SPECIFICATION.md. */
const MACHINE_BYTES_MAX = 262_144;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}
const unknown = args.find((arg) => !["--debug", "--force", "--quiet"].includes(arg));
if (unknown !== undefined) fail(`unknown option "${unknown}"\n${HELP}`);
const force = args.includes("--force");
const quiet = args.includes("--quiet");

mkdirSync(join(root, "build"), { recursive: true });
writeDecodeTable();
compileKernel("release", "build/machine.wasm");
if (args.includes("--debug")) compileKernel("debug", "build/machine.debug.wasm");
checkMachine("build/machine.wasm");
await bundleAgent();

function compileKernel(target: string, product: string): void {
  if (!force && !isStale(product)) return;
  const started = Date.now();
  console.error(`build: ${product} …`);
  const compiler = join(root, "node_modules/assemblyscript/bin/asc.js");
  const result = spawnSync(process.execPath, [compiler, "--target", target], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) fail(`the AssemblyScript compiler refused kernel/machine (target ${target})`);
  console.error(`build: ${product} in ${seconds(started)}`);
}

/** The machine must fit its promise, and its static data must lie inside the window that the layout gives it. */
function checkMachine(product: string): void {
  const bytes = readFileSync(join(root, product));
  const end = wasmStaticDataEnd(bytes);
  if (end > STATIC_END) {
    fail(
      `static data of ${product} ends at 0x${end.toString(16)}, above STATIC_END 0x${STATIC_END.toString(16)} (kernel/abi/layout.ts)`,
    );
  }
  if (bytes.length > MACHINE_BYTES_MAX) fail(`${product} has ${bytes.length} bytes, more than ${MACHINE_BYTES_MAX}`);
  if (quiet) return;
  const used = Math.max(0, end - STATIC_BASE);
  console.error(
    `build: ${product}: ${bytes.length} bytes of ${MACHINE_BYTES_MAX}, static data ${used} of ${STATIC_END - STATIC_BASE}`,
  );
}

async function bundleAgent(): Promise<void> {
  const entries = {
    "build/pocketvisor.mjs": "agent/cli/index.ts",
    "build/kernel-worker.mjs": "agent/host/kernel-worker.ts",
    "build/io-worker.mjs": "agent/host/io-worker.ts",
  };
  const stale = Object.entries(entries).filter(([product]) => force || isStale(product as keyof typeof entries));
  for (const [product, entry] of stale) {
    await bundle({
      entryPoints: [join(root, entry)],
      outfile: join(root, product),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "linked",
      legalComments: "none",
      logLevel: "warning",
    });
    if (!quiet) console.error(`build: ${product}: ${statSync(join(root, product)).size} bytes`);
  }
}

function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

function fail(message: string): never {
  console.error(`build: ${message}`);
  process.exit(1);
}
