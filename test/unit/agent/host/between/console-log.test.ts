// The console log: a writer that never waits, and readers that learn what they lost.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONSOLE_LOG_BYTES, ConsoleLog } from "../../../../../agent/host/between/console-log.js";

const log = suite("console log");

log("a reader gets every byte, in order, across the wrap", () => {
  const writer = new ConsoleLog();
  const reader = new ConsoleLog(writer.buffer);
  let cursor = 0;
  let sent = "";
  let got = "";
  for (let n = 0; n < 5_000; n++) {
    const text = `line ${n} ${"x".repeat(n % 97)}\n`;
    writer.append(Buffer.from(text));
    sent += text;
    if (n % 7 !== 0) continue;
    const part = reader.readFrom(cursor);
    assert.is(part.lost, 0);
    got += part.bytes.toString();
    cursor = part.cursor;
  }
  got += reader.readFrom(cursor).bytes.toString();
  assert.ok(got === sent);
});

log("a reader that sleeps gets the newest 64 KiB and the number of lost bytes", () => {
  const writer = new ConsoleLog();
  const all = Buffer.alloc(3 * CONSOLE_LOG_BYTES + 17);
  for (let n = 0; n < all.length; n++) all[n] = (n * 131) & 0xff;
  for (let at = 0; at < all.length; at += 1000) writer.append(all.subarray(at, at + 1000));
  const { bytes, lost, cursor } = new ConsoleLog(writer.buffer).readFrom(0);
  assert.is(lost, all.length - CONSOLE_LOG_BYTES);
  assert.ok(bytes.equals(all.subarray(all.length - CONSOLE_LOG_BYTES)));
  assert.is(cursor, all.length);
});

log("of one chunk that is larger than the log, the end is kept", () => {
  const writer = new ConsoleLog();
  writer.append(Buffer.alloc(10, 1));
  const chunk = Buffer.alloc(CONSOLE_LOG_BYTES + 5, 2);
  chunk[chunk.length - 1] = 3;
  writer.append(chunk);
  const { bytes } = writer.readFrom(0);
  assert.is(bytes.length, CONSOLE_LOG_BYTES);
  assert.is(bytes[0], 2);
  assert.is(bytes[bytes.length - 1], 3);
});

log.run();
