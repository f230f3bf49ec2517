// What two machines must agree on after the same instructions: everything that a guest can observe, word by word. Left out is what is a
// cache or a scratch of the machine by design: the TLB, decoded blocks, page records, operands between two micro-operations, and the
// statistics of all these.

import {
  CLOCK_STATE,
  CLOCK_WORK,
  CONFIG,
  CONFIG_RAM_BYTES,
  CONFIG_RAM_OFFSET,
  CONFIG_ROM_BYTES,
  CONFIG_ROM_OFFSET,
  CPU_CONTROL,
  CPU_FLAGS,
  CPU_PC,
  CPU_STATE,
  CPU_THUMB,
  EXIT_REQUEST,
  GIC_STATE,
  RAM_BASE,
  ROM_BASE,
  STATS,
  STATS_DATA_ABORTS,
  STATS_INTERRUPTS,
  STATS_PREFETCH_ABORTS,
  STATS_SUPERVISOR_CALLS,
  STATS_UNDEFINED,
  VFP_STATE,
  STATE_END,
  WORK_VISITS,
} from "../../../kernel/abi/layout.ts";

/** What is looked at: a machine's memory. */
export interface StateView {
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** Little-endian word of it. */
  word(at: number): number;
}

/** One word, or one flag. */
export interface StateLine {
  name: string;
  interpreted: number;
  translated: number;
}

const FLAG_Z = CPU_FLAGS + 4;
const FLAG_C = CPU_FLAGS + 8;
const GE = CPU_FLAGS + 20;
const IT = CPU_THUMB + 4;
const MONITOR = CPU_STATE + 116;
const BANKED = CPU_STATE + 128;
const BANKED_END = BANKED + 88;
const CP15 = CPU_STATE + 0x200;
const CP15_END = CPU_STATE + 0x400;
const FPSCR = VFP_STATE + 256;

/** [from, to): compared byte for byte. N and Z are not among them: they are kept as result words (kernel/machine/arm/state). */
const RANGES: readonly (readonly [from: number, to: number])[] = [
  [CPU_STATE, CPU_STATE + 60],
  [CPU_PC, CPU_PC + 4],
  [FLAG_C, IT + 4],
  [MONITOR, MONITOR + 8],
  [BANKED, BANKED_END],
  [CP15, CP15_END],
  [VFP_STATE, CLOCK_STATE],
  [CLOCK_STATE, CONFIG],
  [CONFIG, STATS],
  // How many exceptions there were is as architectural as they are.
  [STATS_DATA_ABORTS, STATS_PREFETCH_ABORTS + 8],
  [STATS_INTERRUPTS, STATS_SUPERVISOR_CALLS + 8],
  [EXIT_REQUEST, WORK_VISITS + 4],
  [GIC_STATE, STATE_END],
];

/** Words of memory that a report shows at most. */
const WORDS_SHOWN = 32;

const BANKS = ["usr", "fiq", "irq", "svc", "abt", "und"];
const COUNTERS: Record<number, string> = {
  [STATS_DATA_ABORTS]: "data aborts",
  [STATS_PREFETCH_ABORTS]: "prefetch aborts",
  [STATS_INTERRUPTS]: "interrupts",
  [STATS_UNDEFINED]: "undefined instructions",
  [STATS_SUPERVISOR_CALLS]: "supervisor calls",
  [CLOCK_STATE]: "instruction count",
  [CLOCK_STATE + 8]: "ticks skipped by WFI",
  [CLOCK_WORK]: "device work",
};

type Views = readonly [interpreted: Buffer, translated: Buffer];

/** Two machines of one configuration, whose memories are laid out alike. */
export class StateComparison {
  private readonly machines: readonly [StateView, StateView];
  private readonly ranges: Views[];
  private readonly memory: Views;
  private readonly memoryAt: number;

  constructor(interpreted: StateView, translated: StateView) {
    this.machines = [interpreted, translated];
    const views = (from: number, to: number): Views => [
      Buffer.from(interpreted.memory.buffer, from, to - from),
      Buffer.from(translated.memory.buffer, from, to - from),
    ];
    this.ranges = RANGES.map(([from, to]) => views(from, to));
    // Firmware and RAM are the end of the memory, one behind the other.
    this.memoryAt = interpreted.word(CONFIG_ROM_OFFSET);
    this.memory = views(this.memoryAt, interpreted.memory.buffer.byteLength);
  }

