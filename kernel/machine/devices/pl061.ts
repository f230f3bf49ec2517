// PL061 general purpose I/O: eight pins, of which one is wired: the power key, active high.
// Arm DDI 0190B "PrimeCell General Purpose Input/Output (PL061)", chapter 3.
//
// Pin, key and interrupt are those of QEMU's `virt`. The host presses the key. It stays down until the guest has read the pin, and
// PRESS_TICKS at least: a guest with little processor time misses no press, and one that measures it sees a short one. What a guest
// drives out of a pin goes nowhere, and an unwired pin is low.

import { PL061_STATE } from "../../abi/layout";
import { PL061_IRQ, PL061_POWER_KEY } from "../memory-map";
import { COUNTER_HZ, clockTicks } from "./clock";
import { exitReplan } from "./exit";
import { irqSet } from "./irq";
import { PRIMECELL_ID, primecellId } from "./primecell";

// Registers (DDI 0190B table 3-1). Below GPIODIR lies GPIODATA, whose address bits 9:2 are the mask of an access.
const GPIODIR: u32 = 0x400; // 1: output
const GPIOIS: u32 = 0x404; // 1: level, 0: edge
const GPIOIBE: u32 = 0x408; // 1: both edges
const GPIOIEV: u32 = 0x40c; // 1: rising edge or high, 0: falling edge or low
const GPIOIE: u32 = 0x410; // 1: the pin interrupts
const GPIORIS: u32 = 0x414; // raw status
const GPIOMIS: u32 = 0x418; // masked status
const GPIOIC: u32 = 0x41c; // clear, write-only
const GPIOAFSEL: u32 = 0x420; // 1: the pin is a peripheral's; there is none
const PART: u32 = 0x061;
const REVISION: u32 = 0; // as PeriphID2 says

const PINS: u32 = 0xff;
const POWER_KEY: u32 = 1 << PL061_POWER_KEY;
/** Shortest press: a tenth of a second, as QEMU's key. Linux waits 5 ms before it believes one. */
const PRESS_TICKS: u64 = COUNTER_HZ / 10;

/** State, each a bit a pin:
 *
 *   +0  pressedAt  u64  counter value at which the key went down
 *   +8  inputs     u32  levels from outside
 *   +12 outputs    u32  what was written to GPIODATA
 *   +16 direction  u32  GPIODIR
 *   +20 sense      u32  GPIOIS
 *   +24 both       u32  GPIOIBE
 *   +28 event      u32  GPIOIEV
 *   +32 enabled    u32  GPIOIE
 *   +36 edges      u32  edges that were seen and not cleared
 *   +40 function   u32  GPIOAFSEL
 *   +44 seen       u32  inputs that were read while they were high
 */
@unmanaged
class Pl061 {
  pressedAt: u64;
  inputs: u32;
  outputs: u32;
  direction: u32;
  sense: u32;
  both: u32;
  event: u32;
  enabled: u32;
  edges: u32;
  function: u32;
  seen: u32;
}
const gpio = changetype<Pl061>(PL061_STATE);

export function pl061Reset(): void {
  memory.fill(PL061_STATE, 0, offsetof<Pl061>());
  pl061Level();
}

export function pl061Read(offset: u32): u32 {
  if (offset >= PRIMECELL_ID) return primecellId(offset, PART, REVISION);
  if (offset < GPIODIR) return pl061Data(offset >>> 2);
  switch (offset) {
    case GPIODIR:
      return gpio.direction;
    case GPIOIS:
      return gpio.sense;
    case GPIOIBE:
      return gpio.both;
    case GPIOIEV:
      return gpio.event;
    case GPIOIE:
      return gpio.enabled;
    case GPIORIS:
      return pl061Raw();
    case GPIOMIS:
      return pl061Raw() & gpio.enabled;
    case GPIOAFSEL:
      return gpio.function;
    default: // the integration test registers too: there is nothing to integrate
      return 0;
  }
}

export function pl061Write(offset: u32, value: u32): void {
  value &= PINS;
  if (offset < GPIODIR) {
    // 3.3.1: only the pins of the mask change.
    const mask = offset >>> 2;
    gpio.outputs = (gpio.outputs & ~mask) | (value & mask);
    return;
  }
  switch (offset) {
    case GPIODIR:
      gpio.direction = value;
      break;
    case GPIOIS:
      gpio.sense = value;
      break;
    case GPIOIBE:
      gpio.both = value;
      break;
    case GPIOIEV:
      gpio.event = value;
      break;
    case GPIOIE:
      gpio.enabled = value;
      break;
    case GPIOIC:
      gpio.edges &= ~value;
      break;
    case GPIOAFSEL:
      gpio.function = value;
      return;
    default:
      return;
  }
  pl061Level();
}

/** The host presses the power key. False when the guest does not listen: the key's pin may not interrupt. Pressed while it is down, it
 *  stays down. */
export function pl061Press(): bool {
  if (!(gpio.enabled & POWER_KEY)) return false;
  if (!(gpio.inputs & POWER_KEY)) {
    gpio.pressedAt = clockTicks();
    gpio.seen &= ~POWER_KEY;
    pl061Drive(gpio.inputs | POWER_KEY);
  }
  return true;
}

/** Lets go of the key when it has been down for long enough. */
export function pl061Tick(now: u64): void {
  if (gpio.inputs & gpio.seen & POWER_KEY && now >= gpio.pressedAt + PRESS_TICKS) pl061Drive(gpio.inputs & ~POWER_KEY);
}

/** Ticks from `now` until the key comes up, u64.MAX_VALUE when it is up or was not seen yet. */
export function pl061Deadline(now: u64): u64 {
  if (!(gpio.inputs & gpio.seen & POWER_KEY)) return u64.MAX_VALUE;
  const end = gpio.pressedAt + PRESS_TICKS;
  return end > now ? end - now : 0;
}

/** 3.3.1: an output reads as it was written, an input as its pin is, and what the mask leaves out as zero. */
function pl061Data(mask: u32): u32 {
  const seen = gpio.seen | (gpio.inputs & ~gpio.direction & mask);
  if (seen != gpio.seen) {
    gpio.seen = seen;
    // Now the key has an end.
    exitReplan();
  }
  return ((gpio.outputs & gpio.direction) | (gpio.inputs & ~gpio.direction)) & mask;
}

/** The pins' levels from outside change. An edge counts where the pin is an input (3.3.3 to 3.3.5). */
function pl061Drive(inputs: u32): void {
  const changed = (inputs ^ gpio.inputs) & ~gpio.direction & ~gpio.sense;
  gpio.edges |= changed & (gpio.both | ~(inputs ^ gpio.event));
  gpio.inputs = inputs;
  pl061Level();
}

/** GPIORIS: edges until they are cleared, levels for as long as they last. */
function pl061Raw(): u32 {
  const levels = ~(gpio.inputs ^ gpio.event) & ~gpio.direction & PINS;
  return (gpio.edges & ~gpio.sense) | (levels & gpio.sense);
}

function pl061Level(): void {
  irqSet(PL061_IRQ, (pl061Raw() & gpio.enabled) != 0);
}
