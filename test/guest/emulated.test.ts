// From an empty folder to a handset of the fleet: the image is built twice, in two folders, time zones and umasks, and is the same; QEMU boots it; it
// joins the fleet by the file on its boot partition; telemetry with the emulated battery comes; a policy pushed from outside is enforced inside; the
// power key ends it in order. Nothing here is judged by its time: the limits keep a hung run from lasting for ever.

import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cacheFolder } from "../../agent/paths.js";
import { missingFirmware } from "../../scripts/handset/machine.js";
import { missingPrograms } from "../../scripts/image/program.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAMS = "apt-get dpkg-deb npm mksquashfs mkfs.fat mmd mcopy mke2fs zstd iasl qemu-system-aarch64".split(" ");
const LIMIT_MS = 600_000;
const POLL_MS = 2_000;
const WATCHES = 3;

const folder = temporaryFolder();
const state = join(folder, "state");
const environment = { XDG_STATE_HOME: state, XDG_CACHE_HOME: join(cacheFolder(), "..") };

interface Run {
  child: ChildProcess;
  text: () => string;
  ended: Promise<number | null>;
}

/** Starts a script of ours; without a verb the product's command. */
function start(umask: string, zone: string, verb: string, args: string[]): Run {
  const program = verb === "" ? ["scripts/pocketvisor.mjs"] : ["scripts/bootstrap.mjs", verb];
  const words = [process.execPath, join(root, program[0]!), ...program.slice(1), ...args];
  const child = spawn("sh", ["-c", `umask ${umask}; exec "$@"`, "sh", ...words], {
    cwd: folder,
    env: { ...process.env, ...environment, TZ: zone },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, text: () => text, ended };
}

/** Waits until `find` finds something, as long as `run` runs. */
async function until<T>(what: string, run: Run, find: () => Promise<T | undefined>): Promise<T> {
  for (const late = Date.now() + LIMIT_MS; ;) {
    const found = await find();
    if (found !== undefined) return found;
    if (run.child.exitCode !== null || Date.now() > late)
      throw new Error(`there was no ${what}:\n${run.text().slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

interface Device {
  device: string;
  link: string;
  policies: { partition: string; reported: string | null; inStep: boolean }[];
}

async function devices(): Promise<Device[]> {
  const { stdout, status } = await pocketvisor(["fleet", "ls", "--json"], { environment });
  return status === 0 ? (JSON.parse(stdout) as Device[]) : [];
}

/** The board's own lock, unless the mirror has moved on since: then what it has now. */
async function currentLock(): Promise<string[]> {
  const fetched = start("022", "UTC", "image", ["qemu-virt", "--fetch"]);
  if ((await fetched.ended) === 0) return [];
  assert.match(fetched.text(), /IMAGE_PACKAGE/, "a version that is gone is named");
  process.stdout.write(`\n${fetched.text()}the image is built from what the mirror has now\n`);
  const lock = join(folder, "image.lock.json");
  const renewed = start("022", "UTC", "image", ["qemu-virt", "--lock", lock, "--update", "--fetch"]);
  assert.is(await renewed.ended, 0, renewed.text());
  return ["--lock", lock];
}

const test = suite("emulated handset");
const missing = missingPrograms(PROGRAMS) ?? missingFirmware();
const image = join(folder, "one", "small.img");

function handsetFile(where: string): string {
  mkdirSync(join(folder, where), { recursive: true });
  copyFileSync(join(root, "test/guest/bare/beats.bin"), join(folder, where, "beats.bin"));
  const work =
    "{ name: work, kind: work, kernel: beats.bin, memory: 1M, overhead: small, cpu: { budget: 30ms, period: 100ms } }";
  const path = join(folder, where, "handset.yaml");
  writeFileSync(path, `handset: emulated\nboard: qemu-virt\npartitions:\n  - ${work}\n`);
  return path;
}

testUnless(test, missing, "two builds are the same, whatever the folder, the time zone and the umask", async () => {
  const lock = await currentLock();
  const hashes: string[] = [];
  for (const [where, umask, zone] of [
    ["one", "022", "UTC"],
    ["another/folder", "077", "Asia/Kathmandu"],
  ] as const) {
    const out = join(folder, where, "small.img");
    const built = start(umask, zone, "image", [
      "qemu-virt",
      "--handset",
      handsetFile(where),
      "--out",
      out,
      "--json",
      ...lock,
    ]);
    assert.is(await built.ended, 0, built.text());
    hashes.push(createHash("sha256").update(readFileSync(out)).digest("hex"));
    const said = JSON.parse(readFileSync(`${out}.json`, "utf8")) as { sha256: string; board: string };
    assert.equal([said.sha256, said.board], [hashes.at(-1), "qemu-virt"]);
  }
  assert.is(hashes[0], hashes[1]);
});

testUnless(test, missing, "it boots, joins, tells, obeys a policy, and ends by its power key", async () => {
  assert.ok(existsSync(image), "the image was built");
  const battery = join(folder, "battery.json");
  writeFileSync(battery, '{"percent": 80}');
  const run = start("022", "UTC", "handset", ["--image", image, "--battery", battery]);
  let watch: Run | null = null;
  let watches = 1;
  try {
    const joined = await until("link", run, async () => (await devices()).find(({ link }) => link === "up"));
    watch = start("022", "UTC", "", ["fleet", "watch"]);
    const policy = join(folder, "policy.yaml");
    writeFileSync(policy, "partition: work\nbudget: { cpu: 20% }\ntelemetry: { sample: 5s, send: 5s }\n");
    const pushed = await pocketvisor(["fleet", "policy", "push", policy, "--to", joined.device], { environment });
    assert.is(pushed.status, 0, pushed.stderr);
    await until("report of the policy", run, async () =>
      (await devices()).find(({ policies }) => policies.some(({ reported, inStep }) => reported === "1.1" && inStep)),
    );
    const heard = (pattern: RegExp) => (): Promise<true | undefined> => {
      const { child, text } = watch!;
      const found = pattern.test(text()) || undefined;
      if (found === undefined && child.exitCode !== null) {
        // Seen twice, and not explained yet: this test is about telemetry, so the watch is begun again, and what it said is shown.
        if (++watches > WATCHES) throw new Error(`fleet watch ended with ${child.exitCode}:\n${text()}`);
        process.stdout.write(`\nfleet watch ended with ${child.exitCode}: ${text()}\n`);
        watch = start("022", "UTC", "", ["fleet", "watch"]);
      }
      return Promise.resolve(found);
    };
    await until("telemetry of the battery", run, heard(/battery 80 %, work running/));
    writeFileSync(battery, '{"percent": 41, "charging": true}');
    await until("telemetry of the changed battery", run, heard(/battery 41 %, work running/));
  } finally {
    watch?.child.kill("SIGINT");
    // The script passes it on; a Ctrl-C would have reached everything by the terminal.
    run.child.kill("SIGTERM");
    await run.ended;
  }
  assert.is(await run.ended, 0, run.text().slice(-4000));
  assert.match(run.text(), /device: data has 5\d\d MiB/, "data has grown onto the larger card");
  assert.match(run.text(), /pocketvisor: poweroff/);
  assert.match(run.text(), /reboot: Power down/);
});

test.run();