  /** Whether registers and devices are alike. */
  stateEqual(): boolean {
    for (const [mine, other] of this.ranges) if (!mine.equals(other)) return false;
    const [one, two] = this.machines;
    return negative(one) === negative(two) && zero(one) === zero(two);
  }

  /** Whether firmware and RAM are alike. */
  memoryEqual(): boolean {
    return this.memory[0].equals(this.memory[1]);
  }

  /** The registers, and after them the first words of devices and memory that differ. */
  lines(): StateLine[] {
    const [one, two] = this.machines;
    const line = (name: string, read: (machine: StateView) => number): StateLine => ({
      name,
      interpreted: read(one),
      translated: read(two),
    });
    const registers = Array.from({ length: 15 }, (_, n) => line(`r${n}`, (machine) => machine.word(CPU_STATE + 4 * n)));
    const flags = [
      line("N", negative),
      line("Z", zero),
      ...["C", "V", "Q"].map((name, n) => line(name, (machine) => machine.word(FLAG_C + 4 * n))),
    ];
    const rest = [
      [GE, "GE"],
      [CPU_CONTROL, "CPSR control"],
      [CPU_THUMB, "Thumb"],
      [IT, "ITSTATE"],
      [FPSCR, "FPSCR"],
    ] as const;
    const shown = new Set<number>([CPU_PC, ...rest.map(([at]) => at), ...[0, 4, 8].map((n) => FLAG_C + n)]);
    for (let n = 0; n < 15; n++) shown.add(CPU_STATE + 4 * n);
    const all = [
      ...registers,
      line("pc", (machine) => machine.word(CPU_PC)),
      ...flags,
      ...rest.map(([at, name]) => line(name, (machine) => machine.word(at))),
    ];
    const others = [
      ...this.differing(
        RANGES.flatMap(([from, to]) => [{ from, to }]),
        shown,
        WORDS_SHOWN,
      ),
    ];
    const end = one.memory.buffer.byteLength;
    const memory = this.memoryEqual()
      ? []
      : [...this.differing([{ from: this.memoryAt, to: end }], shown, WORDS_SHOWN)];
    return [...all, ...[...others, ...memory].map((at) => line(this.nameOf(at), (machine) => machine.word(at)))];
  }

  private *differing(ranges: { from: number; to: number }[], shown: Set<number>, most: number): Generator<number> {
    const [one, two] = this.machines;
    for (const { from, to } of ranges) {
      for (let at = from; at < to; at += 4) {
        if (shown.has(at) || one.word(at) === two.word(at)) continue;
        yield at;
        if (--most === 0) return;
      }
    }
  }

  private nameOf(at: number): string {
    const [machine] = this.machines;
    const ram = machine.word(CONFIG_RAM_OFFSET);
    const rom = machine.word(CONFIG_ROM_OFFSET);
    if (at >= ram && at < ram + machine.word(CONFIG_RAM_BYTES)) return `[${hex(RAM_BASE + at - ram)}]`;
    if (at >= rom && at < rom + machine.word(CONFIG_ROM_BYTES)) return `[${hex(ROM_BASE + at - rom)}]`;
    const counter = COUNTERS[at];
    if (counter !== undefined) return counter;
    if (at >= BANKED && at < BANKED_END) return bankedName((at - BANKED) / 4);
    if (at >= CP15 && at < CP15_END) return `CP15 state +0x${(at - CP15).toString(16)}`;
    if (at >= VFP_STATE && at < FPSCR) return `d${(at - VFP_STATE) >> 3} ${(at & 4) === 0 ? "low" : "high"}`;
    return `machine state ${hex(at)}`;
  }
}

/** Order: kernel/machine/arm/psr. */
function bankedName(word: number): string {
  if (word < 5) return `r${8 + word} (other bank)`;
  if (word < 17) return `${word % 2 === 1 ? "sp" : "lr"}_${BANKS[(word - 5) >> 1]}`;
  return `spsr_${BANKS[word - 16]}`;
}

function negative(machine: StateView): number {
  return machine.word(CPU_FLAGS) >>> 31;
}

function zero(machine: StateView): number {
  return machine.word(FLAG_Z) === 0 ? 1 : 0;
}

export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}
