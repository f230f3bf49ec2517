// `run --translate=verify` on a machine whose translated code is wrong: found, told with both states, and status 9.
//
// The machine is the product's but for two names in its export section: what translated code asks for the place of an access is what reads
// a system register, and the other way round. The interpreter calls neither by these names.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildProduct } from "../../agent/paths.js";
import { guestPath, recordedOutput } from "./architecture/oracle.js";
import { temporaryFolder } from "../support/temporary.js";

const PLACE = "translatedA"; // assistPlace
const SYSTEM_READ = "translatedI"; // assistSystemRead
const LIMIT_MS = 120_000;
const PRODUCTS = ["pocketvisor.mjs", "handset-worker.mjs", "machine.wasm", "hypervisor.wasm"];

/** The product in a folder of its own, its machine changed by `doctor`. Runs a guest there. */
function runDoctored(doctor: (machine: Buffer) => void, ...args: string[]): ReturnType<typeof spawnSync> {
  const build = join(temporaryFolder(), "build");
  mkdirSync(build);
  for (const name of PRODUCTS) copyFileSync(buildProduct(name), join(build, name));
  const path = join(build, "machine.wasm");
  const machine = readFileSync(path);
  doctor(machine);
  writeFileSync(path, machine);
  const command = [join(build, "pocketvisor.mjs"), "run", "--kernel", guestPath("mmu", "bin"), ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8", timeout: LIMIT_MS, input: "" });
}

function swapNames(machine: Buffer): void {
  const [place, systemRead] = [machine.indexOf(PLACE), machine.indexOf(SYSTEM_READ)];
  assert.ok(place > 0 && systemRead > 0, "the export section has both");
  machine.write(SYSTEM_READ, place, "latin1");
  machine.write(PLACE, systemRead, "latin1");
}

const diverge = suite("run --translate=verify, diverging");

diverge("a wrong translation ends the run with status 9 and both machines' registers", () => {
  const { status, stderr } = runDoctored(swapNames, "--translate=verify");
  assert.is(status, 9, String(stderr));
  assert.match(String(stderr), /translated code does not do what interpreted code does/);
  assert.match(String(stderr), /interpreted and translated code disagree after \d+ instructions/);
  assert.match(
    String(stderr),
    /\n\* (r\d+|pc|\[0x[0-9a-f]{8}\]) +0x[0-9a-f]{8} +0x[0-9a-f]{8}/,
    "what differs is marked",
  );
});

diverge("the same machine interprets as ever, and undoctored it diverges nowhere", () => {
  for (const [doctor, ...args] of [[swapNames], [() => undefined, "--translate=verify"]] as const) {
    const { status, stdout, stderr } = runDoctored(doctor, ...args);
    assert.is(status, 0, String(stderr));
    assert.fixture(String(stdout).replaceAll("\r", ""), recordedOutput("mmu"));
  }
});

diverge.run();
