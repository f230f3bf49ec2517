// Runs `node scripts/bootstrap.mjs VERB [ARGS]` on a fresh clone: installs the packages that package-lock.json names if they
// are not there, then hands over to scripts/VERB.ts. Plain JavaScript, because nothing else runs before the packages are there.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** How often it is looked whether npm is still there. */
const PARENT_MS = 500;
const VERBS = [
  "start",
  "test",
  "build",
  "bench",
  "oracle",
  "lint",
  "format",
  "assemble",
  "picture",
  "release",
  "image",
  "handset",
  "flash",
];

/** Installs packages unless node_modules holds what package-lock.json asks for. Ends the process when npm fails. */
export function installPackages() {
  if (packagesMatch()) return;
  const modules = join(root, "node_modules");
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) {
    fail(`node_modules is a link and lacks packages of package-lock.json: run "npm ci" where it points to.`);
  }
  console.error("pocketvisor: installing packages (npm ci) …");
  const started = Date.now();
  const result = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (result.status !== 0) fail(`"npm ci" failed: is the npm registry reachable from here?`);
  console.error(`pocketvisor: packages installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Compares names and versions, not times: a checkout or a copied folder has arbitrary times. */
function packagesMatch() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const present = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(
      ([name, entry]) => name === "" || entry.optional || present[name]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

/** Runs scripts/VERB.ts through tsx and resolves with its exit status. What ends this process ends the script first. */
export function runScript(verb, args) {
  const loader = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
  const script = join(root, "scripts", `${verb}.ts`);
  const child = spawn(process.execPath, ["--import", loader, script, ...args], { stdio: "inherit" });
  // Ctrl-C reaches the child by itself, as it does everything on the terminal; the others are for one process.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // npm starts scripts through a shell, which passes no signal on: when npm was ended, this process has another parent.
  if (process.env["npm_lifecycle_event"] !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || child.kill("SIGHUP"), PARENT_MS).unref();
  }
  return new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("exit", (status, signal) => resolve(status ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

function fail(message) {
  console.error(`pocketvisor: ${message}`);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) fail(`Node.js 20 or newer is needed; this is ${process.versions.node}.`);
  const [verb = "", ...args] = process.argv.slice(2);
  if (!VERBS.includes(verb) || !existsSync(join(root, "scripts", `${verb}.ts`))) {
    fail(
      `unknown verb "${verb}". Verbs: ${VERBS.filter((name) => existsSync(join(root, "scripts", `${name}.ts`))).join(", ")}.`,
    );
  }
  installPackages();
  process.exit(await runScript(verb, args));
}
