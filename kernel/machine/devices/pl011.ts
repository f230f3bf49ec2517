// PL011 UART: the partition's primary console.
// Arm DDI 0183G "PrimeCell UART (PL011)", chapter 3.
//
// The FIFOs are the console rings. A byte written is in the output ring at once, so the transmit FIFO is empty unless the ring
// is full, and then it reads full and busy until the host has drained the ring: no byte is lost by a guest that looks at
// UARTFR. The receive FIFO is the input ring: its interrupts follow the fill, and the time-out interrupt does not wait.
//
// A receiver that has just been switched on hears nothing at first, as on a wire. Linux's driver writes a message and empties the
// FIFO after it has switched the receiver on; without the pause, that would eat what was typed ahead. The pause ends when the
// driver unmasks its receive interrupts, which it does after that; for a driver that polls, after some looks at the flags
// without writing; and else after a second. Time alone would not do: a host that is busy elsewhere takes it away from between
// two instructions of the guest.

import { PL011_STATE } from "../../abi/layout";
import { PL011_IRQ } from "../memory-map";
import { COUNTER_HZ, clockTicks } from "./clock";
import {
  consoleInputCount,
  consoleInputTake,
  consoleOutputPut,
  consoleOutputRoom,
  consoleOutputWait,
} from "./console-ring";
import { exitReplan } from "./exit";
import { irqSet } from "./irq";
import { PRIMECELL_ID, primecellId } from "./primecell";

// Registers (DDI 0183G table 3-1)
const UARTDR: u32 = 0x00; // data
const UARTRSR: u32 = 0x04; // receive status, error clear
const UARTFR: u32 = 0x18; // flags, read-only
const UARTILPR: u32 = 0x20; // IrDA low-power counter
const UARTIBRD: u32 = 0x24; // baud rate, integer part
const UARTFBRD: u32 = 0x28; // baud rate, fraction
const UARTLCR_H: u32 = 0x2c; // line control
const UARTCR: u32 = 0x30; // control
const UARTIFLS: u32 = 0x34; // FIFO levels for interrupts
const UARTIMSC: u32 = 0x38; // interrupt mask
const UARTRIS: u32 = 0x3c; // raw status
const UARTMIS: u32 = 0x40; // masked status
const UARTICR: u32 = 0x44; // clear, write-only
const UARTDMACR: u32 = 0x48; // DMA: stored, there is none
const PART: u32 = 0x011;
const REVISION: u32 = 1; // as PeriphID2 says

const FR_BUSY: u32 = 1 << 3;
const FR_RXFE: u32 = 1 << 4;
const FR_TXFF: u32 = 1 << 5;
const FR_RXFF: u32 = 1 << 6;
const FR_TXFE: u32 = 1 << 7;
const LCR_H_FEN: u32 = 1 << 4;
const CR_RECEIVE: u32 = (1 << 9) | 1; // RXE and UARTEN
const CR_RESET: u32 = 0x300;
const IFLS_RESET: u32 = 0x12;
const RXIS: u32 = 1 << 4;
const TXIS: u32 = 1 << 5;
const RTIS: u32 = 1 << 6;
const INTERRUPT_BITS: u32 = 0x7ff;

const PORT: u32 = 0;
const FIFO_DEPTH: u32 = 16; // revision r1p4, as its PeriphID2 says
const RECEIVER_PAUSE: u64 = COUNTER_HZ;
const RECEIVER_PAUSE_LOOKS: u32 = 64;

/** State:
 *
 *   +0  ilpr  u32   +4  ibrd  u32   +8  fbrd  u32   +12 lcrh  u32
 *   +16 cr    u32   +20 ifls  u32   +24 mask  u32   +28 dmacr u32
 *   +32 raw          u32  UARTRIS without the receive bits, which are computed
 *   +36 pausing      u32  not 0 until the receiver's pause is over: looks at UARTFR that are left
 *   +40 receiveFrom  u64  counter value at which it ends at the latest
 *   +48 stalled      u32  1 from a write that filled the output ring until there is room
 */
@unmanaged
class Pl011 {
  ilpr: u32;
  ibrd: u32;
  fbrd: u32;
  lcrh: u32;
  cr: u32;
  ifls: u32;
  mask: u32;
  dmacr: u32;
  raw: u32;
  pausing: u32;
  receiveFrom: u64;
  stalled: u32;
}
const uart = changetype<Pl011>(PL011_STATE);

/** Reset state. The rings belong to the host and stay. */
export function pl011Reset(): void {
  memory.fill(PL011_STATE, 0, offsetof<Pl011>());
  uart.cr = CR_RESET;
  uart.ifls = IFLS_RESET;
  pl011Level();
}

