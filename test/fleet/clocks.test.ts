// A lost phone whose clock is anywhere: a lock that the broker keeps reaches it over TLS all the same, because the fleet tells it what time it is.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MESSAGE } from "../../agent/wire/limits.js";
import { stateMsg, type StateMessage } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { authorityPem, serverPem } from "../../fleet/certificates.js";
import { DOWN, UP } from "../support/agent-process.js";
import { startAedes } from "../support/broker.js";
import { madeFleet } from "../support/fleet.js";
import { enrolledState, withManagedHandset } from "../support/managed-handset.js";
import { DAY, fleetTrust, signedDocument } from "../support/signed.js";

const test = suite("fleet/clocks");
const now = Math.floor(Date.now() / 1000);
const YEAR = 365 * DAY;

/** What time it is in truth, in years from this computer's clock: so the phone's clock is wrong by as much, to the other side. */
const TRUTHS = [-50, -3, 0, 1, 76];

for (const years of TRUTHS) {
  const truth = now + Math.round(years * YEAR);
  const what = years === 0 ? "right" : `${Math.abs(years)} years ${years > 0 ? "behind" : "ahead"}`;
  test(`a lock that the broker keeps reaches a phone whose clock is ${what}, over TLS; then a command does`, async () => {
    const { store } = await madeFleet(truth);
    const authorities = await authorityPem(store, truth);
    const broker = await startAedes(await serverPem(store, "127.0.0.1", truth));
    const births = (): StateMessage[] =>
      broker.published
        .filter(({ topic }) => topic === `${UP}/state`)
        .map(({ payload }) => decodeMessage(stateMsg, payload, MESSAGE));
    const times = { issued: truth - 10, expires: truth + 3600 };
    const answered = new Set<string>();
    /** The fleet: answers each question once. */
    const fleet = setInterval(() => {
      for (const { nonce } of births()) {
        const name = nonce === undefined ? "" : Buffer.from(nonce).toString("hex");
        if (nonce === undefined || answered.has(name)) continue;
        answered.add(name);
        void signedDocument("now", { ...times, version: 0, now: truth, nonce }).then((bytes) =>
          broker.publish(`${DOWN}/now`, bytes),
        );
      }
    }, 20);
    try {
      await broker.publish(`${DOWN}/lock`, await signedDocument("lock", times), { retain: true });
      const state = enrolledState(fleetTrust({ floor: truth - 9 * DAY }));
      await withManagedHandset(
        state,
        async ({ monitor }) => {
          const began = performance.now();
          const lockedNow = async (): Promise<boolean> => (await monitor.snapshot()).partitions[0]!.state === "locked";
          while (!(await lockedNow())) await new Promise((resolve) => setTimeout(resolve, 20));
          console.log(`clock ${what}: locked ${Math.round(performance.now() - began)} ms after the start`);
          assert.is((await monitor.snapshot()).partitions[1]!.state, "running", "the owner's side is not the fleet's");
          const command = await signedDocument("cmd", { ...times, verb: "report", partition: undefined as never });
          await broker.publish(`${DOWN}/cmd`, command);
          await broker.watch.until("ack", () => broker.published.some(({ topic }) => topic === `${UP}/ack`));
          const asking = births().filter(({ online, nonce }) => !online && nonce !== undefined);
          assert.is(
            asking.length > 0,
            years !== 0,
            "with its dates in doubt it asked for the time before anything else",
          );
        },
        { brokers: [broker.url], agent: { authorities } },
      );
    } finally {
      clearInterval(fleet);
      await broker.stop();
    }
  });
}

test.run();
