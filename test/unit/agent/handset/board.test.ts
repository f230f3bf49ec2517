// Boards: those in the tree are whole, and a faulty one is told what is wrong with it.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UNTOUCHED_BATTERY } from "../../../../agent/battery/battery.js";
import { boardNames, boardSpec, checkBoard, powerSpec, readBoard } from "../../../../agent/handset/board.js";
import { boardFile } from "../../../../agent/paths.js";

const boards = suite("boards");

boards("every board in the tree passes its check", () => {
  assert.equal(boardNames().sort(), ["feature-phone", "pinephone", "qemu-virt", "raspberry-pi-3"]);
  for (const name of boardNames()) assert.is(readBoard(name).name, name);
});

boards("an instruction costs what the processor draws in the time that it takes", () => {
  // (17.757 + 6.478) mA × 3.85 V = 93.30 mW; 100 instructions are 1 µs, and 1 µW for 1 µs is 1 pJ.
  assert.is(boardSpec(readBoard("qemu-virt")).costs.instruction, 933);
});

boards("a board draws cpu.suspend always and cpu.idle beside it, and has what its battery's plate says", () => {
  const board = readBoard("qemu-virt");
  const { suspendMicrowatts, idleMicrowatts, battery } = powerSpec(board, UNTOUCHED_BATTERY);
  // 6.815 mA and 0.386 mA at 3.85 V; 3000 mAh at 3.85 V are 41,580 J.
  assert.equal([suspendMicrowatts, idleMicrowatts], [26_238, 1_486]);
  assert.is(battery!.capacityPicojoules, 41_580_000_000_000_000n);
  const { radios } = board;
  assert.equal(powerSpec(board, null), { suspendMicrowatts: 0, idleMicrowatts: 0, battery: null, radios });
});

boards("what is wrong with a board is said in words", () => {
  const good = JSON.parse(readFileSync(boardFile("qemu-virt", "board.json"), "utf8")) as Record<string, unknown>;
  const faultsOf = (change: Record<string, unknown>): string =>
    checkBoard({ ...good, ...change }, "qemu-virt").faults.join("\n");
  assert.is(faultsOf({}), "");
  assert.match(faultsOf({ ram: "lots" }), /ram: expected a size such as 64M/);
  assert.match(faultsOf({ reserve: "1G" }), /the reserve leaves no memory for partitions/);
  assert.match(faultsOf({ cores: 0 }), /cores must be a number from 1 to 64/);
  assert.match(faultsOf({ powerProfile: {} }), /powerProfile lacks cpu\.active/);
  assert.match(
    faultsOf({ powerProfile: { "cpu.active": "much", "radio.active": 1 } }),
    /cpu\.active \(mA\) must be a number/,
  );
  assert.match(faultsOf({ calibrated: "yes" }), /calibrated must be true or false/);
  assert.match(faultsOf({ sensors: { battery: "somewhere" } }), /sensors\.battery must be[^]*sensors\.thermal must be/);
  assert.match(faultsOf({ sensors: { battery: "/etc/passwd", thermal: "simulated" } }), /sensors\.battery must be/);
  assert.match(faultsOf({ thermal: { warn: 60, critical: 60 } }), /thermal warn must be below thermal critical/);
  assert.match(faultsOf({ thermal: "hot" }), /thermal warn \(°C\) must be a number from 1 to 120/);
  assert.match(faultsOf({ name: "other" }), /name must be that of its folder/);
  assert.is(checkBoard([], "qemu-virt").board, null);
  assert.throws(() => readBoard("../etc"), /there is no board/);
});

boards.run();
