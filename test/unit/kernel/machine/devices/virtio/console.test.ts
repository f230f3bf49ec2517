// virtio-console with several ports, through the real machine.wasm. Clauses: VIRTIO 1.2 §5.3.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONSOLE_INPUT_INDEX,
  CONSOLE_OUTPUT_BYTES,
  CONSOLE_OUTPUT_INDEX,
} from "../../../../../../kernel/abi/layout.js";
import { RUN_OUTPUT } from "../../../../../../kernel/abi/reasons.js";
import { bareMachine } from "../../../../../support/bare-machine.js";
import { type DriverQueue, NEEDS_RESET, VirtioDriver } from "../../../../../support/virtio-driver.js";

const virtioConsole = suite("virtio/console");
const [DEVICE_READY, DEVICE_ADD, PORT_READY, CONSOLE_PORT, PORT_OPEN, PORT_NAME] = [0, 1, 3, 4, 6, 7];
const MULTIPORT = 1 << 1;
const RECEIVE = 0x4002_0000;
const TRANSMIT = 0x4003_0000;
const CONTROL = 0x4004_0000;

/** A driver with all six queues of two ports, and control receive buffers laid out. */
function started(features = ~0, controlBuffers = 16) {
  const machine = bareMachine({ consolePorts: 2 });
  const driver = new VirtioDriver(machine, 1);
  const queues = driver.start(
    [0, 1, 2, 3, 4, 5].map((index) => ({ index, size: 64 })),
    features,
  );
  const [receive0, transmit0, controlIn, controlOut, receive1, transmit1] = queues as [
    DriverQueue,
    DriverQueue,
    DriverQueue,
    DriverQueue,
    DriverQueue,
    DriverQueue,
  ];
  for (let n = 0; n < controlBuffers; n++) controlIn.offer([{ address: CONTROL + n * 64, length: 64, write: true }]);
  if (controlBuffers) controlIn.kick();
  const tell = (port: number, event: number, value: number) => {
    const message = new DataView(new ArrayBuffer(8));
    message.setUint32(0, port, true);
    message.setUint16(4, event, true);
    message.setUint16(6, value, true);
    machine.writeRam(CONTROL + 0x8000, new Uint8Array(message.buffer));
    controlOut.offer([{ address: CONTROL + 0x8000, length: 8 }]);
    controlOut.kick();
  };
  let heardCount = 0;
  /** Control messages from the device since the last call: [port, event, value, name]. */
  const heard = () =>
    controlIn.used().map(({ length }) => {
      const at = CONTROL + heardCount++ * 64;
      const text = new TextDecoder().decode(machine.readRam(at + 8, length - 8));
      return [machine.read32(at), machine.read16(at + 4), machine.read16(at + 6), text];
    });
  return { machine, driver, receive0, transmit0, controlIn, controlOut, receive1, transmit1, tell, heard };
}

function send(queue: DriverQueue, text: string, at = TRANSMIT): void {
  queue.driver.machine.writeRam(at, new TextEncoder().encode(text));
  queue.offer([{ address: at, length: text.length }]);
  queue.kick();
}

virtioConsole("§5.3.4 max_nr_ports; §5.3.2 two queues for each port and two for control", () => {
  const machine = bareMachine({ consolePorts: 3 });
  const driver = new VirtioDriver(machine, 1);
  assert.is(driver.read(0x104), 3);
  const sizes = Array.from({ length: 10 }, (_, n) => {
    driver.write(0x030, n);
    return driver.read(0x034);
  });
  assert.equal(sizes, [64, 64, 64, 64, 64, 64, 64, 64, 0, 0]);
});

virtioConsole("§5.3.5, §5.3.6.2 the conversation: ready, add, port ready, console or name, open", () => {
  const { tell, heard } = started();
  assert.equal(heard(), []);
  tell(0, DEVICE_READY, 1);
  assert.equal(heard(), [
    [0, DEVICE_ADD, 0, ""],
    [1, DEVICE_ADD, 0, ""],
  ]);
  tell(0, PORT_READY, 1);
  assert.equal(heard(), [
    [0, CONSOLE_PORT, 1, ""],
    [0, PORT_OPEN, 1, ""],
  ]);
  tell(1, PORT_READY, 1);
  assert.equal(heard(), [
    [1, PORT_OPEN, 1, ""],
    [1, PORT_NAME, 1, "org.pocketvisor.1"],
  ]);
});

virtioConsole("control messages wait for buffers, and at most one of a kind waits", () => {
  const { machine, controlIn, tell } = started(~0, 0);
  for (let n = 0; n < 50; n++) tell(0, DEVICE_READY, 1);
  assert.equal(controlIn.used(), []);
  for (let n = 0; n < 5; n++) controlIn.offer([{ address: CONTROL + n * 64, length: 64, write: true }]);
  controlIn.kick();
  assert.is(controlIn.used().length, 2);
  assert.is(machine.read16(CONTROL + 64 + 4), DEVICE_ADD);
});

virtioConsole("a control buffer too small for a message breaks the device", () => {
  const { driver, controlIn, tell } = started(~0, 0);
  controlIn.offer([{ address: CONTROL, length: 7, write: true }]);
  tell(0, DEVICE_READY, 1);
  assert.ok(driver.status & NEEDS_RESET);
});

