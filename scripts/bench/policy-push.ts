// From an operator's push to the device's report, on one computer: broker, agent's process, the check inside QuickJS, hypervisor, and back.

import { setTimeout as sleep } from "node:timers/promises";
import { nodeCrypto } from "../../agent/identity/crypto.ts";
import { openSigned } from "../../agent/wire/open.ts";
import type { Reported } from "../../agent/wire/reports.ts";
import { DOWN, seconds, UP } from "../../test/support/agent-process.ts";
import { startAedes } from "../../test/support/broker.ts";
import { enrolledState, withManagedHandset } from "../../test/support/managed-handset.ts";
import { KEYS, signedDocument } from "../../test/support/signed.ts";
import { percentileStart, type Measurement } from "./report.ts";

const PUSH_COUNT = 40;
/** Envelopes draw on a bucket of one a second. */
const PAUSE_MS = 1_050;

const openReport = (payload: Uint8Array): Reported =>
  openSigned("report", payload, () => KEYS.device.publicKey, nodeCrypto);

export async function measurePolicyPush(): Promise<Measurement[]> {
  const what = "from a signed policy's push to its report, enforced in between, p99";
  const row = percentileStart("policy-push", "ms", what, 800, 99);
  const broker = await startAedes();
  await withManagedHandset(
    enrolledState(),
    async () => {
      await broker.watch.until("birth", () => broker.published.some(({ topic }) => topic === `${UP}/state`));
      for (let version = 7; version < 7 + PUSH_COUNT; version++) {
        await sleep(PAUSE_MS);
        const times = { issued: seconds() - 1, expires: seconds() + 3600 };
        const budget = { cpuPermille: 100 + (version % 2) * 100 };
        const bytes = await signedDocument("pol", { version, ...times, budget });
        const pushed = performance.now();
        await broker.publish(`${DOWN}/pol/work`, bytes, { retain: true });
        await broker.watch.until("report", () =>
          broker.published.some(
            ({ topic, payload }) => topic === `${UP}/rep/work` && openReport(payload).policy.version === version,
          ),
        );
        row.ours.push(performance.now() - pushed);
      }
    },
    { brokers: [broker.url] },
  );
  await broker.stop();
  return [row];
}
