// Measures what scheduling costs, in real time, on this computer: npx tsx test/budget/measure.ts [--no-tax]
// Nothing here passes or fails; npm run bench keeps the figures that are promised.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as abi from "../../kernel/abi/hypervisor.js";
import * as layout from "../../kernel/abi/layout.js";
import * as reasons from "../../kernel/abi/reasons.js";
import { ChannelHost } from "../support/channel-host.js";
import { Hypervisor } from "../support/hypervisor.js";
import { MachinePartition } from "../support/machine-partition.js";
import { functionsOf } from "../support/table-module.js";

const now = (): number => performance.now() * 1e6;
/** A loop over 8 KiB of memory: ldr, add, str, sub, subs, bne. */
const WORK = [
  0xe3a01101, 0xe2811801, 0xe3a02b02, 0xe4913004, 0xe0833002, 0xe5013004, 0xe2522001, 0x1afffffa, 0xeafffff6,
];

function quantiles(values: number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(0);
  return `median ${at(0.5)}, p99 ${at(0.99)}, p99.9 ${at(0.999)}, n ${sorted.length}`;
}

function machine(): MachinePartition {
  return new MachinePartition(WORK, { mode: layout.MODE_REALTIME, now });
}

/** Puts the machine's own functions into the table, without JavaScript between. */
function install(real: Hypervisor, id: number, guest: MachinePartition): void {
  const slot = abi.TABLE_FIRST + id * abi.TABLE_STRIDE;
  real.table.set(slot + abi.TABLE_RUN, guest.exports.run);
  real.table.set(slot + abi.TABLE_EXECUTED, guest.exports.runExecuted);
  real.table.set(slot + abi.TABLE_DEADLINE, guest.exports.machineDeadline);
  real.table.set(slot + abi.TABLE_ADVANCE, guest.exports.machineAdvance);
}

/** CPU time of this process, ns: other processes may take turns with it. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** The same instructions one machine after the other, and all together under the hypervisor. */
function tax(count: number): void {
  const each = Math.floor(80_000_000 / count);
  const ratios: number[] = [];
  for (let round = 0; round < 6; round++) {
    const alone = Array.from({ length: count }, machine);
    let start = cpu();
    let done = 0;
    for (const guest of alone) {
      for (let left = each; left > 0; left -= 200_000, done += 200_000) guest.exports.run(200_000);
    }
    const sequential = (cpu() - start) / done;

    const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
    for (let n = 0; n < count; n++) {
      const guest = machine();
      const id = real.start(guest);
      install(real, id, guest);
    }
    start = cpu();
    let executed = 0;
    while (executed < count * each) {
      real.exports.step(now() + 20e6);
      executed = 0;
      for (let id = 0; id < count; id++) executed += Number(real.u64(id, abi.PARTITION_INSTRUCTIONS));
    }
    const together = (cpu() - start) / executed;
    if (round > 0) ratios.push(together / sequential - 1);
  }
  ratios.sort((a, b) => a - b);
  const percent = ratios.map((ratio) => (ratio * 100).toFixed(2)).join(" ");
  console.log(
    `tax, ${count} partitions: ${percent} % (sorted; median ${(ratios[ratios.length >> 1]! * 100).toFixed(2)})`,
  );
}

/** Nanoseconds from the end of one run() to the beginning of the next, the clock's own cost included. */
function switches(count: number, guaranteed: boolean): void {
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
  const gaps: number[] = [];
  let last = 0;
  for (let n = 0; n < count; n++) {
    const guest = machine();
    const contract = guaranteed ? { budget: Math.max(100, Math.floor(80_000 / count)), period: 100_000 } : {};
    const id = real.define(contract);
    if (real.exports.partitionAdmit(id) !== reasons.DONE) throw new Error(`${n} was not admitted`);
    const functions = functionsOf({
      run: (fuel) => {
        if (last) gaps.push(now() - last);
        const reason = guest.exports.run(fuel);
        last = now();
        return reason;
      },
      runExecuted: () => guest.exports.runExecuted(),
      machineDeadline: () => guest.exports.machineDeadline(),
      machineAdvance: () => {},
    });
    install(real, id, guest);
    real.table.set(abi.TABLE_FIRST + id * abi.TABLE_STRIDE, functions.run);
    real.exports.partitionStart(id);
  }
  const end = now() + 600e6;
  while (now() < end) {
    if (end - now() > 400e6) gaps.length = 0; // while V8 compiles
    const due = real.exports.step(now() + 20e6);
    last = 0;
    while (now() < Math.min(due, end));
  }
  console.log(`switch, ${count} ${guaranteed ? "guaranteed" : "best effort"}: ${quantiles(gaps)} ns`);
}

/** A message to another partition and back, guests, hypervisor and host included. */
function roundTrip(bytes: number, rounds: number): void {
  const real = new Hypervisor({ mode: abi.CLOCK_REALTIME, now });
  const machines = new Map<number, MachinePartition>();
  const host = new ChannelHost(real, machines);
  const guests = ["ping", "echo"].map((name) => {
    const code = readFileSync(fileURLToPath(new URL(`../guest/channel/${name}.bin`, import.meta.url)));
    const options = { devices: layout.DEVICE_CHANNEL, ramBytes: 1 << 18, mode: layout.MODE_REALTIME, now };
    return new MachinePartition(code, options);
  });
  const ids = guests.map((guest) => {
    const id = real.start(guest);
    install(real, id, guest);
    machines.set(id, guest);
    return id;
  });
  const control = guests[0]!.offset(layout.RAM_BASE + 0x8000);
  guests[0]!.view.setUint32(control, bytes, true);
  guests[0]!.view.setUint32(control + 4, rounds, true);
  real.grant(ids[0]!, 0, ids[1]!, 0, { capacity: 0x20000 });
  real.grant(ids[1]!, 0, ids[0]!, 0, { capacity: 0x20000 });
  const trips: number[] = [];
  let sent = 0;
  const start = now();
  while (real.state(ids[0]!) === reasons.STATE_RUNNING) {
    real.exports.step(now() + 20e6);
    for (let want = real.exports.wants(); want !== -1; want = real.exports.wants()) {
      const id = want & 0xffff;
      const call = machines.get(id)!.view.getUint32(layout.CHANNEL_REQUEST_FUNCTION, true);
      if (want >>> 16 === reasons.RUN_CHANNEL) host.serve(id);
      if (id === ids[0] && call === layout.CALL_CHANNEL_SEND) {
        const at = now();
        if (sent) trips.push(at - sent);
        sent = at;
      }
      real.exports.serviced(id);
    }
  }
  const seconds = (now() - start) / 1e9;
  const good = guests[0]!.read32(layout.RAM_BASE + 0x8008);
  const rate = ((2 * bytes * good) / seconds / 1e6).toFixed(1);
  console.log(`round trip, ${bytes} bytes: ${quantiles(trips.slice(200))} ns; ${good} good, ${rate} MB/s both ways`);
}

if (!process.argv.includes("--no-tax")) for (const count of [1, 2, 8, 40]) tax(count);
for (const count of [2, 8, 100, 800]) {
  switches(count, false);
  switches(count, true);
}
roundTrip(64, 5_000);
roundTrip(65_532, 1_000);
