// fleet sim: real agents in number. A broker's restart costs nothing that was taken and is followed by no storm; what is simulated looks simulated and
// leaves nothing behind.

import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { enrolledDevices, saveDevice } from "../../fleet/devices.js";
import { FleetError } from "../../fleet/failure.js";
import { brokerOptions } from "../../fleet/link.js";
import { pinOf, rootEnvelope } from "../../fleet/keys.js";
import { enrol, leftRuns, makeDevices, newRun, removeRun } from "../../fleet/sim/devices.js";
import { Herd } from "../../fleet/sim/herd.js";
import { simulate } from "../../fleet/sim/simulation.js";
import { Witness } from "../../fleet/sim/witness.js";
import type { FleetStore } from "../../fleet/store.js";
import { startAedes, Watch, type TestBroker } from "../support/broker.js";
import { fleetRun, madeFleet, type TestFleet } from "../support/fleet.js";
import { enrolKey } from "../support/fleet-device.js";
import { ManualClock } from "../support/manual-clock.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { Random } from "../support/random.js";
import { KEYS, NOW } from "../support/signed.js";

const test = suite("fleet/sim");
const COUNT = 20;
/** The first window of a device that has lost its link (agent/link/backoff.ts). */
const WINDOW_MS = 30_000;
const always = (): boolean => true;
const seconds = (): number => Math.floor(Date.now() / 1000);

test("20 devices, their broker restarted: each is back when chance says, and every record arrives once", async () => {
  const { store } = await madeFleet();
  let broker = await startAedes();
  const port = Number(new URL(broker.url).port);
  const terms = { brokers: [broker.url], certified: false, authorities: "" };
  const devices = await makeDevices(store, newRun(), COUNT, terms, NOW, always);
  const clock = new ManualClock(NOW);
  const random = new Random(41);
  const draws: number[] = [];
  const herd = new Herd(clock, () => {
    draws.push(random.u32() / 2 ** 32);
    return draws.at(-1)!;
  });
  const watch = new Watch();
  herd.changed = () => watch.changed();
  const witness = new Witness(
    store.tenant,
    devices.map(({ name }) => name),
  );
  const takeAll = ({ published }: TestBroker): void => {
    for (const { topic, payload, qos } of published.splice(0)) witness.receive(topic, payload, qos);
  };
  /** Waits until what was sent has arrived and was acknowledged; `more` lets time pass. */
  const arrived = async (over: () => boolean, more = (): void => {}): Promise<void> => {
    for (let step = 0; !over(); step++) {
      if (step > 3_000) throw new Error(JSON.stringify([herd.counts, witness.receivedCount]));
      if (step % 4 === 0) more();
      await sleep(5);
      takeAll(broker);
    }
  };
  // No time passes by itself, but what is due now happens.
  const poll = setInterval(() => {
    clock.pass(0);
    watch.changed();
  }, 5);
  try {
    await broker.publish("pv/1/demo/all/dn/root", rootEnvelope(store), { retain: true });
    await herd.start(devices, { intervalSeconds: 10, perSecond: 100, pin: pinOf(store) });
    clock.pass(1_000);
    await watch.until("everybody", () => herd.counts.connected === COUNT);
    clock.pass(50_000);
    // Samples wait until it is time to send them; what has left is there.
    await arrived(() => witness.receivedCount + herd.counts.waiting === herd.counts.records);
    assert.ok(herd.counts.records >= COUNT * 6, "five or six samples each, an event with every fourth");
    assert.ok(herd.counts.waiting > 0 && witness.receivedCount > 0);

    // All links are lost in one moment. What each device draws then is when it comes back.
    const before = draws.length;
    await broker.stop();
    await watch.until("nobody", () => herd.counts.connected === 0);
    const waits = draws
      .slice(before)
      .map((draw) => draw * WINDOW_MS)
      .sort((a, b) => a - b);
    assert.is(waits.length, COUNT);
    broker = await startAedes(undefined, false, port);
    const lostAt = clock.now();
    for (const [at, wait] of waits.entries()) {
      clock.pass(lostAt + wait - clock.now());
      await watch.until(`return ${at + 1}`, () => herd.counts.connected === at + 1);
    }
    assert.equal(
      herd
        .takeReturns()
        .map(Math.round)
        .sort((a, b) => a - b),
      waits.map(Math.round),
    );
    assert.equal([herd.counts.lostLinks, herd.counts.failedTries], [COUNT, 0]);

    herd.settle();
    // Far less time passes than a message may go unacknowledged.
    let passedMs = 0;
    await arrived(
      () => herd.counts.waiting === 0 && witness.receivedCount === herd.counts.records,
      () => {
        if (passedMs < 30_000) clock.pass(250);
        passedMs += 250;
      },
    );
    const taken = herd.counts.records;
    assert.ok(taken >= COUNT * 8);
    herd.leave();
    await watch.until("everybody's leave", () => herd.hasLeft);
    takeAll(broker);
    assert.equal(witness.losses(herd.facts), { lost: 0, lostAcknowledged: 0 });
    assert.equal([witness.receivedCount, witness.duplicateCount, witness.brokenCount], [taken, 0, 0]);
    assert.is(
      herd.facts.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      herd.counts.acknowledged,
    );
  } finally {
    clearInterval(poll);
    herd.leave();
    await broker.stop();
  }
});

