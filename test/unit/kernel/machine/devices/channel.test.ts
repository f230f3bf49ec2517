// Event channels from the guest's side: hypervisor calls of the SMCCC vendor range, pending bits, the interrupt.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../../kernel/abi/layout.js";
import * as reasons from "../../../../../kernel/abi/reasons.js";
import { BareMachine, bareMachine } from "../../../../support/bare-machine.js";

const CHANNEL_IRQ = 32 + 48;
const GICD = 0x0800_0000;
const GICC = 0x0801_0000;
const NOT_SUPPORTED = 0xffff_ffff;
const RESULT = abi.RAM_BASE + 0x8000;
const BUFFER = abi.RAM_BASE + 0x9000;

interface ChannelExports {
  run(fuel: number): number;
  runExecuted(): number;
  channelAnswer(status: number, value: number): void;
  channelRaise(port: number): void;
}
const exportsOf = (machine: BareMachine): ChannelExports => machine.exports as unknown as ChannelExports;

/** A guest that makes one hypervisor call and stores r0 and r1 behind it. */
function guest(call: number, ...args: number[]): BareMachine {
  const machine = bareMachine({ devices: abi.DEVICE_CHANNEL, mode: abi.MODE_SCHEDULED });
  const words = [call, ...args, 0, 0, 0].slice(0, 4);
  // ldr r0 … r3, [pc, …]; hvc #0; ldr r4, [pc, #16]; str r0, [r4]; str r1, [r4, #4]; b .
  const code = [0xe59f0018, 0xe59f1018, 0xe59f2018, 0xe59f3018, 0xe1400070, 0xe59f4014, 0xe5840000, 0xe5841004];
  [...code, ...words, RESULT].forEach((word, n) => machine.write32(abi.RAM_BASE + n * 4, word));
  return machine;
}
const result = (machine: BareMachine): number => machine.read32(RESULT);

/** Runs a call that is answered inside the machine. */
function inside(call: number, ...args: number[]): { machine: BareMachine; r0: number } {
  const machine = guest(call, ...args);
  assert.is(machine.runInstructions(8), reasons.RUN_FUEL);
  return { machine, r0: result(machine) };
}

const channel = suite("channel");

channel("a machine without the device does not know the calls: SMCCC answers -1", () => {
  const machine = guest(abi.CALL_CHANNEL_VERSION);
  machine.store32(abi.CONFIG_DEVICES, 0);
  assert.is(machine.runInstructions(8), reasons.RUN_FUEL);
  assert.is(result(machine), NOT_SUPPORTED);
});

channel("the version is 1.0; an unknown function of the range answers -1", () => {
  assert.is(inside(abi.CALL_CHANNEL_VERSION).r0, 0x10000);
  assert.is(inside(0x8600_0fff).r0, NOT_SUPPORTED);
});

channel("a send leaves run() at once, with the question in the request block, and r0 is the host's answer", () => {
  const machine = guest(abi.CALL_CHANNEL_SEND, 5, BUFFER, 100);
  assert.is(exportsOf(machine).run(1000), reasons.RUN_CHANNEL);
  assert.equal([machine.instructions, machine.exports.runWork()], [5n, machine.exports.runExecuted() - 5]);
  assert.is(machine.load32(abi.CHANNEL_REQUEST_STATE), 1);
  assert.is(machine.load32(abi.CHANNEL_REQUEST_FUNCTION), abi.CALL_CHANNEL_SEND);
  assert.is(machine.load32(abi.CHANNEL_REQUEST_PORT), 5);
  assert.is(machine.load32(abi.CHANNEL_REQUEST_OFFSET), machine.ramOffset(BUFFER));
  assert.is(machine.load32(abi.CHANNEL_REQUEST_LENGTH), 100);
  exportsOf(machine).channelAnswer(-reasons.CHANNEL_FULL, 0);
  assert.is(machine.load32(abi.CHANNEL_REQUEST_STATE), 0);
  machine.runInstructions(3);
  assert.is(result(machine), -reasons.CHANNEL_FULL >>> 0);
});

channel("an info call is answered in r0 and r1", () => {
  const machine = guest(abi.CALL_CHANNEL_INFO, 5);
  assert.is(exportsOf(machine).run(1000), reasons.RUN_CHANNEL);
  exportsOf(machine).channelAnswer(3, 4092);
  machine.runInstructions(3);
  assert.equal([result(machine), machine.read32(RESULT + 4)], [3, 4092]);
});

