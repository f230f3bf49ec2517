// The kernel worker's loop, with a guest that the test scripts.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONSOLE_INPUT,
  CONSOLE_INPUT_BYTES,
  CONSOLE_INPUT_INDEX,
  CONSOLE_OUTPUT,
  CONSOLE_OUTPUT_BYTES,
  CONSOLE_OUTPUT_INDEX,
  ENTROPY_POOL,
  ENTROPY_POOL_CAPACITY,
} from "../../../../kernel/abi/layout.js";
import {
  RUN_BREAK,
  RUN_ENTROPY,
  RUN_FUEL,
  RUN_OUTPUT,
  RUN_POWER_OFF,
  RUN_RESET,
  RUN_WAIT,
  RUN_WATCHDOG,
} from "../../../../kernel/abi/reasons.js";
import { DebugGate, type DebugDoor } from "../../../../agent/host/debug/gate.js";
import type { DebugAnswer, DebugRequest } from "../../../../agent/host/between/debug-messages.js";
import { DiskService } from "../../../../agent/host/disk/service.js";
import { seededEntropy } from "../../../../agent/host/machine/entropy.js";
import { KernelLoop, type LoopOptions } from "../../../../agent/host/kernel-loop.js";
import type { Machine } from "../../../../agent/host/machine/machine.js";
import { Mailbox, STOP_LEFT } from "../../../../agent/host/mailbox.js";
import { scriptedMachine } from "../../../support/scripted-machine.js";

interface Stage {
  machine: Machine;
  mailbox: Mailbox;
  /** Nanoseconds; the test turns it. */
  clock: { now: number };
  shown: string[];
  loop: KernelLoop;
}

/** A loop around `run`, which gets the stage. The test itself is the main thread. */
function stage(run: (stage: Stage, fuel: number) => number, more: Partial<LoopOptions> = {}): Stage {
  const result = { mailbox: new Mailbox(), clock: { now: 0 }, shown: [] as string[] } as Stage;
  const chunk = new Uint8Array(1 << 17);
  result.machine = scriptedMachine({ run: (fuel) => run(result, fuel) });
  result.loop = new KernelLoop({
    machine: result.machine,
    mailbox: result.mailbox,
    disk: new DiskService(result.machine, null),
    entropy: seededEntropy("test"),
    deterministic: false,
    consolePort: 0,
    inputIsWhole: false,
    now: () => result.clock.now,
    reload: () => {},
    outputReady: () => result.shown.push(Buffer.from(chunk.subarray(0, result.mailbox.output.read(chunk))).toString()),
    inputRoom: () => {},
    ...more,
  });
  return result;
}

/** The guest writes to a port; returns how many bytes fitted. */
function guestWrites(machine: Machine, text: string, port = 0): number {
  const index = CONSOLE_OUTPUT_INDEX + port * 8;
  let count = 0;
  for (const byte of Buffer.from(text)) {
    const head = machine.word(index);
    if (head - machine.word(index + 4) >= CONSOLE_OUTPUT_BYTES) break;
    machine.bytes[CONSOLE_OUTPUT + port * CONSOLE_OUTPUT_BYTES + (head % CONSOLE_OUTPUT_BYTES)] = byte;
    machine.setWord(index, head + 1);
    count++;
  }
  return count;
}

/** The guest reads all of its input. */
function guestReads(machine: Machine): string {
  const [head, tail] = [machine.word(CONSOLE_INPUT_INDEX), machine.word(CONSOLE_INPUT_INDEX + 4)];
  machine.setWord(CONSOLE_INPUT_INDEX + 4, head);
  const byte = (at: number): number => machine.bytes[CONSOLE_INPUT + (at % CONSOLE_INPUT_BYTES)]!;
  return Buffer.from(Array.from({ length: head - tail }, (_, n) => byte(tail + n))).toString();
}

const loop = suite("kernel-loop");

loop("output comes out whole and in order, the last of it before the end is told", () => {
  let lines = 0;
  const at = stage(({ machine }) => {
    guestWrites(machine, `line ${lines}\n`);
    return ++lines === 2000 ? RUN_POWER_OFF : lines % 3 === 0 ? RUN_OUTPUT : RUN_FUEL;
  });
  assert.is(at.loop.run(), "power-off");
  assert.is(at.shown.join(""), Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join(""));
});

loop("only the attached port is shown, the others are drained", () => {
  let turns = 0;
  const at = stage(({ machine }) => {
    assert.is(guestWrites(machine, "x".repeat(4000), 2), 4000);
    guestWrites(machine, "shown");
    return ++turns === 3 ? RUN_POWER_OFF : RUN_FUEL;
  });
  at.loop.run();
  assert.is(at.shown.join(""), "shownshownshown");
});

