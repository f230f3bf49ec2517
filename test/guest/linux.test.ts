// Debian's armhf kernel, unmodified, from its first instruction to power-off.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { truncateSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { programPath } from "../../agent/paths.js";
import { linux, missingGuest } from "../support/linux.js";
import { pocketvisor, statsFile } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFile } from "../support/temporary.js";

const missing = missingGuest();
const noMkfs = missing ?? (programPath("mke2fs") === null ? "no mke2fs program here" : null);
const suite_ = suite("linux");

testUnless(
  suite_,
  missing,
  "64 MiB: boots to a shell, every virtio driver binds, and poweroff ends with 0",
  async () => {
    const disk = temporaryFile(Buffer.alloc(1 << 20));
    const stats = statsFile();
    const result = await linux(
      [
        "uname -m",
        "for d in /sys/bus/virtio/devices/*; do basename $(readlink $d/driver); done | sort",
        "cat /sys/class/rtc/rtc0/since_epoch",
      ],
      ["--disk", disk, "--stats", stats.path],
    );
    assert.is(result.status, 0, result.stderr + result.stdout.slice(-2000));
    assert.is(result.answers[0], "armv7l\n");
    assert.equal(result.answers[1]!.trim().split("\n"), [
      "virtio_balloon",
      "virtio_blk",
      "virtio_console",
      "virtio_rng",
    ]);
    assert.ok(Math.abs(Number(result.answers[2]) - Date.now() / 1000) < 600, "the real-time clock is the host's");
    const counted = stats.read();
    for (const key of "instructions wallMs cpuMs mips residentBytes dataAborts prefetchAborts tlbMisses interrupts".split(
      " ",
    )) {
      assert.ok(counted[key]! > 0, `${key} is ${counted[key]}`);
    }
    assert.ok(counted["overheadBytes"]! <= 4 << 20, `overhead is ${counted["overheadBytes"]}`);
  },
);

testUnless(suite_, missing, "Linux finds NEON and VFPv4, and none of NEON with --neon off", async () => {
  const command = ["tr ' ' '\\n' </proc/cpuinfo | grep -x -e neon -e vfpv4"];
  const [on, off] = [await linux(command, []), await linux(command, ["--neon", "off"])];
  assert.is(on.answers[0], "neon\nvfpv4\n");
  assert.is(off.answers[0], "vfpv4\n");
});

testUnless(suite_, missing, "32 MiB with 1 MiB of overhead: boots to a shell and powers off", async () => {
  const stats = statsFile();
  const result = await linux(["echo fine"], ["--memory", "32M", "--overhead", "small", "--stats", stats.path]);
  assert.is(result.status, 0, result.stderr + result.stdout.slice(-2000));
  assert.is(result.answers[0], "fine\n");
  assert.ok(stats.read()["overheadBytes"]! <= 1 << 20);
});

testUnless(
  suite_,
  noMkfs,
  "ext4 on virtio-block survives sync, power-off and the next boot, and is clean",
  async () => {
    const disk = temporaryFile("");
    truncateSync(disk, 32 << 20);
    assert.is(spawnSync("mke2fs", ["-q", "-t", "ext4", disk]).status, 0);
    const mount = "mount -t ext4 /dev/vda /mnt";
    const first = await linux(
      [mount, "dd if=/dev/urandom of=/mnt/data bs=64k count=64 2>/dev/null; sync; sha256sum </mnt/data", "umount /mnt"],
      ["--disk", disk],
    );
    assert.is(first.status, 0, first.stderr + first.stdout.slice(-2000));
    const checked = spawnSync("e2fsck", ["-fn", disk], { encoding: "utf8" });
    assert.is(checked.status, 0, checked.stdout + checked.stderr);
    const second = await linux([mount, "sha256sum </mnt/data"], ["--disk", `${disk},ro`, "--append", "ro"]);
    assert.is(second.status, 0);
    assert.match(first.answers[1]!, /^[0-9a-f]{64} /);
    assert.is(second.answers[1], first.answers[1]);
  },
);

