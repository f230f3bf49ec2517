// The audit on disk: the chain goes on over rotation and restarts, what is lost is told, and no change of the files goes unseen.

import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AuditLog, type AuditWriter } from "../../../../../agent/host/audit/log.js";
import { auditView } from "../../../../../agent/host/audit/view.js";
import { AUDIT_BYTES, CHAIN_BOUND, CHAIN_BROKEN, CHAIN_NEW } from "../../../../../kernel/abi/hypervisor.js";
import { FAIL_PANIC, LOSS_DISK, STOP_COMMAND } from "../../../../../kernel/abi/reasons.js";
import { Generator } from "../../../../support/generator.js";
import { partitionOf, startedHypervisor } from "../../../../support/handset.js";
import { temporaryFolder } from "../../../../support/temporary.js";
import type { CpuContract } from "../../../../../agent/handset/contracts.js";

const FILE_BYTES = 64 * AUDIT_BYTES;
const names = (): undefined => undefined;

/** A start of a handset: `count` records in batches of many sizes, from a real hypervisor that goes on from what is on disk. */
function start(folder: string, count: number, generator: Generator, write?: AuditWriter): AuditLog {
  const log = new AuditLog(folder, FILE_BYTES, write);
  const hypervisor = startedHypervisor(log.chain);
  for (let left = count; left > 0;) {
    const batch = Math.min(left, 1 + generator.below(9));
    for (let n = 0; n < batch; n++)
      hypervisor.rings.tell("test", 1 + generator.below(1), FAIL_PANIC, generator.below(2 ** 31));
    log.append(hypervisor.rings.takeAudit());
    left -= batch;
  }
  return log;
}

function holds(log: AuditLog): boolean {
  return log.read(0).report.holds;
}

const audit = suite("audit-log");

