// pocketvisor audit: what was done is on disk, in words, over two lives of a handset; and a changed file is told.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset } from "../support/handset-process.js";
import { temporaryFolder } from "../support/temporary.js";
import type { AuditView } from "../../agent/view.js";

const audit = suite("audit");

audit(
  "commands and refusals are recorded, the next start goes on from them, and a change of the file is found",
  async () => {
    const folder = temporaryFolder();
    const file = join(folder, "pocketvisor", "small", "monitor", "audit");
    let first: AuditView | undefined;
    await withHandset(
      "",
      async ({ call }) => {
        assert.is((await call(["pause", "work"])).status, 0);
        assert.is((await call(["budget", "home", "--budget", "95ms"])).status, 10);
        const view = JSON.parse((await call(["audit", "--last", "1000", "--json"])).stdout) as AuditView;
        first = view;
        assert.equal([view.holds, view.problems, view.lostCount], [true, [], 0]);
        const texts = view.records.map(({ partition, text }) => `${partition ?? ""}: ${text}`);
        assert.is(texts[0], ": the handset started in real time; nothing was before");
        assert.ok(texts.includes("work: paused"));
        assert.ok(
          texts.some((text) => /^home: guaranteed CPU shares would exceed the limit: asked 95\.00 %$/.test(text)),
        );
        assert.ok(view.records.every(({ at }) => at !== null && Math.abs(Date.parse(at) - Date.now()) < 3600e3));
        assert.match(
          (await call(["audit", "--last", "2"])).stdout,
          /^( +\d+ .*\n){2}The chain of \d+ records holds\. Last hash: [0-9a-f]{64}\n$/,
        );
        assert.is((await call(["audit", "--last", "-1"])).status, 2);
      },
      folder,
    );
    assert.is(statSync(file).mode & 0o777, 0o600);
    await withHandset(
      "",
      async ({ call }) => {
        const view = JSON.parse((await call(["audit", "--last", "1000", "--json"])).stdout) as AuditView;
        assert.is(view.holds, true);
        assert.ok(view.recordCount > first!.recordCount);
        assert.equal(
          view.records
            .slice(0, first!.records.length)
            .map(({ sequence, at, text }) => [sequence, at, text.slice(0, 6)]),
          first!.records.map(({ sequence, at, text }) => [sequence, at, text.slice(0, 6)]),
        );
        const bound = view.records.filter(({ kind }) => kind === "start").at(-1)!;
        assert.match(bound.text, /the chain goes on from the start before/);
        // Somebody lets the pause never have been.
        const bytes = readFileSync(file);
        const paused = first!.records.findIndex(({ text }) => text === "paused");
        bytes.copyWithin((1 + paused) * 64, (2 + paused) * 64);
        writeFileSync(file, bytes.subarray(0, -64));
        assert.match(
          (await call(["audit"])).stdout,
          /does NOT hold:\n {2}the file, record at byte \d+: it has number \d+/,
        );
      },
      folder,
    );
  },
);

audit.run();
