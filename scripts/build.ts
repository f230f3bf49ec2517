// npm run build: build/machine.wasm and build/hypervisor.wasm from kernel/, and the command line and its workers as single files.

import { writeDecodeTable } from "./instructions.ts";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { boardSchema } from "../agent/handset/board.ts";
import { handsetSchema } from "../agent/handset/keys.ts";
import { policySchema } from "../fleet/policy/schema.ts";
import { HYPERVISOR_STATIC_BASE, HYPERVISOR_STATIC_END } from "../kernel/abi/hypervisor.ts";
import { STATIC_BASE, STATIC_DATA_END } from "../kernel/abi/layout.ts";
import { writeNotices } from "./notices.ts";
import { isStale, NEEDED, root } from "./stale.mjs";
import { wasmStaticDataEnd } from "./wasm-sections.ts";

const HELP = `usage: npm run build -- [--debug] [--force] [--quiet]
  --debug   also builds build/*.debug.wasm, with names, assertions and a source map
  --force   builds what is up to date too
  --quiet   prints only what is built or wrong`;

/** A WebAssembly module of kernel/. */
interface KernelModule {
  name: "machine" | "hypervisor";
  config: string;
  /** The promise in SPECIFICATION.md. */
  bytesMax: number;
  /** The window that the layout gives to static data, and the file that says so. */
  staticBase: number;
  staticEnd: number;
  layout: string;
}
const KERNEL: KernelModule[] = [
  {
    name: "machine",
    config: "asconfig.json",
    bytesMax: 262_144,
    staticBase: STATIC_BASE,
    staticEnd: STATIC_DATA_END,
    layout: "kernel/abi/layout.ts",
  },
  {
    name: "hypervisor",
    config: "asconfig.hypervisor.json",
    bytesMax: 20_480,
    staticBase: HYPERVISOR_STATIC_BASE,
    staticEnd: HYPERVISOR_STATIC_END,
    layout: "kernel/abi/hypervisor.ts",
  },
];
/** The promise of SPECIFICATION.md for the agent's bundle. */
const AGENT_BYTES_MAX = 1_000_000;
/** Libraries in CommonJS ask for Node's modules by require(). */
const REQUIRE =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';
/** Bundles for Node, and where each begins. */
const HOST: Record<string, string> = {
  "build/pocketvisor.mjs": "agent/cli/index.ts",
  "build/handset-worker.mjs": "agent/host/worker/handset-worker.ts",
  "build/io-worker.mjs": "agent/host/disk/worker.ts",
  "build/network-worker.mjs": "agent/host/network/worker.ts",
  "build/shell-worker.mjs": "agent/shell/shell-worker.ts",
  "build/script-worker.mjs": "agent/shell/script-worker.ts",
  "build/device.mjs": "agent/device/main.ts",
  "build/fleet.mjs": "fleet/cli/main.ts",
  "build/sim-worker.mjs": "fleet/sim/worker.ts",
};
const AGENT = "agent/daemon/main.ts";
/** What runs inside QuickJS, and where each begins. */
const PROGRAMS: Record<string, string> = {
  "build/gate-program.js": "agent/shell/gate-program.ts",
  "build/verify-program.js": "agent/shell/verify-program.ts",
};
const NOTICES = "build/NOTICES.txt";
/** How everything that runs in Node is bundled. */
const NODE_BUNDLE = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "linked",
  legalComments: "none",
  banner: { js: REQUIRE },
  logLevel: "warning",
} as const;

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
for (const module of KERNEL) {
  compileKernel(module, "release", `build/${module.name}.wasm`);
  if (args.includes("--debug")) compileKernel(module, "debug", `build/${module.name}.debug.wasm`);
  checkKernel(module);
}
await bundleHost();
await bundleAgent();
await bundlePrograms();
await collectNotices();
writeSchemas();
await writeManPage();
writeManifest();

function compileKernel({ name, config }: KernelModule, target: string, product: string): void {
  if (!force && !isStale(product)) return;
  const started = Date.now();
  console.error(`build: ${product} …`);
  const compiler = join(root, "node_modules/assemblyscript/bin/asc.js");
  const options = ["--config", config, "--target", target];
  const result = spawnSync(process.execPath, [compiler, ...options], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) fail(`the AssemblyScript compiler refused kernel/${name} (target ${target})`);
  console.error(`build: ${product} in ${seconds(started)}`);
}