loop("all input arrives in order, through rings that are smaller than it", () => {
  const text = Array.from({ length: 3000 }, (_, n) => `${n} `).join("");
  let sent = 0;
  let read = "";
  const at = stage(({ machine, mailbox }) => {
    read += guestReads(machine);
    const count = mailbox.input.write(Buffer.from(text.slice(sent)));
    sent += count;
    if (count > 0) mailbox.ring();
    return read.length === text.length ? RUN_POWER_OFF : read.length % 2 ? RUN_FUEL : RUN_WAIT;
  });
  at.loop.run();
  assert.is(read, text);
});

loop("the entropy pool is filled before the first instruction, and when the guest has emptied it", () => {
  const seen: number[] = [];
  const at = stage(({ machine }) => {
    seen.push(machine.word(ENTROPY_POOL));
    machine.setWord(ENTROPY_POOL, 0);
    return seen.length === 2 ? RUN_POWER_OFF : RUN_ENTROPY;
  });
  at.loop.run();
  assert.equal(seen, [ENTROPY_POOL_CAPACITY, ENTROPY_POOL_CAPACITY]);
});

loop("a panic followed by a reset ends as a panic; a reset alone starts the images again", () => {
  let boots = 0;
  let reloads = 0;
  const at = stage(
    (stage) => {
      stage.clock.now += 20e9;
      if (++boots === 3) guestWrites(stage.machine, "Kernel panic - not syncing: test");
      return RUN_RESET;
    },
    { reload: () => reloads++ },
  );
  assert.is(at.loop.run(), "panic");
  assert.equal([boots, reloads, at.loop.stats().resets], [3, 2, 3]);
});

loop("three short boots in a row that read no input are a reset loop", () => {
  let boots = 0;
  const at = stage((stage) => {
    stage.clock.now += 1e9;
    boots++;
    return RUN_RESET;
  });
  assert.is(at.loop.run(), "reset-loop");
  assert.is(boots, 3);
});

loop("a person who types reboot again and again is no reset loop", () => {
  let boots = 0;
  const at = stage((stage) => {
    stage.clock.now += 1e9;
    if (guestReads(stage.machine) === "") {
      stage.mailbox.input.write(Buffer.from("reboot\n"));
      return RUN_FUEL;
    }
    return ++boots === 10 ? RUN_POWER_OFF : RUN_RESET;
  });
  assert.is(at.loop.run(), "power-off");
});

loop("stop requests end a busy guest and a sleeping one; the watchdog and power-off are told apart", () => {
  for (const reason of [RUN_FUEL, RUN_WAIT]) {
    const at = stage((stage) => {
      stage.mailbox.stop(2);
      return reason;
    });
    assert.is(at.loop.run(), "timeout");
  }
  assert.is(stage(() => RUN_WATCHDOG).loop.run(), "watchdog");
});

loop("deterministic: every slice has the same fuel, and input is complete at every slice", () => {
  const fuels = new Set<number>();
  const counts: number[] = [];
  const text = "y".repeat(CONSOLE_INPUT_BYTES + 10);
  const at = stage(
    (stage, fuel) => {
      stage.clock.now += 12345 * fuel;
      fuels.add(fuel);
      counts.push(guestReads(stage.machine).length);
      return counts.length === 3 ? RUN_POWER_OFF : RUN_FUEL;
    },
    { deterministic: true, inputIsWhole: true },
  );
  at.mailbox.input.write(Buffer.from(text));
  at.mailbox.endInput();
  at.loop.run();
  assert.is(fuels.size, 1);
  assert.equal(counts, [CONSOLE_INPUT_BYTES, 10, 0]);
});

loop(
  "a debugger: the guest stands, steps by one instruction, stops at breakpoints, and can be ended where it stands",
  () => {
    const fuels: number[] = [];
    const sent: DebugAnswer[] = [];
    // A null is a look that finds nothing; the loop then sleeps until the doorbell.
    const script: (DebugRequest | null)[] = [
      null,
      { kind: "resume", step: true },
      null,
      { kind: "resume", step: false },
      null,
    ];
    const door: DebugDoor = {
      receive: () => {
        const next = script.shift() ?? null;
        // The next look has something, or nothing is left and the partition is ended from outside.
        if (next === null && script.length > 0) it.mailbox.ring();
        else if (next === null && fuels.length === 2) it.mailbox.stop(STOP_LEFT);
        return next;
      },
      send: (answer) => void sent.push(answer),
    };
    const gate = new DebugGate(door, () => 0);
    const it: Stage = stage(
      (_, fuel) => {
        fuels.push(fuel);
        return fuel === 1 ? RUN_FUEL : RUN_BREAK;
      },
      { debug: gate },
    );
    gate.machine = it.machine;
    const debugStep = (): number => it.machine.run(1);
    Object.defineProperty(it.machine, "debug", { value: { debugPass: () => {}, debugStep } });
    assert.is(it.loop.run(), "left");
    assert.is(fuels[0], 1);
    assert.ok(fuels[1]! > 1);
    assert.equal(sent, [
      { kind: "stopped", signal: 5, watched: null },
      { kind: "stopped", signal: 5, watched: null },
    ]);
  },
);

loop.run();