test("settled or sent away before they have started: devices connect and say nothing, or do not connect", async () => {
  const { store } = await madeFleet();
  const broker = await startAedes();
  const watch = new Watch();
  const clock = new ManualClock(NOW);
  const terms = { brokers: [broker.url], certified: false, authorities: "" };
  const settings = { intervalSeconds: 1, perSecond: 1, pin: pinOf(store) };
  const poll = setInterval(() => {
    clock.pass(0);
    watch.changed();
  }, 5);
  const herds: Herd[] = [];
  try {
    for (const what of ["settle", "leave"] as const) {
      const herd = new Herd(clock, () => 0.5);
      herds.push(herd);
      const started = herd.start(await makeDevices(store, newRun(), 4, terms, NOW, always), settings);
      // The first while keys are read, the second before the last has started.
      if (what === "settle") herd.settle();
      await started;
      if (what === "leave") herd.leave();
      for (let second = 0; second < 10; second++) {
        clock.pass(1_000);
        if (what === "settle") await watch.until("a device", () => herd.counts.connected === Math.min(4, second + 2));
        else await watch.until("nobody", () => herd.counts.connected === 0);
      }
      assert.equal([herd.counts.records, herd.hasLeft], [0, what === "leave"]);
    }
  } finally {
    clearInterval(poll);
    herds.forEach((herd) => herd.leave());
    await broker.stop();
  }
});

async function fails(code: string, body: () => unknown): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return assert.is(error.code, code);
  }
  throw new Error(`nothing failed, ${code} was expected`);
}

const contents = (store: FleetStore): string[] => enrolledDevices(store).map(({ label }) => label);

test("a simulated device never takes a real one's place, and removing a run touches nothing else", async () => {
  const { store } = await madeFleet();
  const real = enrolKey(store);
  const before = readFileSync(store.path("devices", `${real}.json`));
  await fails("SIM_REAL", () => enrol(store, real, KEYS.device.publicKey, "sim-00000000-1", NOW));
  assert.equal(readFileSync(store.path("devices", `${real}.json`)), before);
  // A real one with a name like a simulated one's: the mark counts, not the name.
  const [run, other] = [newRun(), newRun()];
  const rest = { board: "simulated", enrolledAt: NOW, retiredAt: null };
  saveDevice(store, { name: "0".repeat(32), key: "1".repeat(64), label: `sim-${run}-9`, ...rest });
  const terms = { brokers: ["mqtt://127.0.0.1:1"], certified: true, authorities: "" };
  const made = await makeDevices(store, run, 3, terms, NOW, always);
  await makeDevices(store, other, 1, terms, NOW, always);
  assert.equal(leftRuns(store).sort(), [run, other].sort());
  assert.equal(removeRun(store, run).sort(), made.map(({ name }) => name).sort());
  assert.equal(contents(store).sort(), [`sim-${run}-9`, "demo", `sim-${other}-1`].sort());
  assert.not(existsSync(made[0]!.folder));
  await fails("SIM_RUN", () => removeRun(store, "../keys"));
});

const run = (fleet: TestFleet, ...args: string[]): ReturnType<typeof fleetRun> =>
  fleetRun(fleet, args, { now: seconds });

