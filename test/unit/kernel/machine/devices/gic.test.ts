// GICv2 through the real machine.wasm. Clauses: Arm IHI 0048B. Interrupt lines are driven by real devices: the PL011 (SPI 1) and the
// PL031 (SPI 2), and software drives the others through the pending registers.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type BareMachine, bareMachine } from "../../../../support/bare-machine.js";

const gic = suite("gic");
const D = 0x0800_0000;
const C = 0x0801_0000;
const GICD = {
  CTLR: D,
  TYPER: D + 4,
  ISENABLER: D + 0x100,
  ICENABLER: D + 0x180,
  ISPENDR: D + 0x200,
  ICPENDR: D + 0x280,
  ISACTIVER: D + 0x300,
  ICACTIVER: D + 0x380,
  IPRIORITYR: D + 0x400,
  ITARGETSR: D + 0x800,
  ICFGR: D + 0xc00,
  SGIR: D + 0xf00,
  CPENDSGIR: D + 0xf10,
  SPENDSGIR: D + 0xf20,
  ICPIDR2: D + 0xfe8,
};
const GICC = {
  CTLR: C,
  PMR: C + 4,
  BPR: C + 8,
  IAR: C + 12,
  EOIR: C + 16,
  RPR: C + 20,
  HPPIR: C + 24,
  AIAR: C + 0x20,
  APR: C + 0xd0,
  IIDR: C + 0xfc,
  DIR: C + 0x1000,
};
const SPURIOUS = 1023;
const UART_IRQ = 33;

/** Everything enabled, all priorities 0xa0, mask open. */
function gicMachine(): BareMachine {
  const machine = bareMachine();
  machine.write32(GICD.CTLR, 1);
  machine.write32(GICC.CTLR, 1);
  machine.write32(GICC.PMR, 0xff);
  for (let n = 0; n < 96; n += 4) machine.write32(GICD.IPRIORITYR + n, 0xa0a0a0a0);
  for (let n = 0; n < 3; n++) machine.write32(GICD.ISENABLER + n * 4, 0xffffffff);
  return machine;
}
const pend = (machine: BareMachine, intid: number) =>
  machine.write32(GICD.ISPENDR + (intid >>> 5) * 4, (1 << (intid & 31)) >>> 0);
const bitOf = (machine: BareMachine, register: number, intid: number) =>
  (machine.read32(register + (intid >>> 5) * 4) >>> (intid & 31)) & 1;
/** Raises or lowers the PL011's line: its transmit interrupt, after one byte. */
function uartLine(machine: BareMachine, level: boolean): void {
  machine.write32(0x0900_0000, 0x20);
  machine.write32(0x0900_0038, level ? 0x20 : 0);
}

gic("4.3.2 GICD_TYPER: 96 interrupts, one processor, no Security Extensions; identification as GICv2", () => {
  const machine = bareMachine();
  assert.is(machine.read32(GICD.TYPER), 2);
  assert.is(machine.read32(GICD.ICPIDR2) >>> 4, 2);
  assert.is(machine.read32(GICC.IIDR), 0x0002_043b);
  assert.is(machine.read8(D + 0xff0), 0x0d);
});

gic("4.3.5 SGIs are always enabled; others reset disabled and change bit by bit", () => {
  const machine = bareMachine();
  assert.is(machine.read32(GICD.ISENABLER), 0xffff);
  machine.write32(GICD.ICENABLER, 0xffffffff);
  assert.is(machine.read32(GICD.ISENABLER), 0xffff);
  machine.write32(GICD.ISENABLER + 4, 0x8000_0001);
  machine.write32(GICD.ISENABLER + 4, 2);
  machine.write32(GICD.ICENABLER + 4, 1);
  assert.is(machine.read32(GICD.ISENABLER + 4), 0x8000_0002);
  assert.is(machine.read32(GICD.ICENABLER + 4), 0x8000_0002);
});

gic("4.3.11, 4.3.12 priorities answer to bytes and words; targets read zero, as there is one processor", () => {
  const machine = bareMachine();
  machine.write8(GICD.IPRIORITYR + 35, 0x30);
  assert.is(machine.read32(GICD.IPRIORITYR + 32), 0x3000_0000);
  machine.write16(GICD.IPRIORITYR + 32, 0x1020);
  assert.is(machine.read32(GICD.IPRIORITYR + 32), 0x3000_1020);
  // IHI 0048B 4.3.12: RAZ/WI on a uniprocessor, SGIs and PPIs included, in every size.
  for (let offset = 0; offset < 0x400; offset += 4) {
    machine.write32(GICD.ITARGETSR + offset, 0xffff_ffff);
    machine.write8(GICD.ITARGETSR + offset + 1, 0xff);
    assert.is(machine.read32(GICD.ITARGETSR + offset), 0);
    assert.is(machine.read8(GICD.ITARGETSR + offset + 3), 0);
  }
  assert.is(machine.read32(GICD.IPRIORITYR + 96), 0, "beyond the last interrupt: RAZ");
});

