// What the kernel costs and promises to the microsecond, measured inside it: the real hypervisor and real machines on this thread, in real
// time, with nothing between them but a clock that is read around run().

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as abi from "../../kernel/abi/hypervisor.ts";
import * as layout from "../../kernel/abi/layout.ts";
import * as reasons from "../../kernel/abi/reasons.ts";
import { ChannelHost } from "../../test/support/channel-host.ts";
import { Hypervisor, type Contract } from "../../test/support/hypervisor.ts";
import { MachinePartition } from "../../test/support/machine-partition.ts";
import { functionsOf } from "../../test/support/table-module.ts";
import { root } from "../stale.mjs";
import { percentileStart, rowStart, type Measurement } from "./report.ts";

const now = (): number => performance.now() * 1e6;
const MILLISECOND = 1e6;

/** mov r1, #0x40000000; add r1, #0x10000; then for ever over 8 KiB: ldr, add, str, sub, subs, bne. */
const BURN = [
  0xe3a01101, 0xe2811801, 0xe3a02b02, 0xe4913004, 0xe0833002, 0xe5013004, 0xe2522001, 0x1afffffa, 0xeafffff6,
];
/** Interrupt 27 switched on in the GIC; then for ever: CNTV_TVAL = 24000 (1 ms), CNTV_CTL = 1, WFI. */
const TICK = [
  0xe3a02302, 0xe3a01001, 0xe5821000, 0xe3a03302, 0xe5823100, 0xe2822801, 0xe3a030ff, 0xe5823004, 0xe5821000,
  0xe3050dc0, 0xee0e0f13, 0xee0e1f33, 0xe320f003, 0xeafffffa,
];
/** CPSID i; then for ever a byte into the UART, which is full most of the time: an exit to the host each time that it fills. */
const FLOOD = [0xe3a00409, 0xe3001301, 0xe5801030, 0xf10c0080, 0xe5801000, 0xeafffffd];
/** mcr p15, 0, r0, c8, c7, 0 (TLBIALL) and mcr p15, 0, r0, c7, c5, 0 (ICIALLU) for ever: the dearest instructions that there are. */
const FLUSH = [0xee080f17, 0xee070f15, 0xeafffffc];

const SWITCH_COUNTS = [2, 100, 800];
const SWITCH_MS = 600;
const WARM_MS = 300;
const TRIPS = 30_000;
/** V8 compiles the host's side meanwhile. */
const TRIPS_WARM = 5_000;
const LARGE_BYTES = 65_532;
const OVERRUN_MS = 20_000;
const LATENCY_MS = 10_000;
const LATENCY_PERIOD_US = 10_000;

export function measureKernel(): Measurement[] {
  const trips = percentileStart("round-trip", "µs", "message to another partition and back, p99", 20, 99);
  const rate = rowStart("channel-rate", "MB/s", `messages of ${LARGE_BYTES} bytes, both ways together`, 100, true);
  trips.ours.push(...roundTrips(64, TRIPS).trips.slice(TRIPS_WARM));
  rate.ours.push(roundTrips(LARGE_BYTES, 2_000).rate);
  return [...SWITCH_COUNTS.map(switches), trips, rate, ...overruns(), ...latencies()];
}

function machine(code: number[]): MachinePartition {
  return new MachinePartition(code, { mode: layout.MODE_REALTIME, now });
}

/** A partition of `real`; `around` is called before and after each of its runs. */
function start(
  real: Hypervisor,
  guest: MachinePartition,
  contract: Contract,
  around: { before?: () => void; after?: () => void } = {},
): number {
  const id = real.define(contract);
  real.must(real.exports.partitionAdmit(id), "admit");
  const slot = abi.TABLE_FIRST + id * abi.TABLE_STRIDE;
  const functions = functionsOf({
    run: (fuel) => {
      around.before?.();
      const reason = guest.exports.run(fuel);
      around.after?.();
      return reason;
    },
    runExecuted: () => guest.exports.runExecuted(),
    runWork: () => guest.exports.runWork(),
    machineDeadline: () => guest.exports.machineDeadline(),
    machineAdvance: () => undefined,
  });
  const own = around.before === undefined && around.after === undefined;
  real.table.set(slot + abi.TABLE_RUN, own ? guest.exports.run : functions.run);
  real.table.set(slot + abi.TABLE_EXECUTED, guest.exports.runExecuted);
  real.table.set(slot + abi.TABLE_WORK, guest.exports.runWork);
  real.table.set(slot + abi.TABLE_DEADLINE, guest.exports.machineDeadline);
  real.table.set(slot + abi.TABLE_ADVANCE, guest.exports.machineAdvance);
  real.must(real.exports.partitionStart(id), "start");
  return id;
}

/** Steps for `milliseconds`; what wants the host is served by `serve`. */
function play(
  real: Hypervisor,
  milliseconds: number,
  serve: (id: number, want: number) => void = () => undefined,
): void {
  const end = now() + milliseconds * MILLISECOND;
  while (now() < end) {
    const due = real.exports.step(now() + 2 * MILLISECOND);
    for (let want = real.exports.wants(); want !== -1; want = real.exports.wants()) {
      serve(want & 0xffff, want >>> 16);
      real.exports.serviced(want & 0xffff);
    }
    while (now() < Math.min(due, end));
  }
}

