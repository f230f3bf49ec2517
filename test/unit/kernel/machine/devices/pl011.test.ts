// PL011 UART through the real machine.wasm. Clauses: Arm DDI 0183G.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONSOLE_OUTPUT_BYTES } from "../../../../../kernel/abi/layout.js";
import { RUN_OUTPUT } from "../../../../../kernel/abi/reasons.js";
import { type BareMachine, bareMachine } from "../../../../support/bare-machine.js";

const pl011 = suite("pl011");
const BASE = 0x0900_0000;
const [DR, FR, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR] = [0x00, 0x18, 0x2c, 0x30, 0x34, 0x38, 0x3c, 0x40, 0x44];
const [FR_BUSY, FR_RXFE, FR_TXFF, FR_RXFF, FR_TXFE] = [0x08, 0x10, 0x20, 0x40, 0x80];
const [RX, TX, RT] = [0x10, 0x20, 0x40];
const read = (machine: BareMachine, offset: number) => machine.read32(BASE + offset);
const write = (machine: BareMachine, offset: number, value: number) => machine.write32(BASE + offset, value);
const line = (machine: BareMachine) => (machine.read32(0x0800_0204) >>> 1) & 1;

pl011("§3.3.15, §3.3.16 identifies as an Arm PL011 r1p4 with 16-byte FIFOs", () => {
  const machine = bareMachine();
  const ids = Array.from({ length: 8 }, (_, n) => read(machine, 0xfe0 + n * 4));
  assert.equal(ids, [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});

pl011("§3.2 reset values", () => {
  const machine = bareMachine();
  assert.is(read(machine, CR), 0x300);
  assert.is(read(machine, IFLS), 0x12);
  assert.is(read(machine, FR), FR_TXFE | FR_RXFE);
  assert.is(read(machine, RIS), 0);
});

pl011("§3.3.1 bytes go out in order, by word, halfword and byte writes", () => {
  const machine = bareMachine();
  machine.write32(BASE, 0x48);
  machine.write16(BASE, 0x69);
  machine.write8(BASE, 0x21);
  assert.is(machine.consoleOutput(0), "Hi!");
});

pl011("§3.3.3 a full ring reads full and busy, asks for an exit, and loses nothing of a guest that looks", () => {
  const machine = bareMachine();
  let sent = "";
  for (let n = 0; !(read(machine, FR) & FR_TXFF); n++) {
    const character = String.fromCharCode(0x20 + (n % 95));
    machine.write8(BASE + DR, character.charCodeAt(0));
    sent += character;
    assert.ok(n <= CONSOLE_OUTPUT_BYTES);
  }
  assert.is(sent.length, CONSOLE_OUTPUT_BYTES);
  assert.is(read(machine, FR) & (FR_TXFF | FR_TXFE | FR_BUSY), FR_TXFF | FR_BUSY);
  assert.is(machine.takeExit(), RUN_OUTPUT);
  assert.is(machine.consoleOutput(0), sent);
  assert.is(read(machine, FR) & (FR_TXFF | FR_TXFE | FR_BUSY), FR_TXFE);
});

pl011("an exit is asked for at three quarters, so a guest that never looks has room left", () => {
  const machine = bareMachine();
  for (let n = 0; n < 3071; n++) machine.write8(BASE, 0x2e);
  assert.is(machine.takeExit(), 0);
  machine.write8(BASE, 0x2e);
  assert.is(machine.takeExit(), RUN_OUTPUT);
  assert.is(read(machine, FR) & FR_TXFF, 0);
});

pl011("a look at a full ring asks for no exit: an undrained console does not stop the guest", () => {
  const machine = bareMachine();
  for (let n = 0; n < 5000; n++) machine.write8(BASE, 0x2e);
  machine.takeExit();
  machine.tick();
  assert.is(machine.takeExit(), 0);
  assert.is(machine.consoleOutput(0).length, CONSOLE_OUTPUT_BYTES, "what did not fit is gone, what fitted is not");
});

pl011("§2.8.3 the transmit interrupt comes with a byte sent, not with the mask; UARTICR clears it", () => {
  const machine = bareMachine();
  write(machine, IMSC, TX);
  assert.is(read(machine, MIS), 0);
  assert.is(line(machine), 0);
  write(machine, DR, 0x41);
  assert.is(read(machine, MIS), TX);
  assert.is(line(machine), 1);
  write(machine, ICR, TX);
  assert.is(read(machine, RIS), 0);
  assert.is(line(machine), 0);
});

pl011("§2.8.3 a writer that filled the ring is interrupted when the host has drained it", () => {
  const machine = bareMachine();
  write(machine, IMSC, TX);
  for (let n = 0; n < CONSOLE_OUTPUT_BYTES; n++) machine.write8(BASE, 0x2e);
  assert.is(line(machine), 0);
  machine.tick();
  assert.is(line(machine), 0);
  machine.consoleOutput(0);
  machine.tick();
  assert.is(line(machine), 1);
});

pl011("§2.8.2, §2.8.4 input raises the time-out interrupt at once and the receive interrupt at its level", () => {
  const machine = bareMachine();
  write(machine, LCR_H, 0x70);
  write(machine, IMSC, RX | RT);
  for (const [select, level] of [
    [0, 2],
    [1, 4],
    [2, 8],
    [3, 12],
    [4, 14],
  ] as const) {
    write(machine, IFLS, select << 3);
    machine.consoleInput(0, "x".repeat(level - 1));
    assert.is(read(machine, MIS), RT);
    assert.is(line(machine), 1);
    machine.consoleInput(0, "x");
    assert.is(read(machine, MIS), RT | RX, `level ${level}`);
    for (let n = 0; n < level; n++) assert.is(read(machine, DR), 0x78);
    assert.is(read(machine, MIS), 0);
    assert.is(line(machine), 0);
  }
});

pl011("§2.8.2 without FIFOs one byte is full, and interrupts", () => {
  const machine = bareMachine();
  machine.consoleInput(0, "a");
  assert.is(read(machine, RIS), RX | RT);
  assert.is(read(machine, FR) & (FR_RXFF | FR_RXFE), FR_RXFF);
  write(machine, LCR_H, 0x10);
  assert.is(read(machine, FR) & (FR_RXFF | FR_RXFE), 0);
});

pl011("§3.3.13 UARTICR does not lose input: the receive bits stand while there is any", () => {
  const machine = bareMachine();
  machine.consoleInput(0, "a");
  write(machine, ICR, 0x7ff);
  assert.is(read(machine, RIS), RX | RT);
  assert.is(read(machine, DR), 0x61);
  assert.is(read(machine, DR), 0, "and an empty FIFO reads zero");
});

// Linux's driver unmasks, switches the receiver on, empties the FIFO, and writes the mask again (drivers/tty/serial/amba-pl011.c).
pl011("typed-ahead input survives a driver's drain, however long the host was away in the middle of it", () => {
  const machine = bareMachine();
  machine.consoleInput(0, "uname\n");
  write(machine, IMSC, RX | RT);
  write(machine, CR, 0x301);
  machine.advance(20_000_000);
  // The driver's message about DMA, sent with a look at the flags before each byte.
  for (let byte = 0; byte < 200; byte++) {
    assert.ok(read(machine, FR) & FR_RXFE);
    write(machine, DR, 0x2e);
  }
  assert.is(read(machine, DR), 0);
  assert.is(line(machine), 0);
  write(machine, IMSC, RX | RT);
  assert.is(line(machine), 1);
  assert.is(heard(machine), "uname\n");
});

pl011("a driver that polls hears after some looks; one that does neither, after a second", () => {
  const polling = bareMachine();
  polling.consoleInput(0, "a");
  write(polling, CR, 0x301);
  let looks = 0;
  while (read(polling, FR) & FR_RXFE) assert.ok(++looks < 100);
  assert.is(heard(polling), "a");

  const waiting = bareMachine();
  waiting.consoleInput(0, "b");
  write(waiting, IMSC, RX | RT);
  write(waiting, CR, 0x301);
  assert.is(waiting.deadline, 24_000_000, "the machine wakes up for it");
  waiting.advance(24_000_001);
  waiting.tick();
  assert.is(line(waiting), 1);
  assert.is(waiting.deadline, -1);
  assert.is(heard(waiting), "b");
});

function heard(machine: BareMachine): string {
  let text = "";
  while (!(read(machine, FR) & FR_RXFE)) text += String.fromCharCode(read(machine, DR));
  return text;
}

pl011("registers hold their defined bits", () => {
  const machine = bareMachine();
  for (const [offset, bits] of [
    [0x20, 0xff],
    [0x24, 0xffff],
    [0x28, 0x3f],
    [LCR_H, 0xff],
    [CR, 0xff87],
    [IFLS, 0x3f],
    [IMSC, 0x7ff],
    [0x48, 7],
  ] as const) {
    write(machine, offset, 0xffff_ffff);
    assert.is(read(machine, offset), bits, `0x${offset.toString(16)}`);
  }
});

pl011.run();