gic("3.2 life of a level-sensitive interrupt: pending, active, active and pending, inactive", () => {
  const machine = gicMachine();
  uartLine(machine, true);
  assert.ok(machine.irqLine);
  assert.is(bitOf(machine, GICD.ISPENDR, UART_IRQ), 1);
  assert.is(machine.read32(GICC.HPPIR), UART_IRQ);
  assert.is(machine.read32(GICC.IAR), UART_IRQ);
  assert.is(bitOf(machine, GICD.ISACTIVER, UART_IRQ), 1);
  assert.is(bitOf(machine, GICD.ISPENDR, UART_IRQ), 1, "the line is still high");
  assert.not(machine.irqLine, "an active interrupt is not signalled again");
  assert.is(machine.read32(GICC.IAR), SPURIOUS);
  machine.write32(GICC.EOIR, UART_IRQ);
  assert.ok(machine.irqLine, "and comes again while the line is high");
  machine.read32(GICC.IAR);
  uartLine(machine, false);
  machine.write32(GICC.EOIR, UART_IRQ);
  assert.not(machine.irqLine);
  assert.is(machine.read32(GICC.IAR), SPURIOUS);
});

gic("3.2.4, 4.3.13 an edge is latched once, survives the fall of the line, and GICD_ICFGR reads back", () => {
  const machine = gicMachine();
  machine.write32(GICD.ICFGR + 8, 2 << 2); // INTID 33
  assert.is(machine.read32(GICD.ICFGR + 8), 2 << 2);
  uartLine(machine, true);
  uartLine(machine, false);
  assert.is(machine.read32(GICC.IAR), UART_IRQ);
  machine.write32(GICC.EOIR, UART_IRQ);
  assert.not(machine.irqLine);
  uartLine(machine, true);
  assert.is(machine.read32(GICC.IAR), UART_IRQ);
  machine.write32(GICC.EOIR, UART_IRQ);
  assert.not(machine.irqLine, "a line that stays high is no new edge");
  assert.is(machine.read32(GICD.ICFGR), 0xaaaaaaaa, "SGIs are edge-triggered");
  machine.write32(GICD.ICFGR, 0);
  assert.is(machine.read32(GICD.ICFGR), 0xaaaaaaaa);
});

gic("4.3.7, 4.3.8 software pends and unpends; the line of a level-sensitive interrupt outlives GICD_ICPENDR", () => {
  const machine = gicMachine();
  pend(machine, 40);
  assert.ok(machine.irqLine);
  machine.write32(GICD.ICPENDR + 4, 1 << 8);
  assert.not(machine.irqLine);
  uartLine(machine, true);
  machine.write32(GICD.ICPENDR + 4, 0xffffffff);
  assert.ok(machine.irqLine);
  machine.write32(GICD.ISPENDR, 1);
  assert.is(machine.read32(GICD.ISPENDR) & 1, 0, "SGIs are not pended here");
});

gic("3.3 order by priority, then by lowest INTID", () => {
  const machine = gicMachine();
  for (const intid of [50, 45, 60]) pend(machine, intid);
  machine.write8(GICD.IPRIORITYR + 60, 0x20);
  const order: number[] = [];
  for (let n = 0; n < 4; n++) {
    const intid = machine.read32(GICC.IAR);
    order.push(intid);
    machine.write32(GICC.EOIR, intid);
  }
  assert.equal(order, [60, 45, 50, SPURIOUS]);
});

gic("3.3.2, 4.4.2, 4.4.7 the priority mask withholds an equal priority, and HPPIR still shows it", () => {
  const machine = gicMachine();
  pend(machine, 45);
  machine.write32(GICC.PMR, 0xa0);
  assert.not(machine.irqLine);
  assert.is(machine.read32(GICC.IAR), SPURIOUS);
  assert.is(machine.read32(GICC.HPPIR), 45);
  machine.write32(GICC.PMR, 0xa1);
  assert.ok(machine.irqLine);
});

