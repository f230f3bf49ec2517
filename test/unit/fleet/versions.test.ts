// Versions: no number twice, none lower than before, also with many processes at once and after a cut.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lastVersion, nextVersion } from "../../../fleet/versions.js";
import { emptyFleet } from "../../support/fleet.js";

const versions = suite("fleet versions");

versions("each subject of each kind counts for itself, from 1", () => {
  const { store } = emptyFleet();
  assert.equal(
    [nextVersion(store, "pol", "work"), nextVersion(store, "pol", "work"), nextVersion(store, "pol", "games")],
    [1, 2, 1],
  );
  assert.is(nextVersion(store, "time", ":00ff"), 1);
  assert.is(lastVersion(store, "pol", "work"), 2);
});

versions("the claims do not pile up, and a foreign file among them changes nothing", () => {
  const { store } = emptyFleet();
  store.writeBytes(new Uint8Array(1), "versions", "pol+work", "99x");
  for (let expected = 1; expected <= 50; expected++) assert.is(nextVersion(store, "pol", "work"), expected);
  assert.ok(readdirSync(store.path("versions", "pol+work")).length < 16);
});

versions("four processes at once never get the same number", async () => {
  const { environment } = emptyFleet();
  const module = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
  const program = `
    import { FleetStore } from ${module("../../../fleet/store.ts")};
    import { nextVersion } from ${module("../../../fleet/versions.ts")};
    const store = new FleetStore("demo");
    for (let count = 0; count < 60; count++) console.log(nextVersion(store, "pol", "work"));`;
  const runs = Array.from(
    { length: 4 },
    () =>
      new Promise<number[]>((resolve, reject) => {
        const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program], {
          env: { ...process.env, ...environment },
          stdio: ["ignore", "pipe", "inherit"],
        });
        let text = "";
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        child.on("error", reject).on("close", () => resolve(text.trim().split("\n").map(Number)));
      }),
  );
  const each = await Promise.all(runs);
  const all = each.flat();
  assert.is(all.length, 240);
  assert.is(new Set(all).size, 240, "no number twice");
  for (const own of each)
    assert.equal(
      own,
      [...own].sort((a, b) => a - b),
      "each process sees them rise",
    );
});

versions.run();