test("what cannot be simulated is refused before anything is made", async () => {
  const fleet = await madeFleet(seconds());
  fleet.store.writeJson({ port: 1, password: "x".repeat(16) }, "broker.json");
  for (const args of [
    ["sim"],
    ["sim", "0"],
    ["sim", "1e3"],
    ["sim", "20001", "--broker", "mqtts://broker.example"],
    ["sim", "5", "--for", "5"],
    ["sim", "5", "--interval", "0s"],
    ["sim", "5", "--rate", "0"],
    ["sim", "513"],
  ]) {
    assert.is((await run(fleet, ...args)).status, 2, args.join(" "));
  }
  // Another computer's broker without TLS; no broker at all.
  const plain = await run(fleet, "sim", "5", "--broker", "mqtt://broker.example");
  assert.match(plain.said, /BROKER_PLAIN/);
  const gone = await run(fleet, "sim", "5", "--broker", "mqtt://127.0.0.1:1");
  assert.match(gone.said, /FLEET_BROKER/);
  const dry = await run(fleet, "sim", "500", "--dry-run");
  assert.is(dry.status, 0);
  assert.match(dry.said, /would run 500 simulated devices/);
  assert.equal([enrolledDevices(fleet.store), existsSync(fleet.store.path("sim"))], [[], false]);
});

test("the command: against this computer's own broker, with a policy, kept and cleaned", async () => {
  const fleet = await madeFleet(seconds());
  const environment = { XDG_STATE_HOME: fleet.environment["XDG_STATE_HOME"]! };
  let url = "";
  const ended = new AbortController();
  const serving = fleetRun(fleet, ["broker", "--json"], { now: seconds, signal: ended.signal });
  try {
    while (!existsSync(fleet.store.path("broker.json"))) await sleep(10);
    url = `mqtt://127.0.0.1:${(JSON.parse(readFileSync(fleet.store.path("broker.json"), "utf8")) as { port: number }).port}`;
    const policy = fleet.store.path("policy.yaml");
    fleet.store.writeBytes(Buffer.from("partition: work\nbudget: { cpu: 20% }\n"), "policy.yaml");
    const pushed = await run(fleet, "policy", "push", policy, "--to", "all");
    assert.is(pushed.status, 0, pushed.said);
    // Until there was enough to see, however long that takes here.
    const { store } = fleet;
    const link = brokerOptions(store, { url: null, authorities: null, certificate: null, key: null });
    let enough = false;
    const report = await simulate(
      store,
      {
        ...{ count: 5, intervalSeconds: 1, perSecond: 100, seconds: null, keep: true, link },
        terms: { brokers: [link.url], certified: false, authorities: "" },
      },
      {
        now: seconds,
        signal: new AbortController().signal,
        over: () => enough,
        progress: ({ counts, received }) => (enough = counts.policies === 5 && received >= 20),
      },
    );
    assert.equal(
      [report.devices, report.connected, report.lost, report.lostAcknowledged, report.waiting, report.leftover],
      [5, 5, 0, 0, 0, ""],
    );
    assert.is(report.received, report.counts.records);
    assert.ok(report.counts.acknowledged > 0);
    const listed = await run(fleet, "ls");
    assert.is(listed.out.match(/sim-[0-9a-f]{8}-\d +\(simulated\) +down .* 1\.1 +1\.1 /g)?.length, 5, listed.out);
    assert.is((await run(fleet, "sim", "--clean")).status, 0);
    const after = await run(fleet, "ls", "--json");
    assert.equal([JSON.parse(after.out), leftRuns(fleet.store)], [[], []], url);

    // As people run it: what it says, and nothing left.
    const command = ["fleet", "sim", "2", "--for", "1s", "--interval", "1s", "--json"];
    const { status, stdout, stderr } = await pocketvisor(command, { environment });
    assert.is(status, 0, stderr);
    const said = JSON.parse(stdout) as Record<string, number> & { counts: Record<string, number> };
    assert.equal([said["devices"], said["connected"], said["lost"], said["waiting"]], [2, 2, 0, 0]);
    assert.is(said["received"], said.counts["records"]);
    assert.equal([contents(store), leftRuns(store)], [[], []]);
  } finally {
    ended.abort();
    await serving;
  }
});

test.run();
