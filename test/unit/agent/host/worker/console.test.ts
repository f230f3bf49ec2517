// The worker's side of a console, with a guest that the test scripts: nothing is lost, nothing overtakes, and who must wait waits.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONSOLE_INPUT,
  CONSOLE_INPUT_BYTES,
  CONSOLE_INPUT_INDEX,
  CONSOLE_OUTPUT,
  CONSOLE_OUTPUT_BYTES,
  CONSOLE_OUTPUT_INDEX,
} from "../../../../../kernel/abi/layout.js";
import { DONE, LIMIT_RATE } from "../../../../../kernel/abi/reasons.js";
import { CONSOLE_LOG_BYTES, ConsoleLog } from "../../../../../agent/host/between/console-log.js";
import type { LoadedSpec } from "../../../../../agent/host/between/messages.js";
import type { Hypervisor } from "../../../../../agent/host/hypervisor/hypervisor.js";
import type { Machine } from "../../../../../agent/host/machine/machine.js";
import { PartitionConsole } from "../../../../../agent/host/worker/console.js";
import { Generator } from "../../../../support/generator.js";
import { scriptedMachine } from "../../../../support/scripted-machine.js";

interface Stage {
  console: PartitionConsole;
  machine: Machine;
  log: ConsoleLog;
  /** What the next charges are answered. */
  answers: number[];
  wakes: number;
}

function stage(change: Partial<LoadedSpec> = {}): Stage {
  const log = new ConsoleLog();
  const at = { answers: [] as number[], wakes: 0, log } as Stage;
  const hypervisor = {
    charge: () => at.answers.shift() ?? DONE,
    burst: () => Infinity,
    now: () => 0,
    progress: () => undefined,
    wake: () => void at.wakes++,
  } as unknown as Hypervisor;
  const spec = { consoleLog: log.buffer, consolePort: 0, inputIsWhole: false, ...change } as LoadedSpec;
  at.console = new PartitionConsole(0, spec, hypervisor);
  at.machine = scriptedMachine({ run: () => 0 });
  at.console.attach(at.machine);
  return at;
}

/** The guest writes to a port; returns how many bytes fitted. */
function guestWrites(machine: Machine, bytes: Uint8Array, port = 0): number {
  const index = CONSOLE_OUTPUT_INDEX + port * 8;
  let count = 0;
  for (const byte of bytes) {
    const head = machine.word(index);
    if (head - machine.word(index + 4) >= CONSOLE_OUTPUT_BYTES) break;
    machine.bytes[CONSOLE_OUTPUT + port * CONSOLE_OUTPUT_BYTES + (head % CONSOLE_OUTPUT_BYTES)] = byte;
    machine.setWord(index, head + 1);
    count++;
  }
  return count;
}

/** The guest reads at most `most` bytes of its input. */
function guestReads(machine: Machine, most = Infinity): Buffer {
  const [head, tail] = [machine.word(CONSOLE_INPUT_INDEX), machine.word(CONSOLE_INPUT_INDEX + 4)];
  const count = Math.min(head - tail, most);
  machine.setWord(CONSOLE_INPUT_INDEX + 4, tail + count);
  const byte = (at: number): number => machine.bytes[CONSOLE_INPUT + (at % CONSOLE_INPUT_BYTES)]!;
  return Buffer.from(Array.from({ length: count }, (_, n) => byte(tail + n)));
}

const consoles = suite("partition-console");

