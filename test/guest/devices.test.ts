// Devices of a handset file in a running handset: consoles that are shared, exclusive or none, and a guest without any device.

import { connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCachedGuest } from "../../agent/guests/cache.js";
import { KEYS_GUEST, withHandset } from "../support/handset-process.js";
import { testUnless } from "../support/skip.js";

const LIMIT_MS = 60_000;
const devices = suite("devices");
const partition = (name: string, use: string): string =>
  `  - { name: ${name}, kernel: ${KEYS_GUEST}, memory: 1M, overhead: small, cpu: { budget: 5ms }, devices: ${use} }\n`;

/** Attaches, and returns the first answer and how to leave. */
async function attach(socket: string, name: string): Promise<{ answer: string; leave: () => Promise<void> }> {
  const client = connect(socket);
  client.write(`${JSON.stringify({ id: 1, attach: name })}\n`);
  const answer = await new Promise<string>((resolve) => client.once("data", (chunk) => resolve(String(chunk))));
  const leave = (): Promise<void> => new Promise((resolve) => client.once("close", () => resolve()).destroy());
  return { answer, leave };
}

devices("a shared console has many, an exclusive one has one at a time, and none has nobody but the log", async () => {
  const more = partition("alone", "{ console: exclusive }") + partition("mute", "none");
  await withHandset(more, async ({ socket, call, says }) => {
    await says(/mute: .* overhead/);
    const shared = [await attach(socket, "work"), await attach(socket, "work")];
    for (const { answer } of shared) assert.match(answer, /"value":null/);
    const first = await attach(socket, "alone");
    assert.match(first.answer, /"value":null/);
    const second = await attach(socket, "alone");
    assert.match(second.answer, /CONSOLE_TAKEN/);
    await second.leave();
    await first.leave();
    // The handset hears of the end a moment later.
    let third = await attach(socket, "alone");
    for (let tries = 0; tries < 100 && third.answer.includes("CONSOLE_TAKEN"); tries++) {
      await third.leave();
      third = await attach(socket, "alone");
    }
    assert.match(third.answer, /"value":null/);
    const none = await attach(socket, "mute");
    assert.match(none.answer, /CONSOLE_NONE/);
    assert.is(
      (await call(["log", "mute"])).stdout.trim(),
      "ready",
      "it runs without any device, and its UART is heard",
    );
    for (const { leave } of [...shared, third, none]) await leave();
  });
});

const missing = readCachedGuest("linux") === null ? "the guest linux is not cached and could not be fetched" : null;

testUnless(devices, missing, "Debian finds the devices that its partition has, and no others", async () => {
  const debian = (name: string, keys: string): string => `  - { name: ${name}, guest: linux, memory: 64M, ${keys} }\n`;
  // The owner's partition has a network unless its file says otherwise.
  const more =
    debian("bare", "network: none, devices: { entropy: none, balloon: none }") + debian("full", "devices: {}");
  await withHandset(more, async ({ call, press }) => {
    const logHas = async (name: string, pattern: RegExp): Promise<string> => {
      const late = Date.now() + LIMIT_MS;
      for (;;) {
        const { stdout } = await call(["log", name]);
        if (pattern.test(stdout)) return stdout;
        if (Date.now() > late) throw new Error(`${name} did not print ${pattern}:\n${stdout}`);
      }
    };
    // The others spin, and these two have no guarantee.
    for (const name of ["work", "home"]) await call(["pause", name]);
    for (const [name, count] of [
      ["bare", 1],
      ["full", 4],
    ] as const) {
      await logHas(name, /\/root #/);
      await press(name, "echo found $(ls /sys/bus/virtio/devices | wc -l) devices\n");
      assert.match(await logHas(name, /found \d+ devices/), new RegExp(`found ${count} devices`));
    }
  });
});

devices.run();