channel("what a receive writes is marked dirty, and no page beyond it", () => {
  const machine = guest(abi.CALL_CHANNEL_RECEIVE, 5, BUFFER, 0x3000);
  const record = (address: number): number =>
    machine.load32(abi.STATIC_END + ((address - abi.RAM_BASE) >>> 12) * abi.PAGE_RECORD_BYTES + 12);
  assert.is(exportsOf(machine).run(1000), reasons.RUN_CHANNEL);
  exportsOf(machine).channelAnswer(0x1001, 0);
  assert.equal(
    [0, 0x1000, 0x2000].map((at) => record(BUFFER + at) & 1),
    [1, 1, 0],
  );
  machine.runInstructions(3);
  assert.is(result(machine), 0x1001);
});

channel("an answer that claims more than the buffer holds marks no page beyond it", () => {
  const machine = guest(abi.CALL_CHANNEL_RECEIVE, 5, BUFFER, 0x1000);
  exportsOf(machine).run(1000);
  exportsOf(machine).channelAnswer(0x7fff_ffff, 0);
  assert.is(machine.load32(abi.STATIC_END + 10 * abi.PAGE_RECORD_BYTES + 12) & 1, 0);
});

channel("memory that is not wholly RAM, and ports that are none, are refused without a question", () => {
  const bad = -reasons.CHANNEL_BAD_ADDRESS >>> 0;
  const end = abi.RAM_BASE + (1 << 20);
  for (const [address, length] of [
    [0, 4],
    [abi.RAM_BASE - 4, 8],
    [end - 4, 5],
    [end, 0],
    [abi.RAM_BASE, 0xffff_ffff],
    [0xffff_fff0, 0x20],
  ] as const) {
    for (const call of [abi.CALL_CHANNEL_SEND, abi.CALL_CHANNEL_RECEIVE]) {
      assert.is(inside(call, 5, address, length).r0, bad, `${address.toString(16)} + ${length}`);
    }
  }
  const port = -reasons.CHANNEL_BAD_PORT >>> 0;
  for (const call of [abi.CALL_CHANNEL_SEND, abi.CALL_CHANNEL_NOTIFY, abi.CALL_CHANNEL_INFO]) {
    assert.is(inside(call, 32, BUFFER, 4).r0, port);
    assert.is(inside(call, 0xffff_ffff, BUFFER, 4).r0, port);
  }
});

channel("a host that does not know channels leaves -1 in r0", () => {
  const machine = guest(abi.CALL_CHANNEL_NOTIFY, 5);
  assert.is(exportsOf(machine).run(1000), reasons.RUN_CHANNEL);
  machine.runInstructions(3);
  assert.is(result(machine), NOT_SUPPORTED);
});

channel("an answer without a question changes no register", () => {
  const machine = guest(abi.CALL_CHANNEL_VERSION);
  machine.runInstructions(5);
  exportsOf(machine).channelAnswer(-7, 0);
  machine.runInstructions(3);
  assert.is(result(machine), 0x10000);
});

channel("pending bits add up, interrupt while they are enabled, and go when they are acknowledged", () => {
  const machine = bareMachine({ devices: abi.DEVICE_CHANNEL });
  const pending = (): boolean =>
    ((machine.read32(GICD + 0x200 + (CHANNEL_IRQ >>> 5) * 4) >>> (CHANNEL_IRQ & 31)) & 1) === 1;
  machine.write32(GICD, 1);
  machine.write32(GICC, 1);
  machine.write32(GICC + 4, 0xff);
  machine.write32(GICD + 0x100 + (CHANNEL_IRQ >>> 5) * 4, 1 << (CHANNEL_IRQ & 31));
  const call = (number: number, argument: number): void => {
    // mov via literals: ldr r0, [pc, #8]; ldr r1, [pc, #8]; hvc; b over; literals
    machine.execute([0xe59f0008, 0xe59f1008, 0xe1400070, 0xea000001, number, argument, 0xe1a00001]);
  };
  exportsOf(machine).channelRaise(3);
  exportsOf(machine).channelRaise(31);
  exportsOf(machine).channelRaise(32);
  assert.not.ok(machine.irqLine, "nothing is enabled");
  call(abi.CALL_CHANNEL_ENABLE, 1 << 3);
  assert.ok(machine.irqLine);
  call(abi.CALL_CHANNEL_ACKNOWLEDGE, 1 << 3);
  assert.not.ok(pending(), "port 31 is pending, and not enabled");
  call(abi.CALL_CHANNEL_ENABLE, 0x8000_0000);
  assert.ok(machine.irqLine);
  assert.is(machine.load32(abi.CHANNEL_STATE), 0x8000_0000);
});

channel("a reset forgets pending ports, enables and the question", () => {
  const machine = guest(abi.CALL_CHANNEL_NOTIFY, 5);
  exportsOf(machine).run(1000);
  exportsOf(machine).channelRaise(1);
  machine.reset();
  assert.equal(
    [0, 4, 0x40].map((at) => machine.load32(abi.CHANNEL_STATE + at)),
    [0, 0, 0],
  );
});

channel.run();