consoles("output comes out whole and in order, past a reader's hold, a limit, and the log's end", () => {
  const at = stage();
  const generator = new Generator(7);
  const said = Buffer.concat([generator.bytes(3 * CONSOLE_LOG_BYTES)]);
  const read: Buffer[] = [];
  at.log.hold(0);
  let [sent, cursor, waits] = [0, 0, 0];
  for (let round = 0; cursor < said.length; round++) {
    assert.ok(round < 100_000, "it comes to an end");
    sent += guestWrites(at.machine, said.subarray(sent, sent + generator.below(6000)));
    if (generator.below(4) === 0) at.answers.push(LIMIT_RATE);
    at.console.drain();
    if (at.console.awaitsReader) waits++;
    if (generator.below(64) === 0) {
      const part = at.log.readFrom(cursor);
      assert.is(part.lost, 0, "nothing unread is overwritten");
      read.push(Buffer.from(part.bytes));
      cursor = part.cursor;
      if (at.log.taken(cursor)) at.console.lookForRoom();
    }
    at.console.retry();
  }
  assert.ok(Buffer.concat(read).equals(said));
  assert.ok(waits > 0, "the reader was slow enough to be waited for");
});

consoles("a hold leaves room for a guest's last words, and when it goes the guest goes on", () => {
  const at = stage();
  at.log.hold(0);
  const full = Buffer.alloc(CONSOLE_OUTPUT_BYTES, "x");
  while (guestWrites(at.machine, full) > 0 && !at.console.awaitsReader) at.console.drain();
  guestWrites(at.machine, full);
  at.console.drain();
  assert.ok(at.console.awaitsReader);
  const before = at.log.written;
  assert.is(at.log.release(), true, "the writer is to be woken");
  assert.is(at.console.lookForRoom(), true);
  assert.ok(at.log.written > before);

  const last = stage();
  last.log.hold(0);
  let wrote = 0;
  for (; !last.console.awaitsReader; last.console.drain()) wrote += guestWrites(last.machine, full);
  wrote += guestWrites(last.machine, full);
  last.console.drainLastWords();
  const { bytes, lost } = last.log.readFrom(0);
  assert.equal([bytes.length, lost], [wrote, 0]);
});

consoles("only the partition's port is shown; a panic is seen on any", () => {
  const at = stage({ consolePort: 1 });
  guestWrites(at.machine, Buffer.from("Kernel panic - not syncing: test"), 0);
  guestWrites(at.machine, Buffer.from("shown"), 1);
  at.console.drain();
  assert.is(at.log.readFrom(0).bytes.toString(), "shown");
  assert.is(at.console.panicked, true);
});

consoles("all input arrives in order; what does not fit is refused, and offered again when there is room", () => {
  const at = stage();
  const text = new Generator(9).bytes(300_000);
  let read = Buffer.alloc(0);
  let refusals = 0;
  for (let sent = 0; sent < text.length;) {
    sent += at.console.offer(text.subarray(sent));
    if (sent === text.length) break;
    refusals++;
    // What was taken went on into the guest's ring as far as it fitted.
    for (let count = -1; count !== 0; sent += count) count = at.console.offer(text.subarray(sent));
    while (!at.console.takeInputRoom()) {
      read = Buffer.concat([read, guestReads(at.machine, 700)]);
      at.console.deliver();
    }
    assert.is(at.console.takeInputRoom(), false, "said once");
  }
  while (read.length < text.length) {
    const more = guestReads(at.machine);
    assert.ok(more.length > 0);
    read = Buffer.concat([read, more]);
    at.console.deliver();
  }
  assert.ok(read.equals(text));
  assert.ok(refusals > 1);
});

consoles("whole input: the guest waits until its ring is full, or the input has ended", () => {
  const at = stage({ inputIsWhole: true });
  assert.is(at.console.awaitsInput, true);
  at.console.offer(Buffer.alloc(CONSOLE_INPUT_BYTES - 1));
  assert.is(at.console.awaitsInput, true);
  at.console.offer(Buffer.alloc(2));
  assert.is(at.console.awaitsInput, false);
  guestReads(at.machine, 1);
  at.console.deliver();
  assert.is(at.console.awaitsInput, false);
  guestReads(at.machine, 1);
  at.console.deliver();
  assert.is(at.console.awaitsInput, true);
  at.console.end();
  assert.is(at.console.awaitsInput, false);
  assert.is(stage().console.awaitsInput, false, "not where it is typed");
});

consoles.run();
