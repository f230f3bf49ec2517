// Console rings: bytes between the host and the guest's serial ports. Port 0 is the PL011, the others are virtio-console's.
//
// One producer and one consumer each, so no locks: `head` counts bytes produced and `tail` bytes consumed, modulo 2^32.
// The host asks the machine to look (machineTick) after it has put input in or taken output out.

import {
  CONSOLE_INPUT,
  CONSOLE_INPUT_BYTES,
  CONSOLE_INPUT_INDEX,
  CONSOLE_OUTPUT,
  CONSOLE_OUTPUT_ASKED,
  CONSOLE_OUTPUT_BYTES,
  CONSOLE_OUTPUT_INDEX,
} from "../../abi/layout";
import { RUN_OUTPUT } from "../../abi/reasons";
import { exitRequest } from "./exit";

/** At this fill the CPU is asked to leave run(): what is left takes the bytes of a guest that never looks at a full flag. */
const OUTPUT_HIGH: u32 = (CONSOLE_OUTPUT_BYTES / 4) * 3;

/** Bytes waiting for the guest. */
export function consoleInputCount(port: u32): u32 {
  const index = CONSOLE_INPUT_INDEX + (port << 3);
  return min<u32>(load<u32>(index) - load<u32>(index, 4), CONSOLE_INPUT_BYTES);
}

/** Bytes that the host has ever put in, modulo 2^32. */
export function consoleInputHead(port: u32): u32 {
  return load<u32>(CONSOLE_INPUT_INDEX + (port << 3));
}

/** The next byte for the guest, or 0 when there is none. */
export function consoleInputTake(port: u32): u32 {
  if (consoleInputCount(port) == 0) return 0;
  const value = <u32>load<u8>(consoleInputAt(port));
  consoleInputUsed(port, 1);
  return value;
}

/** Bytes that still fit into the guest's output. */
export function consoleOutputRoom(port: u32): u32 {
  const index = CONSOLE_OUTPUT_INDEX + (port << 3);
  return CONSOLE_OUTPUT_BYTES - min<u32>(load<u32>(index) - load<u32>(index, 4), CONSOLE_OUTPUT_BYTES);
}

/** The guest waits for room: the CPU leaves run(), so that the host can drain the ring. Once for each time that the host has drained:
 *  a host that does not (a slow terminal, a rate limit) is not called again and again, and the guest spends its own time waiting. */
export function consoleOutputWait(port: u32): void {
  const tail = load<u32>(CONSOLE_OUTPUT_INDEX + (port << 3), 4);
  const asked = CONSOLE_OUTPUT_ASKED + (port << 2);
  if (load<u32>(asked) == tail + 1) return;
  store<u32>(asked, tail + 1);
  exitRequest(RUN_OUTPUT);
}

/** One byte from the guest; false when it does not fit. */
export function consoleOutputPut(port: u32, value: u32): bool {
  if (consoleOutputRoom(port) == 0) {
    consoleOutputWait(port);
    return false;
  }
  store<u8>(consoleOutputAt(port), <u8>value);
  consoleOutputUsed(port, 1);
  return true;
}

// In bulk, for virtio-console: the run of bytes up to the end of the ring's buffer, and how many of them were used.

/** Length of the run at consoleInputAt(). */
export function consoleInputRun(port: u32): u32 {
  const tail = load<u32>(CONSOLE_INPUT_INDEX + (port << 3), 4);
  return min<u32>(consoleInputCount(port), CONSOLE_INPUT_BYTES - (tail & (CONSOLE_INPUT_BYTES - 1)));
}

export function consoleInputAt(port: u32): u32 {
  const tail = load<u32>(CONSOLE_INPUT_INDEX + (port << 3), 4);
  return CONSOLE_INPUT + port * CONSOLE_INPUT_BYTES + (tail & (CONSOLE_INPUT_BYTES - 1));
}

export function consoleInputUsed(port: u32, bytes: u32): void {
  const index = CONSOLE_INPUT_INDEX + (port << 3);
  store<u32>(index, load<u32>(index, 4) + bytes, 4);
}

/** Length of the free run at consoleOutputAt(). */
export function consoleOutputRun(port: u32): u32 {
  const head = load<u32>(CONSOLE_OUTPUT_INDEX + (port << 3));
  return min<u32>(consoleOutputRoom(port), CONSOLE_OUTPUT_BYTES - (head & (CONSOLE_OUTPUT_BYTES - 1)));
}

export function consoleOutputAt(port: u32): u32 {
  const head = load<u32>(CONSOLE_OUTPUT_INDEX + (port << 3));
  return CONSOLE_OUTPUT + port * CONSOLE_OUTPUT_BYTES + (head & (CONSOLE_OUTPUT_BYTES - 1));
}

export function consoleOutputUsed(port: u32, bytes: u32): void {
  const index = CONSOLE_OUTPUT_INDEX + (port << 3);
  const head = load<u32>(index) + bytes;
  store<u32>(index, head);
  if (head - load<u32>(index, 4) >= OUTPUT_HIGH) consoleOutputWait(port);
}
