// The life of a partition: defined → admitted → running ⇄ paused → stopped | failed, or locked. Each step with its reason.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner, scripted } from "../../../support/fake-guest.js";
import { Hypervisor } from "../../../support/hypervisor.js";

const life = suite("partition");

/** Commands that change a partition's state. */
const COMMANDS = {
  admit: (real: Hypervisor, id: number) => real.exports.partitionAdmit(id),
  start: (real: Hypervisor, id: number) => real.exports.partitionStart(id),
  pause: (real: Hypervisor, id: number) => real.exports.partitionPause(id, reasons.STOP_COMMAND),
  resume: (real: Hypervisor, id: number) => real.exports.partitionResume(id),
  stop: (real: Hypervisor, id: number) => real.exports.partitionStop(id, reasons.STOP_COMMAND),
  lock: (real: Hypervisor, id: number) => real.exports.partitionLock(id, reasons.STOP_POLICY),
  unlock: (real: Hypervisor, id: number) => real.exports.partitionUnlock(id),
};
type Command = keyof typeof COMMANDS;
/** How to get there. */
const PATHS: Record<string, [state: number, path: Command[]]> = {
  defined: [reasons.STATE_DEFINED, []],
  admitted: [reasons.STATE_ADMITTED, ["admit"]],
  running: [reasons.STATE_RUNNING, ["admit", "start"]],
  paused: [reasons.STATE_PAUSED, ["admit", "start", "pause"]],
  stopped: [reasons.STATE_STOPPED, ["admit", "start", "stop"]],
  locked: [reasons.STATE_LOCKED, ["admit", "start", "lock"]],
};
/** What each state allows. */
const ALLOWED: Record<string, Partial<Record<Command, number>>> = {
  defined: { admit: reasons.STATE_ADMITTED, stop: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
  admitted: { start: reasons.STATE_RUNNING, stop: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
  running: { pause: reasons.STATE_PAUSED, stop: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
  paused: { resume: reasons.STATE_RUNNING, stop: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
  stopped: { admit: reasons.STATE_ADMITTED, stop: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
  locked: { unlock: reasons.STATE_STOPPED, lock: reasons.STATE_LOCKED },
};

for (const [name, [state, path]] of Object.entries(PATHS)) {
  life(`what a ${name} partition may become, and what it is refused`, () => {
    for (const command of Object.keys(COMMANDS) as Command[]) {
      const real = new Hypervisor();
      const id = real.define();
      real.install(id, burner());
      for (const step of path) assert.is(COMMANDS[step](real, id), reasons.DONE);
      assert.is(real.state(id), state);
      const to = ALLOWED[name]![command];
      const reason = COMMANDS[command](real, id);
      assert.is(reason, to === undefined ? reasons.REFUSE_STATE : reasons.DONE, `${name}: ${command}`);
      assert.is(real.state(id), to ?? state, `${name}: ${command}`);
    }
  });
}

life("an id that nobody has is refused everywhere, and harms nothing", () => {
  const real = new Hypervisor();
  for (const id of [0, 5, abi.PARTITION_MAX, 0xffff, 0xffff_ffff, -1]) {
    for (const command of Object.values(COMMANDS)) assert.is(command(real, id), reasons.REFUSE_UNKNOWN);
    assert.is(real.exports.partitionRemove(id), reasons.REFUSE_UNKNOWN);
    assert.is(real.budget(id, {}), reasons.REFUSE_UNKNOWN);
    assert.is(real.exports.charge(id, 0, 1), reasons.REFUSE_UNKNOWN);
    assert.is(real.exports.partitionFail(id, reasons.FAIL_HOST), -reasons.REFUSE_UNKNOWN);
    assert.is(real.topUp(id, 1n), reasons.REFUSE_UNKNOWN);
    real.exports.wake(id);
    real.exports.serviced(id);
    real.exports.progress(id);
    real.exports.partitionRefresh(id);
    assert.is(real.exports.channelSend(id, 0, 0), -reasons.CHANNEL_NONE);
    assert.is(real.exports.channelReceive(id, 0), -reasons.CHANNEL_NONE);
    assert.is(real.exports.channelGrant(id, 0, 1, 0), -reasons.REFUSE_UNKNOWN);
  }
});

life("a running or paused partition cannot be removed", () => {
  const real = new Hypervisor();
  const id = real.start(burner());
  assert.is(real.exports.partitionRemove(id), reasons.REFUSE_STATE);
  real.exports.partitionPause(id, 0);
  assert.is(real.exports.partitionRemove(id), reasons.REFUSE_STATE);
});

life("a paused partition runs nothing, and goes on where it was", () => {
  const real = new Hypervisor();
  const guest = burner();
  const id = real.start(guest);
  real.runFor(10);
  real.exports.partitionPause(id, reasons.STOP_POLICY);
  assert.is(real.u32(id, abi.PARTITION_REASON), reasons.STOP_POLICY);
  const before = real.cpu(id);
  assert.is(real.runFor(10), -1);
  assert.is(real.cpu(id), before);
  real.exports.partitionResume(id);
  real.runFor(10);
  assert.is(real.cpu(id), before + 10e6);
});

life("the guest's counter stands still for nobody: it counts pauses, and other partitions' time", () => {
  const real = new Hypervisor();
  const guest = burner();
  real.start(burner());
  real.runFor(50);
  const id = real.start(guest);
  real.runFor(30);
  real.exports.partitionPause(id, 0);
  real.runFor(40);
  real.exports.partitionResume(id);
  real.runFor(10);
  // It was last looked at when its last turn ended.
  assert.ok(Math.abs(guest.ticks - 80 * 24_000) <= (abi.TURN + abi.QUANTUM) / 41, `${guest.ticks}`);
});

life("a timer that comes due during a pause wakes at once after it", () => {
  const real = new Hypervisor();
  const id = real.start(scripted({ sleep: 24_000 }, { burn: 1000 }, { sleep: Infinity }));
  real.exports.partitionPause(id, 0);
  real.runFor(5);
  real.exports.partitionResume(id);
  real.runFor(1);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 0n, "it had not begun to sleep");
  real.runFor(1);
  assert.is(real.u64(id, abi.PARTITION_INSTRUCTIONS), 1000n);
});

life("power-off stops with its reason, gives back what was held, and tells the host once", () => {
  const real = new Hypervisor();
  const id = real.start(scripted({ burn: 10 }, { want: reasons.RUN_POWER_OFF }));
  real.runFor(1);
  assert.is(real.state(id), reasons.STATE_STOPPED);
  assert.is(real.u32(id, abi.PARTITION_REASON), reasons.STOP_POWER_OFF);
  assert.is(real.word64(abi.HYPERVISOR_MEMORY_HELD), 0n);
  assert.equal(
    real.wants.map(({ id, want }) => [id, want]),
    [[id, reasons.RUN_POWER_OFF]],
  );
  assert.is(real.exports.partitionAdmit(id), reasons.DONE);
});

life("every step is an event and an audit record", () => {
  const real = new Hypervisor();
  const id = real.start(burner());
  real.exports.partitionPause(id, 7);
  real.exports.partitionResume(id);
  real.exports.partitionStop(id, reasons.STOP_COMMAND);
  const steps: [number, number][] = [
    [reasons.STATE_DEFINED, 0],
    [reasons.STATE_ADMITTED, 0],
    [reasons.STATE_RUNNING, 0],
    [reasons.STATE_PAUSED, 7],
    [reasons.STATE_RUNNING, 0],
    [reasons.STATE_STOPPED, reasons.STOP_COMMAND],
  ];
  const events = real.events().filter(({ kind }) => kind === abi.EVENT_STATE);
  assert.equal(
    events.map(({ partition, value, reason }) => [partition, Number(value), reason]),
    steps.map(([state, reason]) => [id, state, reason]),
  );
  const records = real.audit().filter(({ kind }) => kind === abi.AUDIT_STATE);
  assert.equal(
    records.map(({ partition, value, reason }) => [partition, Number(value), reason]),
    steps.map(([state, reason]) => [id, state, reason]),
  );
});

life("a full event ring counts what it loses, and overwrites nothing", () => {
  const real = new Hypervisor();
  const id = real.start(burner());
  for (let n = 0; n < abi.EVENT_COUNT; n++) {
    real.exports.partitionPause(id, n);
    real.exports.partitionResume(id);
  }
  const lost = real.view.getUint32(abi.EVENT_LOST, true);
  const events = real.events();
  assert.is(events.length, abi.EVENT_COUNT);
  assert.is(lost, 3 + 2 * abi.EVENT_COUNT - abi.EVENT_COUNT);
  assert.equal(
    events.slice(3, 7).map(({ reason }) => reason),
    [0, 0, 1, 0],
  );
});

life.run();
