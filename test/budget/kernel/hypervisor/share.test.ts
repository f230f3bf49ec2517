// The promises about CPU shares, on the real machine: bare-metal guests on machine.wasm, scheduled by hypervisor.wasm, 60 s of virtual time.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, FakeGuest } from "../../../support/fake-guest.js";
import { Hypervisor, type Contract } from "../../../support/hypervisor.js";
import { MachinePartition } from "../../../support/machine-partition.js";
import { Random } from "../../../support/random.js";

const MS = 1e6;
const within = (value: number, target: number, share: number, what: string): void =>
  assert.ok(Math.abs(value - target) <= share, `${what}: ${value} instead of ${target}`);

/** b . */
const SPIN = [0xeafffffe];
/** cpsid if; b . */
const SPIN_MASKED = [0xf10c00c0, 0xeafffffe];

const share = suite("share");

share("60 s of burning at 50 %: 50 ± 0.5 %, overrun below a quantum, no drift", () => {
  const real = new Hypervisor();
  const id = real.start(burner(), { budget: 5_000, period: 10_000 });
  const shares: number[] = [];
  for (let second = 1; second <= 60; second++) {
    real.runTo(second * 1000 * MS);
    shares.push(real.cpu(id) / real.now);
  }
  for (const value of shares) within(value, 0.5, 0.005, "share so far");
  within(real.cpu(id), 30_000 * MS, abi.QUANTUM, "CPU time after 60 s");
  assert.ok(real.u64(id, abi.PARTITION_OVERRUN_MAX) < BigInt(abi.QUANTUM));
});

share("a machine with a guest that spins: its budget, counted in its own instructions", () => {
  const real = new Hypervisor();
  const machine = new MachinePartition(SPIN);
  const id = real.start(machine, { budget: 5_000, period: 10_000 });
  real.runTo(1_000 * MS);
  assert.is(real.cpu(id), 500 * MS);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 50_000_000n);
  assert.is(machine.instructions, 50_000_000n);
});

share("two guaranteed at 30 % and best effort: each within 0.5 % over 60 s", () => {
  const real = new Hypervisor();
  const one = real.start(burner(), { budget: 3_000, period: 10_000 });
  const two = real.start(burner(), { budget: 30_000, period: 100_000 });
  const rest = real.start(burner(), { weight: 100 });
  const other = real.start(burner(), { weight: 300 });
  real.runTo(60_000 * MS);
  within(real.cpu(one) / real.now, 0.3, 0.005, "first");
  within(real.cpu(two) / real.now, 0.3, 0.005, "second");
  within(real.cpu(rest) / real.now, 0.1, 0.005, "best effort, weight 100");
  within(real.cpu(other) / real.now, 0.3, 0.005, "best effort, weight 300");
});

/** What a well-behaved partition gets beside this neighbour: CPU time, and how late its timer finds it. */
function beside(
  neighbour: ((real: Hypervisor) => void) | undefined,
  contract: Contract,
): { cpu: number; latency: number } {
  const real = new Hypervisor();
  // 600 µs of work every 10 ms, by its own timer.
  let burning = false;
  const id = real.start(
    new FakeGuest(() => ((burning = !burning) ? { burn: 60_000 } : { sleep: 240_000 - 14_400 })),
    contract,
  );
  neighbour?.(real);
  real.runTo(8_000 * MS);
  return { cpu: real.cpu(id), latency: Number(real.u64(id, abi.PARTITION_LATENCY_MAX)) };
}

/** Everything a hostile partition can do through its machine. */
const HOSTILE: Record<string, (real: Hypervisor) => void> = {
  burns: (real) => void real.start(burner()),
  "spins with interrupts masked": (real) => void real.start(new MachinePartition(SPIN_MASKED)),
  "floods its console": (real) => {
    let full = false;
    real.start(new FakeGuest(() => ((full = !full) ? { burn: 20_000 } : { want: reasons.RUN_OUTPUT })));
  },
  "sleeps and wakes fifty thousand times a second": (real) => {
    let asleep = false;
    real.start(new FakeGuest(() => ((asleep = !asleep) ? { sleep: 480 } : { burn: 100 })), { budget: 3_000 });
  },
  "traps and is restarted": (real) => {
    const random = new Random(1);
    const make = (): FakeGuest => new FakeGuest(() => (random.oneIn(3) ? { trap: true } : { burn: 1000 }));
    real.start(make(), { budget: 3_000, restartMax: 1_000_000, backoffFirst: 0, backoffMax: 0 });
    real.onWant = (id, want) => {
      if (want !== reasons.WANT_RESTART) return;
      real.install(id, make());
      real.must(real.exports.partitionStart(id), "partitionStart");
    };
  },
  "comes a hundredfold": (real) => {
    for (let n = 0; n < 100; n++) real.start(burner(), { weight: 10_000 });
  },
};

for (const [name, neighbour] of Object.entries(HOSTILE)) {
  share(
    `beside a neighbour that ${name}: a guaranteed partition loses ≤ 1 % and stays within a period of its timer`,
    () => {
      const contract = { budget: 1_000, period: 10_000 };
      const alone = beside(undefined, contract);
      const together = beside(neighbour, contract);
      within(together.cpu / alone.cpu, 1, 0.01, "CPU time beside it");
      assert.ok(together.latency <= alone.latency + 10 * MS, `${together.latency} ns after its timer`);
    },
  );
}

share("a hostile best-effort partition takes no more than its weight from another", () => {
  for (const [name, neighbour] of Object.entries(HOSTILE)) {
    if (name === "comes a hundredfold") continue;
    const real = new Hypervisor();
    const id = real.start(burner());
    neighbour(real);
    real.runTo(5_000 * MS);
    assert.ok(real.cpu(id) / real.now >= 0.495, `${name}: ${real.cpu(id) / real.now}`);
  }
});

share.run();
