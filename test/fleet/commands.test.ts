// Commands from `fleet …` to a device that judges them as devices do, and its answers back: exit status, ids, keys, confirmation.

import { renameSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ack, type Ack } from "../../agent/wire/commands.js";
import { encodeMessage } from "../../agent/wire/schema.js";
import type { Trust } from "../../agent/wire/trust.js";
import type { LockDocument, TimeDocument } from "../../agent/wire/documents.js";
import { deviceNamed } from "../../fleet/devices.js";
import { audienceOf, issuedFor } from "../../fleet/documents.js";
import { lockFor } from "../../fleet/lock.js";
import { NOW, wordOf } from "../support/signed.js";
import { enrolledTrust, fleetRun, judged, madeFleet, type FleetResult, type TestFleet } from "../support/fleet.js";
import { connectDevice, enrolKey, withBroker } from "../support/fleet-device.js";

const commands = suite("fleet commands");

interface World extends TestFleet {
  name: string;
  /** What the device thought of each command. */
  verdicts: string[];
  verbs: string[];
  /** Resolves when the device has judged so many commands. */
  seen: (count: number) => Promise<void>;
  run: (args: string[], answers?: string[]) => Promise<FleetResult>;
}

/** What a lock document wants, in short: "work: locked, else unlocked". */
const lockText = ({ partitions, others }: LockDocument): string =>
  [...partitions.map(({ partition, desired }) => `${partition}: ${desired}`), `else ${others.desired}`].join(", ");

/** A device that answers a command it accepts with these statuses, after somebody else's. */
async function world(
  statuses: Ack["status"][],
  body: (world: World) => Promise<void>,
  allowed: Trust["allowed"] = [],
): Promise<void> {
  const fleet = await madeFleet();
  const name = enrolKey(fleet.store);
  await withBroker(fleet.store, async (broker) => {
    const device = await connectDevice(broker, name);
    const [verdicts, verbs]: [string[], string[]] = [[], []];
    let judgedOne: () => void = () => {};
    const seen = async (count: number): Promise<void> => {
      while (verdicts.length < count) await new Promise<void>((resolve) => (judgedOne = resolve));
    };
    let trust: Trust = { ...enrolledTrust(fleet.store), allowed };
    device.on("message", (topic, payload, { retain }) => {
      const kind = topic.split("/").at(-1)!;
      // Root and freshness documents go before a lock: this device has the one, and needs none of the other.
      if (kind !== "cmd" && kind !== "lock") return;
      const { verdict, trust: next } = judged(trust, new Uint8Array(payload), { kind, retained: retain });
      trust = next;
      verdicts.push(wordOf(verdict));
      judgedOne();
      if (verdict.verdict !== "accepted") return;
      const { accepted } = verdict;
      if (accepted.kind === "cmd") verbs.push(accepted.document.verb);
      if (accepted.kind === "lock") verbs.push(lockText(accepted.document));
      const { id } = accepted.document;
      const say = (each: Ack): void =>
        void device.publish(`pv/1/demo/${name}/up/ack`, Buffer.from(encodeMessage(ack, each)));
      say({ id: new Uint8Array(16), status: "failed", time: NOW });
      for (const status of statuses) say({ id, status, time: NOW, text: `so \x1b[2J` });
    });
    await device.subscribeAsync(`pv/1/demo/${name}/dn/#`, { qos: 1 });
    try {
      await body({
        ...fleet,
        name,
        verdicts,
        verbs,
        seen,
        run: (args, answers = []) => fleetRun(fleet, args, { answers }),
      });
    } finally {
      await device.endAsync(true);
    }
  });
}

for (const verb of ["start", "stop", "restart", "pause", "resume"]) {
  commands(`${verb}: the device accepts it, and its last ack is the status`, () =>
    world(["received", "in-progress", "succeeded"], async ({ run, verdicts, verbs }) => {
      const { status, said } = await run([verb, "demo", "work"]);
      assert.is(status, 0);
      assert.equal([verdicts, verbs], [["accepted"], [verb]]);
      assert.match(said, "received: so \\x1b[2J");
      assert.not.match(said, "\x1b");
    }),
  );
}

for (const [verb, words] of [
  ["lock", "work: locked, else unlocked"],
  ["unlock", "work: unlocked, else unlocked"],
] as const) {
  commands(`${verb}: a state of the device's own, kept by the broker; its answer is the status`, () =>
    world(["succeeded"], async ({ run, verdicts, verbs, store, name }) => {
      const { status, out } = await run([verb, "demo", "work", "--json"]);
      assert.is(status, 0);
      assert.equal([verdicts, verbs], [["accepted"], [words]]);
      assert.is((JSON.parse(out) as { version: string }).version, "1.1");
      assert.is(lockFor(store, name)!.document.version, 1);
    }),
  );
}

