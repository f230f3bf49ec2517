// What a device finds out before it starts: its memory, and the file by which it joins a fleet.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ENROL_FILE, readEnrolFile, removeEnrolFile } from "../../../../agent/device/enrol-file.js";
import { boardMemory, memoryTotal } from "../../../../agent/device/memory.js";
import { batteryPage, BATTERY, readBattery } from "../../../../scripts/handset/battery-page.js";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const MIB = 1 << 20;
const test = suite("device/start");

test("a board with less memory than board.json says keeps at most a half of it for itself", () => {
  const board = { ramBytes: 1024 * MIB, reserveBytes: 256 * MIB };
  const on = (mebibytes: number): number[] => {
    const { ramBytes, reserveBytes } = boardMemory(board, mebibytes * MIB);
    return [ramBytes / MIB, reserveBytes / MIB];
  };
  assert.equal(on(2048), [1024, 256]);
  assert.equal(on(1024), [1024, 256]);
  assert.equal(on(470), [470, 235]);
  assert.equal(on(232), [232, 116]);
  assert.equal(on(128), [128, 96]);
  assert.is(boardMemory(board, null), board);
});

test("MemTotal is read from /proc/meminfo as it is written there", () => {
  assert.is(memoryTotal("MemTotal:         482136 kB\nMemFree: 1 kB\n"), 482136 * 1024);
  assert.is(memoryTotal("MemFree: 1 kB\n"), null);
});

function boot(text: string): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "pocketvisor"));
  writeFileSync(join(folder, ENROL_FILE), text);
  return folder;
}

test("the enrolment's file: an address, what the owner consents to, and nothing else", () => {
  assert.is(readEnrolFile(temporaryFolder()), null);
  assert.equal(readEnrolFile(boot("pv://enrol?a=1\n")), { uri: "pv://enrol?a=1", consent: "none" });
  const windows = boot("pv://enrol?a=1\r\nread-logs,locate\r\n");
  assert.equal(readEnrolFile(windows), { uri: "pv://enrol?a=1", consent: "read-logs,locate" });
  removeEnrolFile(windows);
  assert.not(existsSync(join(windows, ENROL_FILE)));
  for (const text of ["", "http://x\n", "pv://enrol?a\n--evil\x00\n", "pv://enrol?a\nnone\nmore\n", "x".repeat(5000)]) {
    assert.throws(() => readEnrolFile(boot(text)), /enrol\.txt/, text.slice(0, 30));
  }
});

test("the battery's page holds what boards/qemu-virt/battery.dsl reads", () => {
  const page = batteryPage({ ...BATTERY, percent: 50, charging: true, celsius: 25 });
  const words = Array.from({ length: page.length / 4 }, (_, index) => page.readUInt32LE(index * 4));
  assert.equal(words, [0x54425650, 2, 350, 1500, 3950, 1, 2982, 3000, 3000]);
  assert.is(batteryPage({ ...BATTERY, percent: 2 }).readUInt32LE(4), 1 | 4, "discharging, and critical");
});

test("a battery file that says what cannot be is refused with the key", () => {
  assert.equal(readBattery(temporaryFile('{"percent": 12}')), { ...BATTERY, percent: 12 });
  for (const text of ["[]", "{", '{"percent": 101}', '{"percent": "1"}', '{"volts": 3}', '{"charging": 1}']) {
    assert.throws(
      () => readBattery(temporaryFile(text)),
      (error: { code?: string }) => error.code === "USAGE_BATTERY",
      text,
    );
  }
});

test.run();