testUnless(
  suite_,
  missing,
  "programs compute what the host computes: sha256sum, gzip, awk, sort, and 1,000 fork and exec",
  async () => {
    const numbers = Array.from({ length: 2000 }, (_, n) => (n * 7919) % 10007);
    const text = numbers.map((number) => `${number}\n`).join("");
    const make = `awk 'BEGIN { for (n = 0; n < 2000; n++) print (n * 7919) % 10007 }' >/tmp/n`;
    const result = await linux([
      `${make}; sha256sum </tmp/n`,
      "sort -n /tmp/n | sha256sum",
      "gzip -c /tmp/n | gzip -dc | sha256sum",
      `awk 'BEGIN { for (n = 1; n <= 3000; n++) { s += 1 / n; t = (t + n / 7) * 0.999 } printf "%.12f %.12f\\n", s, t }'`,
      "n=0; while [ $n -lt 1000 ]; do /bin/busybox true && n=$((n + 1)); done; echo $n",
    ]);
    assert.is(result.status, 0, result.stderr + result.stdout.slice(-2000));
    const hash = (data: string): string => `${createHash("sha256").update(data).digest("hex")}  -\n`;
    let [s, t] = [0, 0];
    for (let n = 1; n <= 3000; n++) {
      s += 1 / n;
      t = (t + n / 7) * 0.999;
    }
    const sorted = [...numbers].sort((a, b) => a - b);
    assert.equal(result.answers, [
      hash(text),
      hash(sorted.map((number) => `${number}\n`).join("")),
      hash(text),
      `${s.toFixed(12)} ${t.toFixed(12)}\n`,
      "1000\n",
    ]);
  },
);

testUnless(suite_, missing, "a kernel panic ends with 4; reboot starts the guest again", async () => {
  const panicked = await linux(["echo c >/proc/sysrq-trigger"]);
  assert.is(panicked.status, 4, panicked.stderr);
  assert.match(panicked.stdout, /Kernel panic - not syncing/);
  // What was typed before a reboot is the first boot's, so the second is told when its shell is there.
  let boots = 0;
  const rebooted = await pocketvisor(["run", "linux", "--timeout", "200"], {
    keepInput: true,
    onOutput: (stdout, child) => {
      const shells = stdout.split("pocketvisor: init done").length - 1;
      if (shells > boots) child.write(++boots === 1 ? "reboot\n" : "poweroff\n");
    },
  });
  assert.equal([boots, rebooted.status], [2, 0], rebooted.stderr);
});

testUnless(
  suite_,
  missing,
  "deterministic: two runs with the same input are the same, to the instruction and the byte",
  async () => {
    const run = async (): Promise<[string, number, number | null]> => {
      const stats = statsFile();
      const disk = temporaryFile(Buffer.alloc(1 << 20, 0x5a));
      const commands = [
        "date",
        "dd if=/dev/urandom bs=64 count=1 2>/dev/null | sha256sum",
        "sha256sum /dev/vda",
        "sleep 2; cat /proc/interrupts",
      ];
      const result = await linux(commands, ["--deterministic", "--disk", disk, "--stats", stats.path]);
      return [result.stdout, stats.read()["instructions"]!, result.status];
    };
    const [first, second] = [await run(), await run()];
    assert.is(first[2], 0, first[0].slice(-2000));
    assert.equal(second, first);
  },
);

const missingRt = missingGuest("linux-rt");

testUnless(suite_, missingRt, "the PREEMPT_RT flavour boots to a shell and powers off", async () => {
  const result = await linux(["uname -v"], [], "linux-rt");
  assert.is(result.status, 0, result.stderr + result.stdout.slice(-2000));
  assert.match(result.answers[0]!, /PREEMPT_RT/);
});

testUnless(suite_, missing, "Ctrl-C ends what the shell runs, and the shell goes on", async () => {
  // The mark comes from inside what is to end: before, the shell itself would hear Ctrl-C, and go on to it.
  const script = '{ echo "<""busy>"; sleep 1000; } | cat\n';
  let pressed = false;
  const { status, stdout } = await pocketvisor(["run", "linux", "--timeout", "200"], {
    input: script,
    keepInput: true,
    onOutput: (text, child) => {
      if (!text.includes("<busy>") || pressed) return;
      pressed = true;
      child.write('\x03echo "<""after $?>"; poweroff\n');
    },
  });
  assert.is(status, 0, stdout.slice(-2000));
  assert.match(stdout, /<after 130>/);
});

suite_.run();
