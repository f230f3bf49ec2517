// A device's way out of its fleet and back in: the operator's verbs, the fleet's own broker, the real agent, real keys.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FleetBroker } from "../../fleet/broker.js";
import { Keeper } from "../../fleet/keeper.js";
import type { DeviceView } from "../../fleet/view.js";
import { seconds } from "../support/agent-process.js";
import { fleetRun, madeFleet } from "../support/fleet.js";
import { withEnrolledHandset, type ManagedHandset } from "../support/managed-handset.js";
import { temporaryFile } from "../support/temporary.js";

const test = suite("fleet/retire");

test("retired, a device answers, is free, and comes back as another; what was signed for the first is nothing to the second", async () => {
  const fleet = await madeFleet(seconds());
  const state = fleet.environment["XDG_STATE_HOME"]!;
  const monitorFolder = join(state, "pocketvisor/small/monitor");
  const run = async (...args: string[]): Promise<string> => {
    const { status, out, said } = await fleetRun(fleet, args, { now: seconds });
    assert.is(status, 0, `${args.join(" ")}: ${said}`);
    return out;
  };
  const devices = async (): Promise<DeviceView[]> => JSON.parse(await run("ls", "--json")) as DeviceView[];
  const broker = await FleetBroker.listen(fleet.store, 0, seconds);
  /** Enrols it, boots it, and gives it a policy. */
  const life = async (body: (handset: ManagedHandset, device: string) => Promise<void>): Promise<void> => {
    await run("enrol", "--local", "small", "--consent", "none");
    await new Keeper(fleet.store, broker.publish).round(seconds());
    await withEnrolledHandset(state, async (handset) => {
      await until("the link", async () => (await handset.monitor.snapshot()).management!.link.up);
      await run("policy", "push", temporaryFile("partition: work\nbudget: { cpu: 20% }\n"), "--to", "all");
      await until("the policy", async () => (await handset.monitor.snapshot()).partitions[0]!.cpu.ceiling === 20_000);
      await body(handset, (await handset.monitor.snapshot()).management!.device);
    });
  };
  try {
    let first = "";
    await life(async (_handset, device) => {
      first = device;
      await until("a signed report", async () => {
        const [view] = await devices();
        return view!.policies.some(({ inStep, signed }) => inStep && signed);
      });
      const refused = await fleetRun(fleet, ["enrol", "--local", "small"], { now: seconds });
      assert.match(refused.said, /ENROLLED/);
      await run("retire", "small", "--confirm", "small");
      await until("the release", async () => !existsSync(join(monitorFolder, "governance")));
      assert.equal(
        (await devices()).map(({ retired }) => retired),
        [true],
      );
    });
    await life(async (handset, device) => {
      assert.not.equal(device, first);
      // By its label it is the one that is there.
      await run("pause", "small", "work");
      assert.is((await handset.monitor.snapshot()).partitions[0]!.state, "paused");
      const views = await devices();
      assert.equal(views.map(({ retired }) => retired).sort(), [false, true]);
    });
  } finally {
    await broker.close();
  }
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (Date.now() > end) throw new Error(`it did not come to ${what}`);
  }
}

test.run();