export function pl011Read(offset: u32): u32 {
  if (offset >= PRIMECELL_ID) return primecellId(offset, PART, REVISION);
  switch (offset) {
    case UARTDR:
      return pl011Receive();
    case UARTFR:
      return pl011Flags();
    case UARTILPR:
      return uart.ilpr;
    case UARTIBRD:
      return uart.ibrd;
    case UARTFBRD:
      return uart.fbrd;
    case UARTLCR_H:
      return uart.lcrh;
    case UARTCR:
      return uart.cr;
    case UARTIFLS:
      return uart.ifls;
    case UARTIMSC:
      return uart.mask;
    case UARTRIS:
      return pl011Raw();
    case UARTMIS:
      return pl011Raw() & uart.mask;
    case UARTDMACR:
      return uart.dmacr;
    default: // UARTRSR too: the line has no errors
      return 0;
  }
}

export function pl011Write(offset: u32, value: u32): void {
  switch (offset) {
    case UARTDR:
      pl011Transmit(value & 0xff);
      break;
    case UARTRSR:
      return;
    case UARTILPR:
      uart.ilpr = value & 0xff;
      return;
    case UARTIBRD:
      uart.ibrd = value & 0xffff;
      return;
    case UARTFBRD:
      uart.fbrd = value & 0x3f;
      return;
    case UARTLCR_H:
      uart.lcrh = value & 0xff;
      break;
    case UARTCR:
      if ((value & CR_RECEIVE) == CR_RECEIVE && (uart.cr & CR_RECEIVE) != CR_RECEIVE) {
        uart.pausing = RECEIVER_PAUSE_LOOKS;
        uart.receiveFrom = clockTicks() + RECEIVER_PAUSE;
        exitReplan();
      }
      uart.cr = value & 0xff87;
      break;
    case UARTIFLS:
      uart.ifls = value & 0x3f;
      break;
    case UARTIMSC:
      uart.mask = value & INTERRUPT_BITS;
      if (value & (RXIS | RTIS)) uart.pausing = 0;
      break;
    case UARTICR:
      uart.raw &= ~value;
      break;
    case UARTDMACR:
      uart.dmacr = value & 7;
      return;
    default:
      return;
  }
  pl011Level();
}

/** Looks for input, for the end of the receiver's pause, and for room in an output ring that was full. */
export function pl011Tick(now: u64): void {
  if (uart.pausing && now >= uart.receiveFrom) uart.pausing = 0;
  if (uart.stalled && consoleOutputRoom(PORT) != 0) {
    uart.stalled = 0;
    uart.raw |= TXIS;
  }
  pl011Level();
}

/** Ticks from `now` until the receiver wakes up with input waiting, u64.MAX_VALUE otherwise. */
export function pl011Deadline(now: u64): u64 {
  if (!uart.pausing || consoleInputCount(PORT) == 0) return u64.MAX_VALUE;
  return uart.receiveFrom > now ? uart.receiveFrom - now : 0;
}

/** 3.3.1: bits 11:8 of the data register would be errors. An empty FIFO reads zero. */
function pl011Receive(): u32 {
  if (pl011Waiting() == 0) return 0;
  const value = consoleInputTake(PORT);
  pl011Level();
  return value;
}

/** 2.8.3: the transmit interrupt comes when the FIFO drains to its level; here, at once or when a full ring has room again. */
function pl011Transmit(value: u32): void {
  if (uart.pausing) uart.pausing = RECEIVER_PAUSE_LOOKS;
  if (consoleOutputPut(PORT, value) && consoleOutputRoom(PORT) != 0) {
    uart.raw |= TXIS;
  } else {
    uart.raw &= ~TXIS;
    uart.stalled = 1;
  }
}

function pl011Flags(): u32 {
  if (uart.pausing) uart.pausing--;
  const waiting = pl011Waiting();
  let flags: u32 = FR_TXFE;
  if (consoleOutputRoom(PORT) == 0) {
    flags = FR_TXFF | FR_BUSY;
    consoleOutputWait(PORT); // whoever reads this waits for room
  }
  if (waiting == 0) flags |= FR_RXFE;
  if (waiting >= (uart.lcrh & LCR_H_FEN ? FIFO_DEPTH : 1)) flags |= FR_RXFF;
  return flags;
}

/** Received bytes that the guest may see now. */
function pl011Waiting(): u32 {
  if (uart.pausing) {
    if (clockTicks() < uart.receiveFrom) return 0;
    uart.pausing = 0;
  }
  return consoleInputCount(PORT);
}

function pl011Raw(): u32 {
  const waiting = pl011Waiting();
  if (waiting == 0) return uart.raw;
  return waiting >= pl011ReceiveLevel() ? uart.raw | RTIS | RXIS : uart.raw | RTIS;
}

/** UARTIFLS.RXIFLSEL, table 3-13: 1/8, 1/4, 1/2, 3/4 or 7/8 of the FIFO. */
function pl011ReceiveLevel(): u32 {
  if (!(uart.lcrh & LCR_H_FEN)) return 1;
  switch ((uart.ifls >>> 3) & 7) {
    case 0:
      return FIFO_DEPTH / 8;
    case 1:
      return FIFO_DEPTH / 4;
    case 2:
      return FIFO_DEPTH / 2;
    case 3:
      return (FIFO_DEPTH / 4) * 3;
    default:
      return (FIFO_DEPTH / 8) * 7;
  }
}

function pl011Level(): void {
  irqSet(PL011_IRQ, (pl011Raw() & uart.mask) != 0);
}
