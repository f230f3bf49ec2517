// `up --dry-run` says what `up` would say, without starting anything.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pocketvisor, type CommandResult } from "../support/pocketvisor.js";
import { temporaryFile, temporaryFolder } from "../support/temporary.js";

const GUEST = fileURLToPath(new URL("bare/beats.bin", import.meta.url));
const rehearsal = suite("up --dry-run");

interface Case {
  what: string;
  partitions: string[];
  rest?: string;
  status: number;
  says: RegExp;
}

const one = (extra: string, name = "one"): string => `  - { name: ${name}, kernel: ${GUEST}, ${extra} }`;

const CASES: Case[] = [
  { what: "what fits", partitions: [one("memory: 4M")], status: 0, says: /one: 4\.0 MiB RAM \+ [0-9.]+ MiB overhead/ },
  { what: "bytes for mebibytes", partitions: [one("memory: 64")], status: 2, says: /memory/ },
  {
    what: "memory beyond the board",
    partitions: [one("memory: 400M"), one("memory: 400M", "two")],
    status: 10,
    says: /partition two: .*memory/,
  },
  {
    what: "processor time beyond the board",
    partitions: [
      one("memory: 4M, cpu: { budget: 60ms, period: 100ms }"),
      one("memory: 4M, cpu: { budget: 60ms, period: 100ms }", "two"),
    ],
    status: 10,
    says: /partition two: guaranteed CPU shares would exceed the limit/,
  },
  {
    what: "energy beyond the board",
    partitions: [
      one("memory: 4M, energy: { capacity: 5J, rate: 1W }"),
      one("memory: 4M, energy: { capacity: 5J, rate: 2W }", "two"),
    ],
    status: 10,
    says: /partition two: .*(energy|taps|power)/i,
  },
  {
    what: "a disk that is not there",
    partitions: [one("memory: 4M, disk: /nowhere/d.img")],
    status: 3,
    says: /d\.img/,
  },
  {
    what: "a kernel that is not there",
    partitions: ["  - { name: one, kernel: /nowhere/k }"],
    status: 3,
    says: /\/nowhere\/k/,
  },
  {
    what: "two channels at one port",
    partitions: [one("memory: 4M"), one("memory: 4M", "two")],
    rest: "channels:\n  - { from: one, to: two }\n  - { from: one, to: two }\n",
    status: 10,
    says: /channel from one to two/,
  },
];

for (const { what, partitions, rest = "", status, says } of CASES) {
  rehearsal(`${what}: status ${status}, as up would end`, async () => {
    const file = temporaryFile(`handset: small\npartitions:\n${partitions.join("\n")}\n${rest}`, "h.yaml");
    const folder = temporaryFolder();
    const environment = { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
    const dry = await pocketvisor(["up", file, "--dry-run"], { environment });
    const told = (result: CommandResult): string => result.stdout + result.stderr;
    assert.is(dry.status, status, told(dry));
    assert.match(told(dry), says);
    assert.not(existsSync(join(folder, "pocketvisor")));
    if (status === 0) return;
    const real = await pocketvisor(["up", file, "--plain"], { environment });
    const errorOf = (result: CommandResult): string => /^pocketvisor: .* \[[A-Z_]+\]$/m.exec(result.stderr)?.[0] ?? "";
    assert.is(real.status, status, told(real));
    assert.is(errorOf(dry), errorOf(real));
  });
}

rehearsal("a unit that there is not is named with its line", async () => {
  const file = temporaryFile("");
  writeFileSync(file, `partitions:\n${one("memory: 4Q")}\n`);
  const { status, stderr } = await pocketvisor(["up", file, "--dry-run"]);
  assert.is(status, 2);
  assert.match(stderr, /:2: memory: expected a size such as 64M/);
});

rehearsal.run();
