// The day's bytes: counted over restarts, forgotten by a hundredth at most, anew with each day.

import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DayFile } from "../../../../agent/telemetry/day-file.js";
import { Thinning } from "../../../../agent/telemetry/thinning.js";
import { DAY, NOW } from "../../../support/signed.js";
import { Random } from "../../../support/random.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("thinning");
const SETTINGS = { sampleSeconds: 0, sendSeconds: 1, bytesPerDay: 10_000 };

test("an agent that is killed again and again forgets less than a hundredth of the day each time", () => {
  const random = new Random(5);
  const path = join(temporaryFolder(), "day");
  let spent = 0;
  for (let life = 0; life < 40; life++) {
    const thinning = new Thinning(SETTINGS, new DayFile(path));
    assert.ok(spent - thinning.usedBytes <= 100, `${spent} were spent, ${thinning.usedBytes} are known`);
    assert.ok(thinning.usedBytes <= spent);
    spent = thinning.usedBytes;
    thinning.keeps(NOW + life);
    for (let message = random.below(5); message > 0; message--) {
      const bytes = random.below(130);
      thinning.spend(bytes);
      spent += bytes;
    }
    // No close(): kill -9.
  }
  assert.ok(spent > 3_000);
});

test("an agent that ends in order forgets nothing, thins on, and does not tell the same step twice", () => {
  const path = join(temporaryFolder(), "day");
  const first = new Thinning(SETTINGS, new DayFile(path));
  first.keeps(NOW);
  assert.is(first.spend(8_001), 4);
  first.spend(7);
  first.close();
  assert.is(statSync(path).mode & 0o777, 0o600);
  const second = new Thinning(SETTINGS, new DayFile(path));
  assert.is(second.usedBytes, 8_008);
  second.keeps(NOW + 1);
  assert.is(second.stride, 4);
  assert.is(second.spend(10), null);
  assert.is(second.spend(1_500), 16);
  // Another day: all of it is there again.
  second.keeps(NOW + DAY);
  assert.equal([second.usedBytes, second.stride], [0, 1]);
});

test("a file that is damaged, or a disk that refuses, costs the count and nothing else", () => {
  for (const contents of [
    "",
    "{",
    "null",
    '{"day":-1,"usedBytes":1}',
    '{"day":1e99,"usedBytes":0}',
    "x".repeat(5_000),
  ]) {
    const path = join(temporaryFolder(), "day");
    writeFileSync(path, contents);
    const thinning = new Thinning(SETTINGS, new DayFile(path));
    assert.ok(thinning.keeps(NOW));
    assert.is(thinning.usedBytes, 0);
  }
  const folder = join(temporaryFolder(), "full");
  mkdirSync(folder);
  // A folder in the file's place refuses whoever asks, the superuser too.
  mkdirSync(join(folder, "day"));
  const file = new DayFile(join(folder, "day"));
  const thinning = new Thinning(SETTINGS, file);
  thinning.keeps(NOW);
  thinning.spend(500);
  assert.is(thinning.usedBytes, 500);
  assert.not.equal(file.trouble, "");
});

test.run();
