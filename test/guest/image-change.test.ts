// A kernel's file that another program changes or removes while its guest runs: the next reset loads it again. What is not what was planned ends that
// partition, and nobody else.

import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { partitionPrepare } from "../../agent/host/monitor/prepare.js";
import { bringUp, partitionOf, playHandset, type Scripted } from "../support/handset.js";
import { temporaryFolder } from "../support/temporary.js";
import type { LoadedSpec, LoadedRequest } from "../../agent/host/between/messages.js";

const test = suite("guest/image-change");
const KEYS = fileURLToPath(new URL("./bare/keys.bin", import.meta.url));

/** A partition whose kernel is this file, pinned by its hash as a governed one's is. */
function specOf(path: string, name: string): LoadedSpec {
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  const { plan } = partitionPrepare(
    {
      ...{ ramBytes: 1 << 20, mode: "scheduled", firmware: null, initrd: null, commandLine: null, deviceTree: null },
      ...{ kernel: { path, sha256, offset: null, bssBytes: 0 }, disk: null, overhead: "small", channels: true },
    },
    0,
  );
  return partitionOf(name, { plan });
}

/** A request that does nothing, at whose time something else happens. */
function meanwhile(atMs: number, happens: () => void): Scripted {
  const request = { op: "snapshot" } as const;
  return [
    atMs,
    new Proxy(request, { get: (target, key) => (happens(), Reflect.get(target, key) as unknown) }) as LoadedRequest,
  ];
}

for (const [what, change] of [
  ["removed", (path: string): void => rmSync(path, { force: true })],
  [
    "changed",
    (path: string): void =>
      writeFileSync(path, Buffer.concat([readFileSync(KEYS).subarray(0, -4), Buffer.alloc(4, 1)])),
  ],
  ["cut", (path: string): void => writeFileSync(path, readFileSync(KEYS).subarray(0, 64))],
] as const) {
  test(`${what} before a reset: that partition has failed, the other runs on`, () => {
    const path = join(temporaryFolder(), "kernel");
    copyFileSync(KEYS, path);
    const { snapshot } = playHandset(
      [
        ...bringUp(0, specOf(path, "work"), "e"),
        ...bringUp(1, partitionOf("personal"), "s"),
        meanwhile(200, () => change(path)),
        [400, { op: "input", partition: 0, bytes: Buffer.from("r") }],
      ],
      1_000,
    );
    assert.equal(
      snapshot.partitions.map(({ name, state }) => [name, state]),
      [
        ["work", "failed"],
        ["personal", "running"],
      ],
    );
  });
}

test("unchanged, it comes back", () => {
  const { snapshot } = playHandset(
    [...bringUp(0, specOf(KEYS, "work"), "e"), [400, { op: "input", partition: 0, bytes: Buffer.from("r") }]],
    1_000,
  );
  assert.is(snapshot.partitions[0]!.state, "running");
});

test.run();