gic("3.3.3, 4.4.6 preemption nests by group priority, and ends in reverse", () => {
  const machine = gicMachine();
  machine.write8(GICD.IPRIORITYR + 41, 0x80);
  machine.write8(GICD.IPRIORITYR + 42, 0x40);
  machine.write8(GICD.IPRIORITYR + 43, 0x40);
  assert.is(machine.read32(GICC.RPR), 0xff);
  pend(machine, 40);
  assert.is(machine.read32(GICC.IAR), 40);
  assert.is(machine.read32(GICC.RPR), 0xa0);
  pend(machine, 41);
  assert.is(machine.read32(GICC.IAR), 41);
  pend(machine, 42);
  assert.ok(machine.irqLine);
  assert.is(machine.read32(GICC.IAR), 42);
  pend(machine, 43);
  assert.not(machine.irqLine, "equal priority does not preempt");
  assert.is(machine.read32(GICC.RPR), 0x40);
  machine.write32(GICC.EOIR, 42);
  assert.is(machine.read32(GICC.RPR), 0x80);
  assert.is(machine.read32(GICC.IAR), 43);
  machine.write32(GICC.EOIR, 43);
  machine.write32(GICC.EOIR, 41);
  machine.write32(GICC.EOIR, 40);
  assert.is(machine.read32(GICC.RPR), 0xff);
  assert.is(machine.read32(GICD.ISACTIVER + 4), 0);
});

gic("4.4.3 the binary point widens the group: 0x81 preempts 0x8f at 0, not at 3", () => {
  for (const [point, preempts] of [
    [0, true],
    [3, false],
  ] as const) {
    const machine = gicMachine();
    machine.write32(GICC.BPR, point);
    machine.write8(GICD.IPRIORITYR + 40, 0x8f);
    machine.write8(GICD.IPRIORITYR + 41, 0x81);
    pend(machine, 40);
    machine.read32(GICC.IAR);
    pend(machine, 41);
    assert.is(machine.irqLine, preempts, `GICC_BPR ${point}`);
  }
});

gic("4.4.4 with the distributor or the interface off nothing is signalled or acknowledged, pending stays", () => {
  const machine = gicMachine();
  pend(machine, 45);
  for (const register of [GICD.CTLR, GICC.CTLR]) {
    machine.write32(register, 0);
    assert.not(machine.irqLine);
    assert.is(machine.read32(GICC.IAR), SPURIOUS);
    machine.write32(register, 1);
    assert.ok(machine.irqLine);
  }
});

gic("4.4.5, 4.4.15 EOImode 1 splits priority drop and deactivation; GICC_DIR without it does nothing", () => {
  const machine = gicMachine();
  pend(machine, 45);
  machine.read32(GICC.IAR);
  machine.write32(GICC.DIR, 45);
  assert.is(bitOf(machine, GICD.ISACTIVER, 45), 1);
  machine.write32(GICC.CTLR, 0x201);
  machine.write32(GICC.EOIR, 45);
  assert.is(machine.read32(GICC.RPR), 0xff);
  assert.is(bitOf(machine, GICD.ISACTIVER, 45), 1);
  pend(machine, 45);
  assert.not(machine.irqLine);
  machine.write32(GICC.DIR, 45);
  assert.is(bitOf(machine, GICD.ISACTIVER, 45), 0);
  assert.ok(machine.irqLine);
});

gic("4.4.5 an EOI that nothing awaits, or of an INTID that is not there, changes nothing", () => {
  const machine = gicMachine();
  machine.write32(GICC.EOIR, 45);
  pend(machine, 45);
  machine.read32(GICC.IAR);
  machine.write32(GICC.EOIR, SPURIOUS);
  machine.write32(GICC.EOIR, 500);
  assert.is(machine.read32(GICC.RPR), 0xa0);
});

gic(
  "4.3.15 GICD_SGIR reaches this processor by list and by filter 2, not by filter 1; 4.3.16 the pending bytes",
  () => {
    const machine = gicMachine();
    machine.write32(GICD.SGIR, (1 << 24) | (1 << 16) | 5);
    assert.not(machine.irqLine);
    machine.write32(GICD.SGIR, (2 << 16) | 5);
    assert.not(machine.irqLine, "processor 1 is not us");
    machine.write32(GICD.SGIR, (1 << 16) | 5);
    machine.write32(GICD.SGIR, (2 << 24) | 7);
    assert.is(machine.read32(GICD.SPENDSGIR + 4), 0x0100_0100);
    assert.is(machine.read32(GICC.IAR), 5);
    machine.write32(GICC.EOIR, 5);
    machine.write8(GICD.CPENDSGIR + 7, 1);
    assert.not(machine.irqLine);
    machine.write8(GICD.SPENDSGIR + 9, 1);
    assert.is(machine.read32(GICC.IAR), 9);
  },
);