audit(
  "the chain goes on over rotation and over starts, and says what it goes on from; files are the user's alone",
  () => {
    const folder = join(temporaryFolder(), "a", "monitor");
    const generator = new Generator(3);
    let next = 0n;
    for (let n = 0; n < 12; n++) {
      const count = 1 + generator.below(50);
      const log = start(folder, count, generator);
      assert.is(log.chain.from, n === 0 ? CHAIN_NEW : CHAIN_BOUND);
      assert.is(log.chain.sequence, next);
      next += BigInt(count) + 1n; // the first record of the start
      const { report, records } = log.read(1);
      assert.equal(report.problems, []);
      assert.is(report.sequence, next);
      assert.is(records[0]!.sequence, next - 1n);
      log.close();
    }
    const sizes = ["audit", "audit.1"].map((name) => statSync(join(folder, name)));
    assert.ok(sizes.every(({ size }) => size > 0 && size <= FILE_BYTES));
    assert.ok(Number(next) * AUDIT_BYTES > 2 * FILE_BYTES, "old records have gone");
    for (const name of readdirSync(folder)) assert.is(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    assert.is(statSync(folder).mode & 0o777, 0o700);
  },
);

audit(
  "property: a flipped bit, a cut end, a grown one and a missing middle are found, wherever they are, at once and at the next start",
  () => {
    const generator = new Generator(8);
    const original = temporaryFolder();
    start(original, 90, generator).close();
    const files = ["audit", "audit.1"];
    const read = (name: string): Buffer => readFileSync(join(original, name));
    assert.ok(files.every((name) => read(name).length > 20 * AUDIT_BYTES));
    let [startsSeen, runsSeen] = [0, 0];
    for (let n = 0; n < 300; n++) {
      const folder = temporaryFolder();
      for (const name of readdirSync(original)) copyFileSync(join(original, name), join(folder, name));
      const running = n % 2 === 0 ? new AuditLog(folder, FILE_BYTES) : null;
      const name = files[generator.below(2)]!;
      const bytes = read(name);
      let changed: Buffer;
      const at = generator.below(bytes.length);
      switch (generator.below(5)) {
        case 0:
          changed = Buffer.from(bytes);
          changed[at] = changed[at]! ^ (1 << generator.below(8));
          break;
        case 1:
          changed = bytes.subarray(0, at);
          break;
        case 2:
          changed = bytes.subarray(0, at - (at % AUDIT_BYTES));
          break;
        case 3:
          changed = Buffer.concat([bytes, generator.bytes(1 + generator.below(200))]);
          break;
        default: {
          const first = generator.below(bytes.length / AUDIT_BYTES) * AUDIT_BYTES;
          const length = (1 + generator.below((bytes.length - first) / AUDIT_BYTES)) * AUDIT_BYTES;
          changed = Buffer.concat([bytes.subarray(0, first), bytes.subarray(first + length)]);
        }
      }
      writeFileSync(join(folder, name), changed);
      const what = `change ${n} of ${name}, at ${at}`;
      if (running !== null) {
        assert.not.ok(holds(running), what);
        running.close();
        runsSeen++;
      }
      const next = start(folder, 3, generator);
      assert.is(next.chain.from, CHAIN_BROKEN, what);
      assert.not.ok(holds(next), `${what}: a new start does not hide it`);
      assert.is(next.chain.sequence > 90n, true, "no number is given twice");
      next.close();
      startsSeen++;
      rmSync(folder, { recursive: true });
    }
    assert.equal([startsSeen, runsSeen], [300, 150]);
  },
);

audit("a file that is missing is found, and so is a note that is", () => {
  const generator = new Generator(4);
  for (const name of ["audit", "audit.1", "audit.last"]) {
    const folder = temporaryFolder();
    start(folder, 90, generator).close();
    rmSync(join(folder, name));
    const log = new AuditLog(folder, FILE_BYTES);
    assert.is(log.chain.from, CHAIN_BROKEN, name);
    log.close();
  }
});

audit("a full disk costs the records in it: they are counted, a mark tells, and the chain holds on", () => {
  const folder = temporaryFolder();
  const generator = new Generator(6);
  let full = false;
  const write: AuditWriter = (descriptor, bytes, at) => {
    const fits = full ? Math.min(bytes.length, generator.below(200)) : bytes.length;
    writeSync(descriptor, bytes, 0, fits, at);
    if (full) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  };
  const log = new AuditLog(folder, FILE_BYTES, write);
  const hypervisor = startedHypervisor(log.chain);
  let lost = 0;
  for (let n = 0; n < 150; n++) {
    full = n % 30 > 20;
    const count = 1 + generator.below(4);
    for (let k = 0; k < count; k++) hypervisor.rings.tell("test", 0, FAIL_PANIC, n);
    const records = hypervisor.rings.takeAudit();
    assert.is(log.append(records), !full, `${n}`);
    if (full) lost += records.length / AUDIT_BYTES;
    assert.equal(log.read(0).report.problems, [], `${n}`);
  }
  assert.is(log.lostCount, lost);
  assert.ok(lost > 50);
  log.close();
  const again = new AuditLog(folder, FILE_BYTES);
  assert.is(again.chain.from, CHAIN_BOUND, "what was lost was told");
  const { report } = again.read(0);
  assert.ok(report.lostCount > 0 && report.lostCount <= lost, `${report.lostCount}: some went with the oldest file`);
  again.close();
});

audit("one process at a time, what a dead one left is nothing, and a folder that is no folder is said", () => {
  const folder = temporaryFolder();
  const log = new AuditLog(folder);
  assert.throws(() => new AuditLog(folder), /a handset of this name is running: .*process \d+/);
  log.close();
  for (const left of ["999999999 5", `${process.pid} 1`, "", "x y z"]) {
    writeFileSync(join(folder, "lock"), left);
    new AuditLog(folder).close();
  }
  writeFileSync(join(folder, "file"), "");
  assert.throws(() => new AuditLog(join(folder, "file")), /cannot be opened \(E\w+\)/);
  // A folder that others may read is closed to them.
  const open = join(folder, "open");
  mkdirSync(open);
  chmodSync(open, 0o755);
  new AuditLog(open).close();
  assert.is(statSync(open).mode & 0o777, 0o700);
});

audit(
  "in words: names for partitions of this start, numbers for those of earlier ones, dates for real time alone",
  () => {
    const folder = temporaryFolder();
    start(folder, 1, new Generator(1)).close();
    const log = new AuditLog(folder);
    const hypervisor = startedHypervisor(log.chain, "realtime", 1_767_225_600_000);
    hypervisor.rings.tell("test", 1, FAIL_PANIC, 0);
    log.append(hypervisor.rings.takeAudit());
    const view = auditView(log.read(9), (id) => (id === 1 ? "work" : undefined));
    assert.equal(
      view.records.map(({ at, partition, kind, text }) => [at, partition, kind, text]),
      [
        [null, null, "start", "the handset started in virtual time; nothing was before"],
        [null, "partition 1", "host", view.records[1]!.text],
        [
          "2026-01-01T00:00:00.000Z",
          null,
          "start",
          "the handset started in real time; the chain goes on from the start before",
        ],
        ["2026-01-01T00:00:00.000Z", "work", "host", "its kernel panicked"],
      ],
    );
    assert.equal(view.records, [...auditView(log.read(4), names).records.slice(0, 3), view.records[3]!]);
    assert.is(auditView(log.read(1), names).records[0]!.at, "2026-01-01T00:00:00.000Z");
    log.close();
  },
);

audit("a partition that fails without end is told as one beyond its share, and how many records that cost", () => {
  const log = new AuditLog(temporaryFolder());
  const hypervisor = startedHypervisor(log.chain);
  const spec = partitionOf("work");
  const { id } = hypervisor.define({ ...spec, restart: { ...spec.restart, onFailure: "log", max: 1 } }) as {
    id: number;
  };
  assert.is(hypervisor.admit(id), null);
  assert.is(hypervisor.start(id), null);
  for (let n = 0; n < 1000; n++) hypervisor.fail(id, FAIL_PANIC);
  assert.is(hypervisor.stop(id, STOP_COMMAND), null);
  log.append(hypervisor.rings.takeAudit());
  const { records, holds: whole } = auditView(log.read(3), () => "work");
  assert.equal(
    records.map(({ partition, kind, text }) => `${partition}: ${kind}: ${text}`),
    [
      "work: left-out: it fails more often than its share of the audit holds: what follows of that is counted, not written",
      "work: left-out: 968 records of its failures and restarts were left out here",
      "work: state: stopped: stopped by command",
    ],
  );
  assert.is(whole, true);
  log.close();
});

audit("every kind of record has words, and each number in it is told", () => {
  const log = new AuditLog(temporaryFolder());
  const hypervisor = startedHypervisor(log.chain);
  const ids = ["work", "home"].map((name) => (hypervisor.define(partitionOf(name)) as { id: number }).id);
  for (const id of ids) assert.is(hypervisor.admit(id), null);
  const contract = { capacity: 4096, bytes: null, messages: null };
  const granted = hypervisor.channels.grant({ partition: 0, port: 3 }, { partition: 1, port: 7 }, contract);
  hypervisor.channels.revoke((granted as { channel: number }).channel);
  const { energy, io } = partitionOf("work");
  const cpu = (budget: number): CpuContract => {
    return { class: "guaranteed", budget, period: 100_000, ceiling: null, weight: 0 };
  };
  hypervisor.budget(0, { cpu: cpu(20_000), energy, io });
  hypervisor.budget(1, { cpu: cpu(80_000), energy, io });
  hypervisor.fail(1, FAIL_PANIC);
  hypervisor.rings.tell("disk-error", 0, LOSS_DISK, 9);
  for (let n = 0; n < 600; n++) hypervisor.rings.tell("flood", 0, LOSS_DISK, n);
  log.append(hypervisor.rings.takeAudit());
  hypervisor.rings.tell("after", 0, LOSS_DISK, 1);
  log.append(hypervisor.rings.takeAudit());
  const { records, holds: whole } = auditView(log.read(1000), (id) => ["work", "home"][id]);
  const texts = records.map(({ partition, kind, text }) => `${partition}: ${kind}: ${text}`);
  assert.equal(texts.slice(1, 12), [
    "work: state: defined",
    "home: state: defined",
    "work: state: admitted",
    "home: state: admitted",
    "work: grant: channel 0 from work port 3 to home port 7",
    "work: revoke: channel 0",
    "work: budget: 20 ms in 100 ms",
    "home: refused: guaranteed CPU shares would exceed the limit: asked 80.00 %",
    "home: fault: its kernel panicked: it is stopped",
    "home: state: failed: its kernel panicked",
    `work: host: ${records[11]!.text}`,
  ]);
  assert.match(records[11]!.text, /could not be read or written.* \(9\)$/);
  assert.match(texts.at(-2)!, /^null: gap: 100 records found the ring full and were lost here$/);
  assert.is(whole, true);
  log.close();
});

audit(
  "property: what is told of earlier starts is the last run without a hole, what it goes on from, and how many are gone",
  () => {
    for (let seed = 1; seed <= 30; seed++) {
      const generator = new Generator(seed);
      const folder = temporaryFolder();
      /** Everything that was ever made, and whether the disk took it. */
      const made: { record: Uint8Array; kept: boolean }[] = [];
      for (let starts = 1 + generator.below(4); starts > 0; starts--) {
        let fails = false;
        const log = new AuditLog(folder, FILE_BYTES, (descriptor, bytes, at) => {
          if (fails) throw Object.assign(new Error("full"), { code: "ENOSPC" });
          writeSync(descriptor, bytes, 0, bytes.length, at);
        });
        const hypervisor = startedHypervisor(log.chain);
        for (let batch = 1 + generator.below(12); batch > 0; batch--) {
          for (let n = generator.below(9); n >= 0; n--) hypervisor.rings.tell("test", 1, FAIL_PANIC, n);
          fails = generator.below(5) === 0;
          const bytes = hypervisor.rings.takeAudit();
          const kept = log.append(bytes);
          for (let at = 0; at < bytes.length; at += AUDIT_BYTES)
            made.push({ record: bytes.slice(at, at + AUDIT_BYTES), kept });
        }
        // A start whose last records are lost is noted as such by the next write alone.
        fails = false;
        hypervisor.rings.tell("test", 1, FAIL_PANIC, 0);
        const last = hypervisor.rings.takeAudit();
        assert.ok(log.append(last));
        for (let at = 0; at < last.length; at += AUDIT_BYTES)
          made.push({ record: last.slice(at, at + AUDIT_BYTES), kept: true });
        log.close();
      }
      const log = new AuditLog(folder, FILE_BYTES);
      const onDisk = log.read(1000).records.map(({ sequence }) => Number(sequence));
      for (const sequence of [0, generator.below(made.length), made.length - 1, made.length]) {
        const { records, chain, lostCount } = log.since(BigInt(sequence));
        const hole = made.findLastIndex(({ kept }, at) => !kept || !onDisk.includes(at));
        const from = Math.max(sequence, hole + 1);
        const expected = made.slice(from).map(({ record }) => record);
        assert.equal(Buffer.from(records), Buffer.concat(expected), `seed ${seed}`);
        assert.is(lostCount, from - sequence);
        const before = from === 0 ? new Uint8Array(32) : made[from - 1]!.record.slice(32);
        assert.equal(Uint8Array.from(chain), before, `seed ${seed}, from ${sequence}`);
      }
      log.close();
    }
  },
);

audit.run();
