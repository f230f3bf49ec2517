// A Debian guest on a cellular link: its first frame switches the radio on, its reserve pays promotion and tail, and `why` says so. Then the link ends.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset, type HandsetProcess } from "../support/handset-process.js";
import { missingGuest } from "../support/linux.js";
import { testUnless } from "../support/skip.js";
import type { HandsetView } from "../../agent/view.js";

const radio = suite("guest/radio");

/** Of LTE, as boards/qemu-virt has it: 260 ms at 1,210 mW. */
const PROMOTION = 260e6 * 1210;

async function untilSeen(handset: HandsetProcess, seen: (view: HandsetView) => boolean): Promise<HandsetView> {
  for (let looks = 0; ; looks++) {
    const { stdout } = await handset.call(["ls", "--json"]);
    const view = JSON.parse(stdout) as HandsetView;
    if (seen(view)) return view;
    assert.ok(looks < 600, `the handset came to what is awaited: ${JSON.stringify(view.radio)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

testUnless(
  radio,
  missingGuest(),
  "a guest's first frame pays promotion and tail of the radio, and the link's end is told",
  async () => {
    const web = "  - { name: web, guest: linux, memory: 64M, network: {}, energy: { capacity: 60J, rate: 600mW } }\n";
    const link = "link: { kind: cellular, script: [{ at: 20s, kind: none }] }\n";
    await withHandset(`${web}${link}`, async (handset) => {
      const on = await untilSeen(handset, ({ radio: { state } }) => state === "on");
      assert.is(on.radio.link, "cellular");
      assert.is(on.radio.needPicojoules, PROMOTION + 100e6 * 1288 + 11_476e6 * 1060);
      const user = on.radio.users[0]!;
      assert.ok(user.spent >= PROMOTION, `${user.spent} pJ`);
      const web = on.partitions.find(({ name }) => name === "web")!;
      assert.is(user.partition, web.partition);
      assert.ok(web.energy.spent >= user.spent, "what the radio cost is in what the partition spent");
      assert.match((await handset.call(["why", "web"])).stdout, /It has spent [\d.]+ m?J on the cellular radio\./);
      assert.match((await handset.call(["why"])).stdout, /It is connected by cellular, and the radio is on\./);
      const off = await untilSeen(handset, ({ radio: { link: kind } }) => kind === "none");
      assert.equal([off.radio.state, off.radio.users.every(({ laidAside }) => laidAside === 0)], ["none", true]);
      await handset.says(/link: none/);
    });
  },
);

radio.run();
