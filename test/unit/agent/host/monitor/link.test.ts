// How the phone is connected, by script or as the computer's files say.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HandsetLink } from "../../../../../agent/host/monitor/link.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const links = suite("monitor/link");

links("a script is followed, and only a change is told", async () => {
  const script = {
    kind: "wifi" as const,
    steps: [
      { atNs: 0, kind: "wifi" as const },
      { atNs: 1e6, kind: "cellular" as const },
      { atNs: 2e6, kind: "none" as const },
    ],
  };
  const link = new HandsetLink({ sensor: "simulated", script, deterministic: false, root: "/" });
  assert.equal([link.kind, link.note], ["wifi", ""]);
  const told: string[] = [];
  await new Promise<void>((done) =>
    link.start((kind) => {
      told.push(kind);
      if (kind === "none") done();
    }),
  );
  link.close();
  assert.equal(told, ["cellular", "none"]);
  assert.is(link.kind, "none");
});

links("without a word it is a cable; virtual time has no link of this computer's, and follows no script", () => {
  const without = new HandsetLink({ sensor: "simulated", script: null, deterministic: false, root: "/" });
  assert.is(without.kind, "ethernet");
  const steps = [{ atNs: 0, kind: "none" as const }];
  const options = { sensor: "/sys/class/net", script: { kind: "wifi" as const, steps }, root: "/" };
  const virtual = new HandsetLink({ ...options, deterministic: true });
  virtual.start(assert.unreachable);
  assert.equal([virtual.kind, virtual.note], ["wifi", "link simulated: time is virtual"]);
});

links("a board's sensor comes before the file's script, and the file is told so", () => {
  const root = temporaryFolder();
  mkdirSync(join(root, "proc/net"), { recursive: true });
  mkdirSync(join(root, "sys/class/net/wwan0"), { recursive: true });
  writeFileSync(join(root, "proc/net/route"), "head\nwwan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
  const script = { kind: "wifi" as const, steps: [] };
  const link = new HandsetLink({ sensor: "/sys/class/net", script, deterministic: false, root });
  assert.equal([link.kind, link.note], ["cellular", "the link is measured: the file's `link` is not used"]);
});

links.run();
