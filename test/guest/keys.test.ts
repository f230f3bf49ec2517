// The `run` command around a bare-metal guest of 368 bytes (bare/keys.S): console both ways, exit codes, signals.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { programPath } from "../../agent/paths.js";
import { ASSEMBLER, assembleFlat } from "../../scripts/assembler.js";
import { pocketvisor, statsFile } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFile } from "../support/temporary.js";

const bare = (name: string): string => fileURLToPath(new URL(`bare/${name}`, import.meta.url));
const KEYS = ["run", "--kernel", bare("keys.bin"), "--memory", "1M", "--timeout", "60"];

const noBinutils = programPath(ASSEMBLER) === null ? `no ${ASSEMBLER} here` : null;
const keys = suite("keys");

testUnless(keys, noBinutils, "the recorded binaries are what their sources assemble to", () => {
  for (const name of ["keys", "resets"]) {
    assert.ok(
      assembleFlat(bare(`${name}.S`)).equals(readFileSync(bare(`${name}.bin`))),
      `run: npm run assemble (${name})`,
    );
  }
});

keys("power-off ends with 0; input is echoed byte for byte, and its end does not end the guest", async () => {
  const bytes = Array.from({ length: 4000 }, (_, n) => String.fromCharCode(0x20 + ((n * 37) % 0x40))).join("");
  const result = await pocketvisor(KEYS, { input: `${bytes}q` });
  assert.is(result.status, 0, result.stderr);
  assert.is(result.stdout, `ready\n${bytes}`);
  const idle = await pocketvisor([...KEYS.slice(0, -1), "1"], { input: "i" });
  assert.is(idle.status, 6);
});

keys("a guest that writes more than any ring holds loses nothing", async () => {
  const result = await pocketvisor(KEYS, { input: "lq" });
  assert.is(result.status, 0, result.stderr);
  assert.is(
    result.stdout,
    "ready\n" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n".repeat(20_000),
  );
});

keys("a spinning guest and a sleeping one both end at --timeout with 6", async () => {
  for (const input of ["s", "i"]) {
    const result = await pocketvisor([...KEYS.slice(0, -1), "0.5"], { input, keepInput: true });
    assert.is(result.status, 6);
    assert.match(result.stderr, /time-out elapsed \(0\.5 s\)/);
  }
});

keys("counters for people go to standard error, and are no JSON there", async () => {
  const { status, stdout, stderr } = await pocketvisor([...KEYS, "--stats", "-"], { input: "q" });
  assert.is(status, 0);
  assert.match(stderr, /^power-off after \d+\.\d\d s, /m);
  assert.match(stderr, /^[\d,]+ instructions, \d+ million a second: interpreted$/m);
  assert.not.match(stderr, "{");
  assert.not.match(stdout, "instructions");
});

keys("a sleeping guest takes no host CPU", async () => {
  const stats = statsFile();
  await pocketvisor([...KEYS.slice(0, -1), "2", "--stats", stats.path], { input: "i" });
  const { sleeps, slices } = stats.read();
  assert.ok(sleeps! >= 1 && slices! < 2000, `${slices} slices, ${sleeps} sleeps`);
});

keys(
  "panic then reset ends with 4, a reset loop too, a plain reset starts again, the watchdog ends with 5",
  async () => {
    const panicked = await pocketvisor(KEYS, { input: "p" });
    assert.is(panicked.status, 4);
    assert.match(panicked.stderr, /panicked/);
    const looping = await pocketvisor(["run", "--kernel", bare("resets.bin"), "--memory", "1M", "--timeout", "60"]);
    assert.is(looping.status, 4);
    assert.match(looping.stderr, /reset itself/);
    const again = await pocketvisor(KEYS, { input: "rxq" });
    assert.equal([again.status, again.stdout], [0, "ready\nready\nx"]);
    assert.is((await pocketvisor(KEYS, { input: "w" })).status, 5);
  },
);

keys("SIGTERM ends with 130", async () => {
  const result = await pocketvisor(KEYS, {
    keepInput: true,
    onOutput: (_, child) => child.signal("SIGTERM"),
  });
  assert.is(result.status, 130);
});

