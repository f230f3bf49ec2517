// Runs `node scripts/bootstrap.mjs VERB [ARGS]` on a fresh clone: installs the packages that package-lock.json names if they
// are not there, then hands over to scripts/VERB.ts. Plain JavaScript, because nothing else runs before the packages are there.

import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const VERBS = ["start", "test", "build", "bench", "oracle", "lint", "format", "assemble"];

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

/** Runs scripts/VERB.ts through tsx and returns its exit status. */
export function runScript(verb, args) {
  const loader = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
  const result = spawnSync(process.execPath, ["--import", loader, join(root, "scripts", `${verb}.ts`), ...args], {
    stdio: "inherit",
  });
  return result.status ?? 1;
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
  // Ctrl-C belongs to the child, which restores the terminal; this process only waits.
  process.on("SIGINT", () => {});
  process.exit(runScript(verb, args));
}
