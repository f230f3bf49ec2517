// Budgets on real machines: what a partition is promised it gets, what it is denied it does not get, whatever its neighbour does;
// and the same script is the same run. Guests: test/guest/bare/keys.S ("s" spins for ever, "l" writes 20,000 lines).

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RAM_BASE, TRANSLATE_BYTES_LEAST } from "../../kernel/abi/layout.js";
import { BOARD, bringUp, partitionOf, playHandset, translatedPartitionOf, type Scripted } from "../support/handset.js";
import type { CpuContract } from "../../agent/handset/contracts.js";
import type { HandsetSnapshot } from "../../agent/view.js";
import type { LoadedSpec } from "../../agent/host/between/messages.js";

const budgets = suite("budgets on machines");
const guaranteed = (budget: number, ceiling: number | null = null, weight = 0): CpuContract => ({
  class: "guaranteed",
  budget,
  period: 100_000,
  ceiling,
  weight,
});
const END_MS = 3_000;

/** Shares of the handset's time that the partitions of a played script had, by name. */
function sharesOf(script: Scripted[], endMs = END_MS): Record<string, number> {
  const { snapshot } = playHandset(script, endMs);
  return Object.fromEntries(snapshot.partitions.map(({ name, cpu }) => [name, cpu.timeNs / snapshot.nowNs]));
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

budgets("a burn at 50 % gets 50 ± 0.5 %", () => {
  const spec = partitionOf("half", { cpu: guaranteed(50_000, 50_000) });
  near(sharesOf(bringUp(0, spec, "s")).half!, 0.5, 0.005);
});

budgets("two guaranteed at 30 % beside best effort: each within 0.5 %, and best effort gets what is left", () => {
  const shares = sharesOf([
    ...bringUp(0, partitionOf("one", { cpu: guaranteed(30_000) }), "s"),
    ...bringUp(1, partitionOf("two", { cpu: guaranteed(30_000) }), "s"),
    ...bringUp(2, partitionOf("rest"), "s"),
  ]);
  near(shares.one!, 0.3, 0.005);
  near(shares.two!, 0.3, 0.005);
  near(shares.rest!, 0.4, 0.005);
});

budgets("translation changes no share: not the partition's own, not its neighbour's, nor what is executed", () => {
  const cpu = guaranteed(30_000, 30_000);
  const play = (one: LoadedSpec) => {
    const script = [...bringUp(0, one, "s"), ...bringUp(1, partitionOf("two", { cpu }), "s")];
    const { snapshot } = playHandset(script, END_MS);
    return snapshot.partitions.map(({ cpu: { timeNs }, instructions, translation, memoryBytes }) => ({
      share: timeNs / snapshot.nowNs,
      instructions,
      translation,
      memoryBytes,
    }));
  };
  const interpreted = play(partitionOf("one", { cpu }));
  const translated = play(translatedPartitionOf("one", 4 << 20, { cpu }));
  for (const { share } of [...interpreted, ...translated]) near(share, 0.3, 0.005);
  assert.equal(
    translated.map(({ instructions }) => instructions),
    interpreted.map(({ instructions }) => instructions),
  );
  const { translation, instructions, memoryBytes } = translated[0]!;
  assert.ok(translation!.executed > instructions / 2, `${translation!.executed} of ${instructions}`);
  assert.is(translated[1]!.translation, null, "the neighbour is interpreted");
  // Its tables and all the code that there may be are charged from the start.
  assert.is(memoryBytes - interpreted[0]!.memoryBytes, TRANSLATE_BYTES_LEAST + (4 << 20));
});

budgets("translated code that is not allowed any more goes at once, and none comes back, at a restart neither", () => {
  const one = translatedPartitionOf("one", 4 << 20);
  const snapshots = (limit: Scripted[]): HandsetSnapshot[] => {
    const looks = [500, 1_000, 1_500, 2_500].map((at): Scripted => [at, { op: "snapshot" }]);
    const later: Scripted[] = [
      [1_900, { op: "restart", partition: 0 }],
      [1_900, { op: "input", partition: 0, bytes: Buffer.from("s") }],
    ];
    const script = [...bringUp(0, one, "s"), ...limit, ...looks, ...later].sort(([a], [b]) => a - b);
    const { answers } = playHandset(script, END_MS);
    return answers.flatMap((answer) =>
      "value" in answer && typeof answer.value === "object" && answer.value !== null
        ? [answer.value as HandsetSnapshot]
        : [],
    );
  };
  const limits = (codeBytes: number): Scripted => [600, { op: "translation", partition: 0, name: "one", codeBytes }];
  const instructionsOf = (all: HandsetSnapshot[]): number[] => all.map(({ partitions }) => partitions[0]!.instructions);
  const statsOf = (all: HandsetSnapshot[]) => all.map(({ partitions }) => partitions[0]!.translation);
  const free = snapshots([]);
  const off = snapshots([limits(0)]);
  const capped = snapshots([limits(2 << 20)]);
  assert.equal([instructionsOf(off), instructionsOf(capped)], [instructionsOf(free), instructionsOf(free)]);
  const [before, soon, late, restarted] = statsOf(off);
  assert.ok(before!.executed > 0);
  assert.is(late!.executed, soon!.executed, "nothing of what was translated runs any more");
  assert.equal([soon!.codeBytesMax, late!.modules], [0, before!.modules]);
  assert.is(restarted, null);
  const [, , held, again] = statsOf(capped);
  assert.equal([held!.codeBytesMax, again!.codeBytesMax], [2 << 20, 2 << 20]);
  assert.ok(again!.executed > 0, "within the cap it goes on");
  assert.ok(statsOf(free)[2]!.executed > late!.executed * 2);
});

budgets("the neighbour of a flooding console loses at most 1 %", () => {
  const quiet = partitionOf("quiet", { cpu: guaranteed(40_000) });
  const alone = sharesOf(bringUp(0, quiet, "s")).quiet!;
  const flood = partitionOf("flood", {
    io: { blockOperations: null, blockBytes: null, consoleBytes: { rate: 100_000, burst: 10_000 } },
  });
  const beside = sharesOf([...bringUp(0, quiet, "s"), ...bringUp(1, flood, "l")]).quiet!;
  near(beside, 0.4, 0.005);
  assert.ok(alone - beside <= 0.01 || alone > 0.4, `${alone} alone, ${beside} beside a flood`);
});

budgets("an empty reserve runs nothing until it is filled: the average power is the tap's", () => {
  const spec = partitionOf("thirsty", { energy: { capacity: 1_000_000_000n, rate: 9_000, share: 0 } }); // 9 mW of 90 mW
  const { snapshot } = playHandset(bringUp(0, spec, "s"), END_MS);
  const [partition] = snapshot.partitions;
  near(partition!.cpu.timeNs / snapshot.nowNs, 0.1, 0.01);
  assert.ok(partition!.energy.throttledTotal > 0);
  // One picojoule is one microwatt for one microsecond.
  const filled = (snapshot.nowNs / 1000) * 9_000;
  assert.ok(partition!.energy.spent + partition!.energy.level <= filled + 1, "energy came from nowhere");
});

budgets("memory: one byte too many is refused, by name and number", () => {
  const room = BOARD.ramBytes - BOARD.reserveBytes;
  const admit = (memoryBytes: number): unknown =>
    playHandset(
      [
        [0, { op: "define", spec: partitionOf("big", { memoryBytes }) }],
        [0, { op: "admit", partition: 0 }],
      ],
      1,
    ).answers[1];
  assert.equal(admit(room), { value: null });
  const refused = admit(room + 1) as { refusal: { text: string; wanted: bigint; limit: bigint } };
  assert.is(refused.refusal.wanted, BigInt(room + 1));
  assert.is(refused.refusal.limit, BigInt(room));
  assert.match(refused.refusal.text, /the board has not that much memory left: asked 50331649 bytes/);
});

budgets("a paused partition runs nothing, a changed budget holds at once, a stopped one gives its share back", () => {
  const spec = partitionOf("work", { cpu: guaranteed(50_000, 50_000) });
  const { io } = spec;
  const script: Scripted[] = [
    ...bringUp(0, spec, "s"),
    ...bringUp(1, partitionOf("other"), "s"),
    [1_000, { op: "pause", partition: 0 }],
    [2_000, { op: "resume", partition: 0 }],
    [2_000, { op: "budget", partition: 0, cpu: guaranteed(20_000, 20_000), energy: null, io }],
    [3_000, { op: "stop", partition: 0 }],
  ];
  const { snapshot, answers } = playHandset(script, 3_500);
  assert.ok(answers.every((answer) => "value" in answer));
  // 1 s at 50 %, 1 s at 0, 1 s at 20 %.
  near(snapshot.partitions[0]!.cpu.timeNs / 1e9, 0.7, 0.02);
  assert.is(snapshot.partitions[0]!.state, "stopped");
  assert.is(snapshot.cpuHeldPpb, 0);
});

budgets("a guest that ends itself stops, and can be started again", () => {
  const { snapshot, answers } = playHandset(
    [
      ...bringUp(0, partitionOf("brief"), "q"),
      ...bringUp(1, partitionOf("other"), "s"),
      [500, { op: "start", partition: 0 }],
    ],
    600,
  );
  assert.ok(
    answers.every((answer) => "value" in answer),
    JSON.stringify(answers),
  );
  assert.is(snapshot.partitions[0]!.state, "running");
});

budgets("a guest that panics is restarted, with a growing pause, and then given up", () => {
  const spec: Partial<LoadedSpec> = {
    restart: { onFailure: "restart", max: 3, backoffFirstMs: 10, backoffMaxMs: 1_000, noProgressMs: 0 },
  };
  const keys: Scripted[] = [100, 200, 400, 800].map((at) => [
    at,
    { op: "input", partition: 0, bytes: Buffer.from("p") },
  ]);
  const { snapshot } = playHandset(
    [...bringUp(0, partitionOf("sick", spec), "p"), ...bringUp(1, partitionOf("well"), "s"), ...keys],
    1_500,
  );
  const [sick, well] = snapshot.partitions;
  assert.is(sick!.restarts, 3);
  assert.is(sick!.state, "failed");
  assert.is(sick!.reason, "its kernel panicked");
  // r4 is the UART, the mode is Supervisor (ARM DDI 0406C B1.3.1), and pc lies behind its HVC.
  const { registers, pc, cpsr, reason } = sick!.crash!;
  assert.equal([registers[4], cpsr & 0x1f, reason], [0x0900_0000, 0x13, sick!.reason]);
  const code = readFileSync(new URL("../guest/bare/keys.bin", import.meta.url));
  assert.is(code.readUInt32LE(pc - 4 - (RAM_BASE + 0x1_0000)), 0xe140_0070);
  assert.is(well!.crash, null);
  assert.is(well!.state, "running");
});

/** test/guest/channel: code for the start of RAM, whose control words say how long a message is and how often it is sent. */
function channelGuest(name: string, bytes: number, rounds: number): LoadedSpec {
  const spec = partitionOf(name);
  const code = readFileSync(new URL(`../guest/channel/${name}.bin`, import.meta.url));
  const control = Buffer.alloc(8);
  control.writeUInt32LE(bytes, 0);
  control.writeUInt32LE(rounds, 4);
  const segments = [
    { address: RAM_BASE, source: { bytes: code } },
    { address: RAM_BASE + 0x8000, source: { bytes: control } },
  ];
  return { ...spec, machine: { ...spec.machine, entry: RAM_BASE }, plan: { ...spec.plan, segments, entry: RAM_BASE } };
}

/** What the echo has executed when the other has sent its messages over channels that go these ways. */
function echoed(rounds: number, ways: [from: number, to: number][]): { instructions: number; reason: string } {
  const contract = { capacity: 65_536, bytes: null, messages: null };
  const grants = ways.map(([from, to]): Scripted => {
    return [0, { op: "channel", from: { partition: from, port: 0 }, to: { partition: to, port: 0 }, contract }];
  });
  const members = ["ping", "echo"].flatMap((name, partition): Scripted[] => [
    [0, { op: "define", spec: channelGuest(name, 64, rounds) }],
    [0, { op: "admit", partition }],
  ]);
  const starts = [1, 0].map((partition): Scripted => [0, { op: "start", partition }]);
  const { snapshot } = playHandset([...members, ...grants, ...starts], 1_000);
  return { instructions: snapshot.partitions[1]!.instructions, reason: snapshot.partitions[0]!.reason };
}

budgets("two partitions talk over granted channels, each way for itself, and not without", () => {
  const both: [number, number][] = [
    [0, 1],
    [1, 0],
  ];
  const [few, many] = [echoed(10, both), echoed(1_000, both)];
  assert.is(many.reason, "powered itself off");
  assert.ok(
    many.instructions > 50 * few.instructions,
    `${many.instructions} for 1000 messages, ${few.instructions} for 10`,
  );
  const silent = echoed(1_000, []).instructions;
  const oneWay = echoed(1_000, [[0, 1]]).instructions;
  assert.ok(silent < few.instructions && oneWay < few.instructions, `${silent}, ${oneWay}, ${few.instructions}`);
});

budgets("the same script gives the same schedule, energy and audit hash, bit for bit", () => {
  const script = (): Scripted[] => [
    ...bringUp(
      0,
      partitionOf("one", { cpu: guaranteed(30_000), energy: { capacity: 10_000_000_000n, rate: 40_000, share: 0 } }),
      "l",
    ),
    ...bringUp(1, partitionOf("two"), "s"),
    [700, { op: "pause", partition: 1 }],
    [900, { op: "resume", partition: 1 }],
  ];
  const [first, second] = [playHandset(script(), 1_500), playHandset(script(), 1_500)];
  assert.equal(second.snapshot, first.snapshot);
  assert.is(second.auditHash, first.auditHash);
  assert.is.not(playHandset(script().slice(0, -1), 1_500).auditHash, first.auditHash);
});

budgets.run();