gic("4.4.12 active priorities can be saved and restored", () => {
  const machine = gicMachine();
  pend(machine, 45);
  machine.read32(GICC.IAR);
  const saved = [0, 1, 2, 3].map((n) => machine.read32(GICC.APR + n * 4));
  assert.equal(saved, [0, 0, 1 << 16, 0], "0xa0 is level 80");
  machine.write32(GICC.APR + 8, 0);
  assert.is(machine.read32(GICC.RPR), 0xff);
  machine.write32(GICC.APR + 8, saved[2]!);
  assert.is(machine.read32(GICC.RPR), 0xa0);
});

gic("4.3.9, 4.3.10 software sets and clears the active state", () => {
  const machine = gicMachine();
  pend(machine, 45);
  machine.write32(GICD.ISACTIVER + 4, 1 << 13);
  assert.not(machine.irqLine);
  machine.write32(GICD.ICACTIVER + 4, 1 << 13);
  assert.ok(machine.irqLine);
});

gic("a reset clears it all", () => {
  const machine = gicMachine();
  pend(machine, 45);
  machine.reset();
  assert.not(machine.irqLine);
  assert.is(machine.read32(GICD.CTLR), 0);
  assert.is(machine.read32(GICD.ISPENDR + 4), 0);
});

gic("3.3 against a plain model: 4,000 random operations agree on line, HPPIR, IAR and RPR", () => {
  const machine = gicMachine();
  let seed = 0x2545f491;
  const random = (below: number) => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % below;
  };
  // The model: sets and a stack of (intid, group priority), no bit tricks.
  const priority = new Array<number>(96).fill(0xa0);
  const pending = new Set<number>();
  const active = new Set<number>();
  const disabled = new Set<number>();
  const stack: { intid: number; group: number }[] = [];
  let mask = 0xff;
  let point = 0;
  const group = (intid: number) => priority[intid]! & (0xfe << point) & 0xff;
  const best = () => {
    const ready = [...pending].filter((n) => !active.has(n) && !disabled.has(n));
    ready.sort((a, b) => priority[a]! - priority[b]! || a - b);
    return ready[0] ?? SPURIOUS;
  };
  const signalled = () => {
    const intid = best();
    if (intid === SPURIOUS || priority[intid]! >= mask) return SPURIOUS;
    const running = stack.length ? Math.min(...stack.map((entry) => entry.group)) : 0x100;
    return group(intid) < running ? intid : SPURIOUS;
  };
  for (let n = 0; n < 4000; n++) {
    const intid = 32 + random(64);
    switch (random(8)) {
      case 0:
      case 1:
        pend(machine, intid);
        pending.add(intid);
        break;
      case 2:
        machine.write32(GICD.ICPENDR + (intid >>> 5) * 4, (1 << (intid & 31)) >>> 0);
        pending.delete(intid);
        break;
      case 3:
        if (active.has(intid)) break; // 4.3.11: do not change it under a running handler
        priority[intid] = random(256);
        machine.write8(GICD.IPRIORITYR + intid, priority[intid]!);
        break;
      case 4: {
        const off = random(3) === 0;
        machine.write32((off ? GICD.ICENABLER : GICD.ISENABLER) + (intid >>> 5) * 4, (1 << (intid & 31)) >>> 0);
        if (off) disabled.add(intid);
        else disabled.delete(intid);
        break;
      }
      case 5:
        if (stack.length) break;
        mask = random(256);
        point = random(8);
        machine.write32(GICC.PMR, mask);
        machine.write32(GICC.BPR, point);
        break;
      case 6: {
        const expected = signalled();
        assert.is(machine.read32(GICC.IAR), expected, `operation ${n}`);
        if (expected === SPURIOUS) break;
        stack.push({ intid: expected, group: group(expected) });
        active.add(expected);
        pending.delete(expected);
        break;
      }
      default: {
        const top = stack.pop();
        if (!top) break;
        machine.write32(GICC.EOIR, top.intid);
        active.delete(top.intid);
      }
    }
    assert.is(machine.irqLine, signalled() !== SPURIOUS, `line after operation ${n}`);
    assert.is(machine.read32(GICC.HPPIR), best(), `HPPIR after operation ${n}`);
    const running = stack.length ? Math.min(...stack.map((entry) => entry.group)) : 0xff;
    assert.is(machine.read32(GICC.RPR), running, `RPR after operation ${n}`);
  }
});

gic.run();