/** From the end of one run() to the beginning of the next, the clock's own cost included. */
function switches(count: number): Measurement {
  const row = percentileStart(`switch-${count}`, "µs", `switch among ${count} guaranteed partitions, p99`, 5, 99);
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
  let last = 0;
  const around = {
    before: () => {
      if (last > 0) row.ours.push((now() - last) / 1e3);
    },
    after: () => void (last = now()),
  };
  const budget = Math.max(100, Math.floor(80_000 / count));
  for (let n = 0; n < count; n++) start(real, machine(BURN), { budget, period: 100_000 }, around);
  const end = now() + (SWITCH_MS + WARM_MS) * MILLISECOND;
  while (now() < end) {
    if (end - now() > SWITCH_MS * MILLISECOND) row.ours.length = 0;
    const due = real.exports.step(now() + 20 * MILLISECOND);
    last = 0;
    while (now() < Math.min(due, end));
  }
  return row;
}

/** Messages to another partition and back: guests, hypervisor and host included. */
function roundTrips(bytes: number, rounds: number): { trips: number[]; rate: number } {
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
  const machines = new Map<number, MachinePartition>();
  const host = new ChannelHost(real, machines);
  const [ping, echo] = ["ping", "echo"].map((name) => {
    const code = readFileSync(join(root, `test/guest/channel/${name}.bin`));
    const options = { devices: layout.DEVICE_CHANNEL, ramBytes: 1 << 18, mode: layout.MODE_REALTIME, now };
    const guest = new MachinePartition(code, options);
    const id = start(real, guest, {});
    machines.set(id, guest);
    return { guest, id };
  }) as [{ guest: MachinePartition; id: number }, { guest: MachinePartition; id: number }];
  const control = ping.guest.offset(layout.RAM_BASE + 0x8000);
  ping.guest.view.setUint32(control, bytes, true);
  ping.guest.view.setUint32(control + 4, rounds, true);
  real.grant(ping.id, 0, echo.id, 0, { capacity: 0x20000 });
  real.grant(echo.id, 0, ping.id, 0, { capacity: 0x20000 });
  const trips: number[] = [];
  let sent = 0;
  const started = now();
  while (real.state(ping.id) === reasons.STATE_RUNNING) {
    real.exports.step(now() + 20 * MILLISECOND);
    for (let want = real.exports.wants(); want !== -1; want = real.exports.wants()) {
      const id = want & 0xffff;
      const call = machines.get(id)!.view.getUint32(layout.CHANNEL_REQUEST_FUNCTION, true);
      if (want >>> 16 === reasons.RUN_CHANNEL) host.serve(id);
      if (id === ping.id && call === layout.CALL_CHANNEL_SEND) {
        const at = now();
        if (sent > 0) trips.push((at - sent) / 1e3);
        sent = at;
      }
      real.exports.serviced(id);
    }
  }
  const seconds = (now() - started) / 1e9;
  const good = ping.guest.read32(layout.RAM_BASE + 0x8008);
  if (good !== rounds) throw new Error(`${rounds - good} of ${rounds} messages were lost`);
  return { trips, rate: (2 * bytes * good) / seconds / 1e6 };
}

/** What would like to harm its neighbours. */
function hostiles(real: Hypervisor): (id: number) => void {
  const guests = new Map<number, MachinePartition>();
  for (const code of [BURN, FLOOD, FLUSH]) {
    const guest = machine(code);
    guests.set(start(real, guest, {}), guest);
  }
  // Their output is thrown away.
  return (id) => {
    const guest = guests.get(id);
    if (guest === undefined) return;
    const index = layout.CONSOLE_OUTPUT_INDEX;
    guest.view.setUint32(index + 4, guest.view.getUint32(index, true), true);
    guest.exports.machineTick();
  };
}

/** How far a burner with 5 ms of each 10 gets beyond its budget, each time that it is spent; alone, and among hostile ones. */
function overruns(): Measurement[] {
  return [false, true].map((beside) => {
    const what = `what a budget of 5 ms is overrun by, p99.9${beside ? ", among hostile partitions" : ""}`;
    const row = percentileStart(beside ? "overrun-hostile" : "overrun", "µs", what, 100, 99.9);
    const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
    let spent = 0n;
    const id = start(
      real,
      machine(BURN),
      { budget: 5_000, ceiling: 5_000, period: 10_000 },
      {
        before: () => {
          const count = real.u64(id, abi.PARTITION_THROTTLED_COUNT);
          if (count !== spent) row.ours.push(Number(real.u64(id, abi.PARTITION_OVERRUN_MAX)) / 1e3);
          if (count !== spent)
            real.view.setBigUint64(abi.PARTITIONS + id * abi.PARTITION_BYTES + abi.PARTITION_OVERRUN_MAX, 0n, true);
          spent = count;
        },
      },
    );
    const serve = beside ? hostiles(real) : () => undefined;
    play(real, OVERRUN_MS, serve);
    row.ours.splice(0, row.ours.length >> 4);
    return row;
  });
}

/** From a timer's moment to the guest's first instruction: alone, and among hostile ones. */
function latencies(): Measurement[] {
  const rows = [false, true].map((beside) => {
    const what = `timer latency of a guaranteed partition, p99${beside ? ", among hostile partitions" : ""}`;
    const row = percentileStart(
      beside ? "latency-hostile" : "latency",
      "µs",
      what,
      beside ? LATENCY_PERIOD_US : null,
      99,
    );
    const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
    const id = start(
      real,
      machine(TICK),
      { budget: 1_000, period: LATENCY_PERIOD_US },
      {
        after: () => row.ours.push(Number(real.u64(id, abi.PARTITION_LATENCY)) / 1e3),
      },
    );
    const serve = beside ? hostiles(real) : () => undefined;
    play(real, LATENCY_MS, serve);
    row.ours.splice(0, row.ours.length >> 4);
    return row;
  });
  return rows;
}
