// The connection counter: never twice, whatever becomes of the file.

import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConnectionFile } from "../../../../agent/link/connection-file.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("connection file");

test("the number is on the disk before it is used, and rises over restarts and wild clocks", () => {
  const path = join(temporaryFolder(), "agent", "connection");
  let last = 0;
  const clocks = [100, 1_800_000_000, -5, NaN, Infinity, 2 ** 60, 0];
  clocks.forEach((clock, index) => {
    const file = new ConnectionFile(path, () => clock);
    assert.is(file.boot, index + 1);
    for (let n = 0; n < 3; n++) {
      const number = file.nextConnection();
      assert.ok(Number.isSafeInteger(number) && number > last, `${number} after ${last}`);
      last = number;
      assert.is((JSON.parse(readFileSync(path, "utf8")) as { connection: number }).connection, number);
    }
  });
  assert.is(statSync(path).mode & 0o777, 0o600);
});

test("damaged, foreign and missing files count as none, and the clock keeps the number from coming back", () => {
  for (const contents of ["", "{", "null", "[]", '{"format":2}', '{"format":1,"connection":-1,"boot":0,"plain":[]}']) {
    const path = join(temporaryFolder(), "connection");
    writeFileSync(path, contents);
    const file = new ConnectionFile(path, () => 1_800_000_000);
    assert.is(file.boot, 1);
    assert.is(file.nextConnection(), 1_800_000_000);
  }
});

test("a disk that refuses is told, and numbers still rise", () => {
  const folder = join(temporaryFolder(), "connection");
  // A folder where the file belongs: no user may write it, not even root.
  mkdirSync(join(folder, "x"), { recursive: true });
  chmodSync(folder, 0o500);
  const file = new ConnectionFile(folder, () => 1_000);
  const first = file.nextConnection();
  assert.not.equal(file.trouble, "");
  assert.ok(file.nextConnection() > first);
  chmodSync(folder, 0o700);
});

test("versions are remembered for each broker, and forgotten", () => {
  const path = join(temporaryFolder(), "connection");
  new ConnectionFile(path, () => 0).remember("mqtt://a:1", 4);
  const file = new ConnectionFile(path, () => 0);
  assert.is(file.version("mqtt://a:1"), 4);
  assert.is(file.version("mqtt://b:1"), 5);
  file.remember("mqtt://a:1", 5);
  assert.is(new ConnectionFile(path, () => 0).version("mqtt://a:1"), 5);
});

test.run();
