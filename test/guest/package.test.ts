// The package as its users get it: packed, installed into an empty prefix without any script or other package, and used from elsewhere.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cacheFolder } from "../../agent/paths.js";
import { missingGuest } from "../support/linux.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = temporaryFolder();
const prefix = join(folder, "prefix");
const home = join(folder, "home");

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function run(command: string, args: string[], cwd: string, input = ""): Ran {
  // The shell's own variables of npm would lead it back to this checkout.
  const clean = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|XDG_)/.test(name));
  const environment = { ...Object.fromEntries(clean), HOME: home, XDG_CACHE_HOME: join(cacheFolder(), "..") };
  return spawnSync(command, args, { cwd, input, encoding: "utf8", env: environment, timeout: 240_000 });
}

/** The installed command, started where no checkout is. */
function installed(args: string[], input = ""): Ran {
  return run(join(prefix, "bin/pocketvisor"), args, home, input);
}

const packed = suite("package");

packed.before(() => {
  mkdirSync(home);
  const pack = run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], root);
  assert.is(pack.status, 0, pack.stderr);
  const file = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  // Offline: it needs nothing but itself.
  const options = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", prefix];
  const install = run("npm", ["install", "--global", ...options, join(folder, file)], home);
  assert.is(install.status, 0, install.stderr);
});

packed("it brings no other package, and no source to build", () => {
  const lib = join(prefix, "lib/node_modules");
  assert.equal(
    readdirSync(lib).filter((name) => !name.startsWith(".")),
    ["pocketvisor"],
  );
  const own = join(lib, "pocketvisor");
  assert.not(existsSync(join(own, "node_modules")));
  assert.not(existsSync(join(own, "agent")));
  assert.match(readFileSync(join(own, "build/NOTICES.txt"), "utf8"), /^ {2}cbor-x [0-9.]+: MIT$/m);
});

packed("it knows its version, its parts and its data", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  assert.is(installed(["--version"]).stdout, `${version}\n`);
  const doctor = installed(["doctor"]);
  assert.is(doctor.status, 0, doctor.stdout);
  assert.match(installed(["guest", "ls"]).stdout, /^linux-rt /m);
  assert.is(installed(["fleet", "--help"]).status, 0);
  assert.is(installed(["up", "--new"]).status, 0);
  const handset = readFileSync(join(home, "handset.yaml"), "utf8");
  const schema = /\$schema=(file:.*)\n/.exec(handset)![1]!;
  assert.is((JSON.parse(readFileSync(new URL(schema), "utf8")) as { title: string }).title, "Pocketvisor handset");
});

testUnless(packed, missingGuest(), "it boots Linux", () => {
  const { status, stdout, stderr } = installed(["run", "linux", "--timeout", "200"], "uname -m\npoweroff\n");
  assert.is(status, 0, stderr);
  assert.match(stdout, /^armv7l\r?$/m);
});

testUnless(packed, missingGuest(), "it boots a handset", () => {
  const { status, stdout, stderr } = installed(["up", "--until", "ready", "--json"]);
  assert.is(status, 0, stderr);
  const { partitions } = JSON.parse(stdout) as { partitions: { bootMs: number | null }[] };
  assert.ok(partitions.length === 2 && partitions.every(({ bootMs }) => bootMs !== null));
});

packed.run();
