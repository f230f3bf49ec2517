// Firmware and a kernel as they come from Debian, unmodified: U-Boot and EDK2 built for QEMU's `virt`, and the kernel with long descriptors.

import { statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { linux, missingGuest } from "../support/linux.js";
import { pocketvisor, type CommandResult } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const firmware = suite("guest/firmware");

/** Runs a guest, and types each answer when its cue has shown. */
async function talk(
  args: string[],
  answers: readonly (readonly [cue: string, answer: string])[],
): Promise<CommandResult> {
  let next = 0;
  let from = 0;
  return await pocketvisor(["run", ...args, "--timeout", "200"], {
    keepInput: true,
    onOutput: (text, child) => {
      for (let at = 0; next < answers.length; from = at) {
        const [cue, answer] = answers[next]!;
        at = text.indexOf(cue, from);
        if (at < 0) return;
        at += cue.length;
        next++;
        child.write(answer);
      }
    },
  });
}

testUnless(
  firmware,
  missingGuest("u-boot"),
  "U-Boot comes to its prompt, knows its machine, and powers off",
  async () => {
    const { status, stdout, stderr } = await talk(
      ["u-boot", "--memory", "128M"],
      [
        ["Hit any key to stop autoboot", " "],
        ["=> ", "bdinfo\r"],
        ["=> ", "dm tree\r"],
        ["=> ", "poweroff\r"],
      ],
    );
    assert.is(status, 0, stdout.slice(-1000));
    assert.match(stderr, /virtio-mmio is legacy/);
    assert.match(stdout, /DRAM: {2}128 MiB/);
    assert.match(stdout, /Flash: 64 MiB/);
    assert.match(stdout, /-> size {5}= 0x08000000/);
    for (const driver of ["psci", "serial_pl01x", "rtc-pl031", "cfi_flash", "qfw_mmio", "virtio-mmio", "virtio-rng"])
      assert.match(stdout, new RegExp(`${driver} `), driver);
  },
);

testUnless(firmware, missingGuest("edk2"), "EDK2 comes to its shell, and resets on request", async () => {
  const { status, stdout } = await talk(
    ["edk2", "--memory", "256M"],
    [
      ["to skip ", "\x1b"],
      ["Shell> ", "ver\r"],
      ["Shell> ", "reset -s\r"],
    ],
  );
  assert.is(status, 0, stdout.slice(-1000));
  assert.match(stdout, /UEFI Interactive Shell v2\.2/);
  assert.match(stdout, /UEFI v2\.\d+ \(EDK II/);
});

testUnless(firmware, missingGuest("edk2"), "what EDK2 keeps in its flash is there at the next start", async () => {
  const flash = join(temporaryFolder(), "variables");
  const start = (answers: readonly (readonly [string, string])[]): Promise<CommandResult> =>
    talk(["edk2", "--memory", "256M", "--flash", flash], [["to skip ", "\x1b"], ...answers, ["Shell> ", "reset -s\r"]]);
  const guid = "-guid 12345678-1234-1234-1234-123456789abc";
  const set = await start([["Shell> ", `setvar proof ${guid} -bs -rt -nv =0xc0ffee\r`]]);
  assert.is(set.status, 0, set.stdout.slice(-1000));
  assert.is(statSync(flash).mode & 0o777, 0o600);
  const got = await start([["Shell> ", `setvar proof ${guid}\r`]]);
  assert.match(got.stdout, /EE FF C0 00/, got.stdout.slice(-1000));
});

testUnless(firmware, missingGuest("linux-lpae"), "Debian's kernel with long descriptors boots to a shell", async () => {
  const { status, answers, stdout } = await linux(["uname -r", "grep -o lpae /proc/cpuinfo"], [], "linux-lpae");
  assert.is(status, 0, stdout.slice(-1000));
  assert.match(answers[0]!, /-armmp-lpae$/m);
  assert.is(answers[1], "lpae\n");
});

firmware.run();
