// Two partitions talk: bare-metal guests with the assembler library of test/guest/channel, machine.wasm, hypervisor.wasm, and a host that copies.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../kernel/abi/hypervisor.js";
import * as layout from "../../kernel/abi/layout.js";
import * as reasons from "../../kernel/abi/reasons.js";
import { ChannelHost } from "../support/channel-host.js";
import { burner } from "../support/fake-guest.js";
import { Hypervisor, type Contract } from "../support/hypervisor.js";
import { MachinePartition } from "../support/machine-partition.js";

const CONTROL = layout.RAM_BASE + 0x8000;
const MS = 1e6;

function guest(name: string): MachinePartition {
  const code = readFileSync(fileURLToPath(new URL(`channel/${name}.bin`, import.meta.url)));
  return new MachinePartition(code, { devices: layout.DEVICE_CHANNEL, ramBytes: 1 << 18 });
}

class Pair {
  readonly real = new Hypervisor();
  readonly machines = new Map<number, MachinePartition>();
  readonly host = new ChannelHost(this.real, this.machines);
  readonly first: number;
  readonly second: number;

  constructor(first: MachinePartition, second: MachinePartition, contract: Contract = {}) {
    this.first = this.real.start(first, contract);
    this.second = this.real.start(second);
    this.machines.set(this.first, first).set(this.second, second);
    this.real.onWant = (id, want) => {
      if (want === reasons.RUN_CHANNEL) this.host.serve(id);
    };
  }
}

const channel = suite("guest: channel");

for (const [bytes, rounds] of [
  [4, 1000],
  [65_532, 50],
] as const) {
  channel(`${rounds} messages of ${bytes} bytes go to another partition and come back unchanged`, () => {
    const ping = guest("ping");
    const { real, first, second } = new Pair(ping, guest("echo"));
    ping.view.setUint32(ping.offset(CONTROL), bytes, true);
    ping.view.setUint32(ping.offset(CONTROL + 4), rounds, true);
    assert.is(real.grant(first, 0, second, 0, { capacity: 0x10000 }), 0);
    assert.is(real.grant(second, 0, first, 0, { capacity: 0x10000 }), 1);
    real.runTo(1000 * MS);
    assert.is(ping.read32(CONTROL + 8), rounds);
    assert.is(real.u32(first, abi.PARTITION_REASON), reasons.STOP_POWER_OFF);
    assert.is(real.state(second), reasons.STATE_RUNNING);
    assert.is(real.runFor(1), -1, "the other sleeps without a timer");
  });
}

channel("without a grant nothing passes; a revoked channel stops at once", () => {
  const ping = guest("ping");
  const { real, host, first, second } = new Pair(ping, guest("echo"));
  ping.view.setUint32(ping.offset(CONTROL), 64, true);
  ping.view.setUint32(ping.offset(CONTROL + 4), 0xffff_ffff, true);
  real.grant(first, 0, second, 0);
  const back = real.grant(second, 0, first, 0);
  real.runTo(10 * MS);
  assert.is(real.state(first), reasons.STATE_RUNNING);
  host.revoke(back);
  real.runTo(20 * MS);
  // The guest takes the error for the end.
  assert.is(real.u32(first, abi.PARTITION_REASON), reasons.STOP_POWER_OFF);
  assert.ok(ping.read32(CONTROL + 8) > 100);
});

channel("a writer that floods a reader who never reads fills one ring and harms only itself", () => {
  const { real, first, second } = new Pair(guest("flood"), new MachinePartition([0xe320f003, 0xeafffffd]), {
    budget: 3_000,
  });
  const good = real.start(burner(), { budget: 5_000 });
  const there = real.grant(first, 0, second, 0, { capacity: 0x10000 });
  real.runTo(200 * MS);
  const at = abi.CHANNELS + there * abi.CHANNEL_BYTES;
  const fill = real.view.getUint32(at + abi.CHANNEL_FILL, true);
  assert.ok(fill <= 0x10000 && fill > 0x10000 - 4100, `${fill} bytes`);
  assert.ok(real.view.getUint32(at + abi.CHANNEL_REFUSED, true) > 1000);
  assert.is(real.cpu(good), 100 * MS);
  assert.is(real.state(second), reasons.STATE_RUNNING);
});

channel("a rate limit holds for a guest that floods", () => {
  const flood = guest("flood");
  const { real, first, second } = new Pair(flood, guest("echo"), { budget: 3_000 });
  const there = real.grant(first, 0, second, 0, { capacity: 0x10000, bytes: { rate: 1_000_000, burst: 0x10000 } });
  real.runTo(200 * MS);
  const used = Number(
    real.word64(abi.CHANNELS + there * abi.CHANNEL_BYTES + abi.CHANNEL_BYTES_BUCKET + abi.BUCKET_USED),
  );
  assert.ok(used >= 190_000 && used <= 200_000 + 0x10000, `${used} bytes in 200 ms`);
});

channel.run();