virtioConsole("strange control messages are swallowed", () => {
  const { driver, controlOut, tell, heard } = started();
  for (const port of [2, 4, 31, 32, 0x8000_0000, 0xffff_ffff])
    for (let event = 0; event < 9; event++) tell(port, event, 0);
  tell(0, DEVICE_READY, 0);
  tell(0, 0xffff, 1);
  controlOut.offer([{ address: CONTROL, length: 3 }]);
  controlOut.kick();
  assert.equal(heard(), []);
  assert.not(driver.status & NEEDS_RESET);
  assert.is(controlOut.used().length, 6 * 9 + 3);
});

virtioConsole("§5.3.6 output of each port goes to its own ring", () => {
  const { machine, transmit0, transmit1 } = started();
  send(transmit0, "to hvc0\n");
  send(transmit1, "to the agent");
  assert.is(machine.consoleOutput(1), "to hvc0\n");
  assert.is(machine.consoleOutput(2), "to the agent");
  assert.equal(transmit0.used(), [{ id: 0, length: 0 }]);
});

virtioConsole("§5.3.6 input waits until the guest has opened the port, then fills buffers", () => {
  const { machine, driver, receive0, tell } = started();
  receive0.offer([{ address: RECEIVE, length: 4, write: true }]);
  receive0.offer([
    { address: RECEIVE + 16, length: 2, write: true },
    { address: RECEIVE + 32, length: 50, write: true },
  ]);
  receive0.kick();
  machine.consoleInput(1, "hello, hvc0");
  assert.equal(receive0.used(), []);
  assert.is(machine.consoleInputCount(1), 11);
  tell(0, PORT_OPEN, 1);
  assert.equal(receive0.used(), [
    { id: 0, length: 4 },
    { id: 1, length: 7 },
  ]);
  const text = (at: number, length: number) => new TextDecoder().decode(machine.readRam(at, length));
  assert.is(text(RECEIVE, 4) + text(RECEIVE + 16, 2) + text(RECEIVE + 32, 5), "hello, hvc0");
  assert.ok(driver.line);
  tell(0, PORT_OPEN, 0);
  receive0.offer([{ address: RECEIVE, length: 4, write: true }]);
  receive0.kick();
  machine.consoleInput(1, "shut");
  assert.equal(receive0.used(), []);
});

virtioConsole("§5.3.3 without MULTIPORT port 0 needs no opening", () => {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 1);
  const [receive] = driver.start(
    [
      { index: 0, size: 8 },
      { index: 1, size: 8 },
    ],
    ~MULTIPORT,
  );
  receive!.offer([{ address: RECEIVE, length: 16, write: true }]);
  receive!.kick();
  machine.consoleInput(1, "abc");
  assert.equal(receive!.used(), [{ id: 0, length: 3 }]);
});

virtioConsole("bytes across the end of the input ring arrive whole", () => {
  const { machine, receive0, tell } = started();
  tell(0, PORT_OPEN, 1);
  for (const at of [0, 4]) machine.store32(CONSOLE_INPUT_INDEX + 8 + at, 1020);
  receive0.offer([{ address: RECEIVE, length: 64, write: true }]);
  receive0.kick();
  machine.consoleInput(1, "over the edge");
  assert.equal(receive0.used(), [{ id: 0, length: 13 }]);
  assert.is(new TextDecoder().decode(machine.readRam(RECEIVE, 13)), "over the edge");
});

virtioConsole(
  "a chain larger than the ring goes out in parts: it is given back when all of it is out, and nothing is lost",
  () => {
    const { machine, transmit0 } = started();
    for (const at of [0, 4]) machine.store32(CONSOLE_OUTPUT_INDEX + 8 + at, 0xffff_f123); // the counters wrap on the way
    const text = Array.from({ length: 3 * CONSOLE_OUTPUT_BYTES + 17 }, (_, n) =>
      String.fromCharCode(32 + (n % 95)),
    ).join("");
    send(transmit0, text);
    let out = "";
    for (let n = 0; n < 4; n++) {
      if (n < 3) assert.is(machine.takeExit(), RUN_OUTPUT);
      if (n < 3) assert.is(transmit0.used().length, 0);
      machine.tick();
      assert.is(machine.takeExit(), 0, "a look at a full ring asks for nothing");
      out += machine.consoleOutput(1);
      machine.tick();
    }
    assert.is(out, text);
    assert.equal(transmit0.used(), [{ id: 0, length: 0 }]);
  },
);

virtioConsole("a chain that shrinks while it is half out ends without harm", () => {
  const { machine, transmit0 } = started();
  transmit0.offer([{ address: TRANSMIT, length: 6000 }]);
  transmit0.kick();
  transmit0.descriptor(0, TRANSMIT, 5, 0, 0);
  machine.consoleOutput(1);
  machine.tick();
  assert.is(transmit0.used().length, 1);
  assert.is(machine.consoleOutput(1), "");
});

virtioConsole("§5.3.4 emergency write reaches port 0 before any negotiation", () => {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 1);
  driver.write(0x108, 0x21);
  assert.is(machine.consoleOutput(1), "!");
});

virtioConsole("a reset closes the ports", () => {
  const { machine, driver, tell } = started();
  tell(0, PORT_OPEN, 1);
  const [receive0] = driver.start([{ index: 0, size: 64 }]);
  machine.writeRam(0x4000_0000, new Uint8Array(0x1000));
  receive0!.offer([{ address: RECEIVE, length: 4, write: true }]);
  receive0!.kick();
  machine.consoleInput(1, "abc");
  assert.equal(receive0!.used(), []);
});

virtioConsole.run();
