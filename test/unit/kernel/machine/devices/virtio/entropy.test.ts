// virtio entropy through the real machine.wasm. Clauses: VIRTIO 1.2 §5.4.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ENTROPY_POOL } from "../../../../../../kernel/abi/layout.js";
import { RUN_ENTROPY } from "../../../../../../kernel/abi/reasons.js";
import { bareMachine } from "../../../../../support/bare-machine.js";
import { VirtioDriver } from "../../../../../support/virtio-driver.js";

const entropy = suite("virtio/entropy");
const DATA = 0x4001_0000;

function started() {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 2);
  const [queue] = driver.start([{ index: 0, size: 8 }]);
  return { machine, driver, queue: queue! };
}

entropy("§5.4.6 the pool's bytes go to the buffers, each once, and are wiped", () => {
  const { machine, queue } = started();
  const pool = Uint8Array.from({ length: 64 }, (_, n) => n + 1);
  machine.fillEntropy(pool);
  queue.offer([
    { address: DATA, length: 10, write: true },
    { address: DATA + 100, length: 10, write: true },
  ]);
  queue.offer([{ address: DATA + 200, length: 24, write: true }]);
  queue.kick();
  assert.equal(
    queue.used().map((element) => element.length),
    [20, 24],
  );
  const given = [...machine.readRam(DATA, 10), ...machine.readRam(DATA + 100, 10), ...machine.readRam(DATA + 200, 24)];
  assert.is(new Set(given).size, 44, "no byte twice");
  assert.ok(given.every((byte) => pool.includes(byte)));
  assert.is(machine.entropyCount, 20);
  assert.equal([...machine.bytes.subarray(ENTROPY_POOL + 4 + 20, ENTROPY_POOL + 4 + 64)], Array(44).fill(0));
});

entropy("§5.4.6.1 an empty pool makes the request wait, asks for an exit once, and the fill completes it", () => {
  const { machine, driver, queue } = started();
  queue.offer([{ address: DATA, length: 16, write: true }]);
  queue.kick();
  assert.is(queue.used().length, 0);
  assert.is(machine.takeExit(), RUN_ENTROPY);
  machine.tick();
  assert.is(machine.takeExit(), 0, "a look asks for nothing: the guest runs on meanwhile");
  machine.fillEntropy(Uint8Array.from([7, 8, 9]));
  assert.equal(queue.used(), [{ id: 0, length: 3 }]);
  assert.equal([...machine.readRam(DATA, 4)], [7, 8, 9, 0]);
  assert.ok(driver.line);
  assert.is(machine.entropyCount, 0);
});

entropy("a reset while a request waits forgets it", () => {
  const { machine, driver, queue } = started();
  queue.offer([{ address: DATA, length: 16, write: true }]);
  queue.kick();
  driver.status = 0;
  machine.fillEntropy(new Uint8Array(16).fill(5));
  assert.is(queue.used().length, 0);
  assert.equal([...machine.readRam(DATA, 16)], Array(16).fill(0));
  assert.is(machine.entropyCount, 16);
});

entropy("a request that the device may only read is answered with nothing", () => {
  const { machine, queue } = started();
  machine.fillEntropy(new Uint8Array(16));
  queue.offer([{ address: DATA, length: 16 }]);
  queue.kick();
  assert.equal(queue.used(), [{ id: 0, length: 0 }]);
  assert.is(machine.entropyCount, 16);
});

entropy.run();
