// fleet groups: the device's own signed document; what is for a group is for whoever it names.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issue } from "../../fleet/documents.js";
import { DAY, NOW, wordOf } from "../support/signed.js";
import { enrolledTrust, fleetRun, judged, madeFleet } from "../support/fleet.js";
import { connectDevice, enrolKey, withBroker } from "../support/fleet-device.js";

const groups = suite("fleet groups");

groups("a device that is put into a group takes the group's policy; taken out of it, it refuses the next", async () => {
  const fleet = await madeFleet();
  const name = enrolKey(fleet.store);
  await withBroker(fleet.store, async (broker) => {
    const device = await connectDevice(broker, name);
    let trust = { ...enrolledTrust(fleet.store), groups: [] as string[] };
    const verdicts: string[] = [];
    let heard: () => void = () => {};
    device.on("message", (topic, payload) => {
      if (!topic.endsWith("/dn/groups")) return;
      const { verdict, trust: next } = judged(trust, new Uint8Array(payload), { kind: "groups" });
      trust = next;
      verdicts.push(wordOf(verdict));
      heard();
    });
    await device.subscribeAsync(`pv/1/demo/${name}/dn/#`, { qos: 1 });
    const set = async (args: string[]): Promise<void> => {
      const told = new Promise<void>((resolve) => (heard = resolve));
      assert.is((await fleetRun(fleet, ["groups", "demo", ...args])).status, 0);
      await told;
    };
    const policy = async (): Promise<string> => {
      const { envelope } = await issue(fleet.store, "pol", "sales", { partition: "work" }, NOW, DAY);
      return wordOf(judged(trust, envelope, { kind: "pol", partition: "work" }).verdict);
    };
    assert.is(await policy(), "audience");
    await set(["sales", "pilot"]);
    assert.is(await policy(), "accepted");
    assert.is((await fleetRun(fleet, ["groups", "demo"])).out, "pilot sales");
    await set(["--none"]);
    assert.is(await policy(), "audience");
    assert.equal(verdicts, ["accepted", "accepted"]);
    await device.endAsync(true);
  });
});

groups("a dry run signs nothing; names that cannot stand in a topic, or mean everybody, are refused", async () => {
  const fleet = await madeFleet();
  enrolKey(fleet.store);
  assert.match((await fleetRun(fleet, ["groups", "demo", "sales", "--dry-run"])).said, "sales instead of none");
  assert.is((await fleetRun(fleet, ["groups", "demo"])).out, "in no group");
  for (const args of [["a/b"], ["#"], ["all"], ["ab".repeat(16)], ["sales", "--none"]]) {
    assert.is((await fleetRun(fleet, ["groups", "demo", ...args])).status, 2, args.join(" "));
  }
});

groups.run();