/** A module must fit its promise, and its static data must lie inside the window that the layout gives it. */
function checkKernel({ name, bytesMax, staticBase, staticEnd, layout }: KernelModule): void {
  const product = `build/${name}.wasm`;
  const bytes = readFileSync(join(root, product));
  const end = wasmStaticDataEnd(bytes);
  if (end > staticEnd) {
    fail(`static data of ${product} ends at 0x${end.toString(16)}, above 0x${staticEnd.toString(16)} (${layout})`);
  }
  if (bytes.length > bytesMax) fail(`${product} has ${bytes.length} bytes, more than ${bytesMax}`);
  if (quiet) return;
  const used = Math.max(0, end - staticBase);
  console.error(
    `build: ${product}: ${bytes.length} bytes of ${bytesMax}, static data ${used} of ${staticEnd - staticBase}`,
  );
}

async function bundleHost(): Promise<void> {
  const stale = Object.entries(HOST).filter(([product]) => force || isStale(product));
  for (const [product, entry] of stale) {
    await bundle({
      entryPoints: [join(root, entry)],
      outfile: join(root, product),
      ...NODE_BUNDLE,
    });
    if (!quiet) console.error(`build: ${product}: ${statSync(join(root, product)).size} bytes`);
  }
}

/** The agent's process runs on every phone all the time: it is small, or it is not built. */
async function bundleAgent(): Promise<void> {
  const product = "build/agent.mjs";
  if (!force && !isStale(product)) return;
  await bundle({
    entryPoints: [join(root, AGENT)],
    outfile: join(root, product),
    ...NODE_BUNDLE,
    minify: true,
  });
  const { size } = statSync(join(root, product));
  if (size > AGENT_BYTES_MAX) {
    rmSync(join(root, product));
    fail(`${product} would have ${size} bytes, more than ${AGENT_BYTES_MAX}`);
  }
  if (!quiet) console.error(`build: ${product}: ${size} bytes of ${AGENT_BYTES_MAX}`);
}

/** The programs that run inside QuickJS: each one script, nothing of Node's. */
async function bundlePrograms(): Promise<void> {
  const stale = Object.entries(PROGRAMS).filter(([product]) => force || isStale(product));
  for (const [product, entry] of stale) {
    await bundle({
      entryPoints: [join(root, entry)],
      outfile: join(root, product),
      bundle: true,
      // Where tweetnacl asks for Node's crypto, for random numbers, it finds nothing: verifying takes none.
      platform: "browser",
      format: "iife",
      target: "es2020",
      legalComments: "none",
      logLevel: "warning",
    });
    if (!quiet) console.error(`build: ${product}: ${statSync(join(root, product)).size} bytes`);
  }
}

/** The licences of what the bundles hold. */
async function collectNotices(): Promise<void> {
  if (!force && !isStale(NOTICES)) return;
  const entries = [...Object.values(HOST), AGENT, ...Object.values(PROGRAMS)];
  const count = await writeNotices(entries, { ...NODE_BUNDLE, sourcemap: false }, NOTICES);
  if (!quiet) console.error(`build: ${NOTICES}: ${count} packages`);
}

/** The manual page. What it is made from is loaded only when it is. */
async function writeManPage(): Promise<void> {
  const product = "build/pocketvisor.1";
  if (!force && !isStale(product)) return;
  const { manPage } = await import("./man-page.ts");
  const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<
    string,
    string
  >;
  writeFileSync(join(root, product), manPage(version!, description!));
  if (!quiet) console.error(`build: ${product}`);
}

/** JSON Schemas for editors, from what reads the files. A schema of another kind of file is one more line. */
function writeSchemas(): void {
  mkdirSync(join(root, "build/schemas"), { recursive: true });
  const schemas = { handset: handsetSchema(), board: boardSchema(), policy: policySchema() };
  for (const [name, schema] of Object.entries(schemas))
    writeFileSync(join(root, `build/schemas/${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}

/** build/manifest.json: which products belong together, for `pocketvisor doctor`. */
function writeManifest(): void {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const products = NEEDED.map((product) => {
    const bytes = readFileSync(join(root, product));
    return { name: product, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  writeFileSync(join(root, "build/manifest.json"), `${JSON.stringify({ version, products }, null, 2)}\n`);
}

function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`;
}

function fail(message: string): never {
  console.error(`build: ${message}`);
  process.exit(1);
}