commands(
  "locks add up, one for all replaces them, and what was asked for before keeps the version that asked for it",
  () =>
    world(["succeeded"], async ({ run, verbs, store, name }) => {
      for (const args of [["lock", "work"], ["wipe", "kiosk", "--confirm", "demo"], ["unlock", "work"], ["lock"]]) {
        assert.is((await run([args[0]!, "demo", ...args.slice(1)])).status, 0);
      }
      assert.equal(verbs, [
        "work: locked, else unlocked",
        "work: locked, kiosk: wiped, else unlocked",
        "kiosk: wiped, work: unlocked, else unlocked",
        "else locked",
      ]);
      assert.equal(lockFor(store, name)!.document.others, { desired: "locked", since: 4 });
      const time = issuedFor(store, audienceOf(name)).find(({ kind }) => kind === "time")!.document as TimeDocument;
      assert.equal(
        time.newest.map(({ kind, version }) => [kind, version]),
        [["lock", 4]],
      );
    }),
);

for (const [status, expected] of [
  ["succeeded", 0],
  ["failed", 1],
  ["rejected", 1],
  ["expired", 1],
  ["cancelled", 1],
  ["timed-out", 1],
] as const) {
  commands(`an ack of ${status}: exit status ${expected}`, () =>
    world([status], async ({ run }) => {
      const { status: exit, out } = await run(["start", "demo", "work", "--json"]);
      assert.is(exit, expected);
      assert.is((JSON.parse(out) as { status: string }).status, status);
    }),
  );
}

commands("no last answer in time: status 6; --no-wait asks for none", () =>
  world(["received", "not-now"], async ({ run, verdicts, seen }) => {
    const { status, said } = await run(["lock", "demo", "--wait", "0.3"]);
    assert.is(status, 6);
    assert.match(said, "no answer within 0.3 s");
    assert.is((await run(["lock", "demo", "--no-wait"])).status, 0);
    await seen(2);
    assert.equal(verdicts, ["accepted", "accepted"]);
  }),
);

commands("logs and console need their owner's consent: that is the device's word", () =>
  world(
    ["succeeded"],
    async ({ run, verdicts, seen }) => {
      assert.is((await run(["logs", "demo"])).status, 0);
      assert.is((await run(["console", "demo", "work", "--wait", "0.3"])).status, 6);
      await seen(2);
      assert.equal(verdicts, ["accepted", "consent"]);
    },
    ["read-logs"],
  ),
);

commands("a wipe of the device wants its typed name and two wipe keys, and is accepted then", () =>
  world(
    ["succeeded"],
    async (all) => {
      const { run, verdicts, verbs, store } = all;
      for (const args of [[], ["--confirm", "Demo"]]) {
        assert.match((await run(["wipe", "demo", ...args])).said, "UNCONFIRMED");
      }
      assert.match((await run(["wipe", "demo"], ["yes"])).said, "UNCONFIRMED");
      assert.equal(verdicts, []);
      assert.is((await run(["wipe", "demo"], ["demo"])).status, 0);
      assert.is((await run(["wipe", "demo", "work", "--confirm", "demo"])).status, 0);
      assert.equal(
        [verdicts, verbs],
        [
          ["accepted", "accepted"],
          ["else wiped", "work: wiped, else wiped"],
        ],
      );
      renameSync(store.path("keys", "wipe-2.key"), store.path("wipe-2.away"));
      assert.match((await run(["wipe", "demo"], ["demo"])).said, "FLEET_KEYS");
      assert.is(verdicts.length, 2);
    },
    ["wipe-device"],
  ),
);

commands("retire: the device leaves the book when it has said that it did", () =>
  world(["received", "succeeded"], async ({ run, store, name, verbs }) => {
    assert.is((await run(["retire", "demo", "--confirm", "demo"])).status, 0);
    assert.equal(verbs, ["retire"]);
    assert.is(deviceNamed(store, name)!.retiredAt, NOW);
  }),
);

commands("a dry run sends nothing; what is missing or wrong has status 2", () =>
  world(["succeeded"], async ({ run, verdicts }) => {
    assert.is((await run(["wipe", "demo", "--dry-run"])).status, 0);
    for (const args of [
      ["start", "demo"],
      ["lock"],
      ["lock", "demo", "a/#"],
      ["retire", "demo", "work"],
      ["lock", "demo", "--wait", "x"],
    ]) {
      assert.is((await run(args)).status, 2, args.join(" "));
    }
    assert.equal(verdicts, []);
  }),
);

commands.run();