keys(
  "deterministic: the same input gives the same output and instruction count, a sleeping guest waits for it",
  async () => {
    const run = async (): Promise<unknown[]> => {
      const stats = statsFile();
      const result = await pocketvisor([...KEYS, "--deterministic", "--stats", stats.path], { input: "hello, rlq" });
      return [result.status, result.stdout, stats.read()["instructions"]];
    };
    const first = await run();
    assert.is(first[0], 0);
    assert.equal(await run(), first);
  },
);

keys("bad arguments end with 2, bad images with 3, with one line that says why and no stack", async () => {
  const cases: [args: string[], status: number, text: RegExp][] = [
    [[], 2, /command is missing/],
    [["fly"], 2, /no command "fly"/],
    [["run", "--wings"], 2, /--wings/],
    [["run", "--memory", "lots"], 2, /--memory: expected a size such as 64M/],
    [["run", "--memory", "3"], 2, /1M to 2048M/],
    [["run", "--memory", "64M", "--memory", "32M"], 2, /given twice/],
    [["run", "--timeout", "-1", "linux"], 2, /--timeout/],
    [["run", "--machine", "pdp11"], 2, /no machine "pdp11"/],
    [["run", "linux", "--kernel", "x"], 2, /name one of/],
    [["run", "--kernel-offset", "4"], 2, /needs --kernel/],
    [["run", "a", "b"], 2, /unexpected argument/],
    [["run", "no-such-guest"], 3, /no guest "no-such-guest"/],
    [["run", "../../etc"], 3, /no guest name/],
    [["run", "--kernel", "/nonexistent"], 3, /does not exist/],
    [["run", "--kernel", "/"], 3, /is a folder/],
    [["run", "--kernel", temporaryFile("")], 3, /is empty/],
    [["run", "--kernel", temporaryFile("x"), "--disk", "/nonexistent"], 3, /does not exist/],
    [["run", "--kernel", temporaryFile("x"), "--dtb", temporaryFile("x")], 3, /device tree/],
    [["run", "--kernel", temporaryFile("x", "\x1b[31mred")], 6, /time-out/],
    [["run", "--kernel", "/nonexistent/\x1b[31mred"], 3, /\\x1b\[31mred/],
    [["doctor", "--now"], 2, /--now/],
    [["guest", "fetch"], 2, /guest needs/],
    [["guest", "fetch", "no-such-guest"], 3, /Known guests/],
    [["guest", "fetch", "linux", "--package", "Bad;name", "--force"], 3, /no package name/],
  ];
  for (const [args, status, text] of cases) {
    const bounded = status === 6 ? [...args, "--timeout", "0.2"] : args;
    const result = await pocketvisor(bounded, { environment: { COLUMNS: "80" } });
    assert.is(result.status, status, `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, text);
    assert.not.match(result.stderr, /\n\s+at |defect/);
  }
});

keys("without apt, fetching says what to do instead, and ends with 3", async () => {
  const result = await pocketvisor(["guest", "fetch", "linux", "--as", "never", "--force"], {
    environment: { PATH: "/nonexistent" },
  });
  assert.is(result.status, 3);
  assert.match(result.stderr, /no apt-get[\s\S]*--kernel FILE/);
});

const noScript = programPath("script") === null ? "no script program here (util-linux)" : null;

testUnless(
  keys,
  noScript,
  "on a terminal: raw mode, Ctrl-C is the guest's, Ctrl-] leaves with 130, the mode is restored",
  async () => {
    const run = `${process.execPath} scripts/pocketvisor.mjs ${KEYS.join(" ")}`;
    const shell = `before=$(stty -g); ${run}; echo "status $?"; [ "$before" = "$(stty -g)" ] && echo restored`;
    const child = spawn("script", ["-qec", shell, "/dev/null"], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    let typed = false;
    child.stdout.setEncoding("latin1").on("data", (chunk: string) => {
      shown += chunk;
      if (shown.includes("ready") && !typed) child.stdin.write("ab\x03c");
      typed ||= shown.includes("ready");
      if (shown.includes("\x03c")) child.stdin.end("\x1d");
    });
    await once(child, "close");
    assert.match(shown, /ready\s+ab\x03c/);
    assert.match(shown, /status 130/);
    assert.match(shown, /restored/);
  },
);

keys.run();
