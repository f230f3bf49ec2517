// Event channels, the books: who may, which way, how much, how fast.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import * as reasons from "../../../../kernel/abi/reasons.js";
import { burner } from "../../../support/fake-guest.js";
import { Hypervisor, type ChannelContract } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const NOTIFICATION = 0xffff_ffff;

function pair(contract: ChannelContract = {}): { real: Hypervisor; a: number; b: number; channel: number } {
  const real = new Hypervisor({ costs: { [abi.CHARGE_CHANNEL_BYTE]: 2 }, energyRate: 1_000_000 });
  const a = real.start(burner(), { ceiling: 0 });
  const b = real.start(burner(), { ceiling: 0 });
  const channel = real.grant(a, 3, b, 9, contract);
  assert.ok(channel >= 0);
  return { real, a, b, channel };
}
const fill = (real: Hypervisor, channel: number): number =>
  real.view.getUint32(abi.CHANNELS + channel * abi.CHANNEL_BYTES + abi.CHANNEL_FILL, true);

const channels = suite("channel");

channels("one way only: the sender sends, the receiver receives, and neither the other way round", () => {
  const { real, a, b, channel } = pair();
  assert.is(real.exports.channelReceive(b, 9), -reasons.CHANNEL_EMPTY);
  assert.is(real.exports.channelSend(a, 3, 10), channel);
  assert.is(real.exports.channelReceive(b, 9), channel);
  assert.is(real.exports.channelSend(b, 9, 10), -reasons.CHANNEL_NONE);
  assert.is(real.exports.channelReceive(a, 3), -reasons.CHANNEL_NONE);
  for (const port of [0, 31, 32, 0xffff_ffff]) {
    assert.is(real.exports.channelSend(a, port, 1), -reasons.CHANNEL_NONE);
    assert.is(real.exports.channelReceive(b, port), -reasons.CHANNEL_NONE);
  }
});

channels("a reader that never reads fills its ring, and no more; room is told to the sender once", () => {
  const { real, a, b, channel } = pair({ capacity: 100 });
  assert.is(real.exports.channelSend(a, 3, 46), channel);
  assert.is(real.exports.channelSend(a, 3, 46), channel);
  assert.is(fill(real, channel), 100);
  assert.is(real.exports.channelSend(a, 3, 0), -reasons.CHANNEL_FULL, "an empty message takes room too");
  assert.is(real.exports.channelReceive(b, 9), channel);
  assert.is(real.exports.channelTaken(channel, 46), 1);
  assert.is(real.exports.channelTaken(channel, 46), 0);
  assert.is(fill(real, channel), 0);
  assert.is(real.exports.channelTaken(channel, 46), 0);
  assert.is(fill(real, channel), 0, "the books never go below nothing");
});

channels("a message that can never fit is refused as such", () => {
  const { real, a } = pair({ capacity: 100 });
  assert.is(real.exports.channelSend(a, 3, 97), -reasons.CHANNEL_TOO_LONG);
  assert.is(real.exports.channelSend(a, 3, 0xffff_fffe), -reasons.CHANNEL_TOO_LONG);
  assert.is(pair({ capacity: 0 }).real.exports.channelSend(0, 3, 0), -reasons.CHANNEL_TOO_LONG);
  assert.is(pair({ capacity: 0 }).real.exports.channelSend(0, 3, NOTIFICATION), 0, "a notification needs no ring");
});

channels("rates hold for bytes and for messages, notifications included", () => {
  const bytes = pair({ bytes: { rate: 1_000, burst: 100 } });
  assert.is(bytes.real.exports.channelSend(bytes.a, 3, 100), bytes.channel);
  assert.is(bytes.real.exports.channelSend(bytes.a, 3, 1), -reasons.LIMIT_RATE);
  bytes.real.runFor(1);
  assert.is(bytes.real.exports.channelSend(bytes.a, 3, 1), bytes.channel);
  const messages = pair({ messages: { rate: 10, burst: 2 } });
  assert.is(messages.real.exports.channelSend(messages.a, 3, NOTIFICATION), messages.channel);
  assert.is(messages.real.exports.channelSend(messages.a, 3, 5), messages.channel);
  assert.is(messages.real.exports.channelSend(messages.a, 3, NOTIFICATION), -reasons.LIMIT_RATE);
  assert.is(messages.real.exports.channelSend(messages.a, 3, 5), -reasons.LIMIT_RATE);
  messages.real.runFor(100);
  assert.is(messages.real.exports.channelSend(messages.a, 3, 5), messages.channel);
});

channels("bytes cost the sender energy; what is refused costs nothing", () => {
  const { real, a } = pair({ capacity: 1000 });
  real.exports.channelSend(a, 3, 100);
  assert.is(real.u64(a, abi.PARTITION_ENERGY_SPENT), 200n);
  real.exports.channelSend(a, 3, 900);
  assert.is(real.u64(a, abi.PARTITION_ENERGY_SPENT), 200n);
  real.budget(a, { ceiling: 0, energy: { capacity: 10n } });
  assert.is(real.exports.channelSend(a, 3, 1), -reasons.LIMIT_ENERGY);
});

channels("a channel is revocable at any moment, with what is in it; its ports are free again", () => {
  const { real, a, b, channel } = pair();
  real.exports.channelSend(a, 3, 10);
  assert.is(real.exports.channelRevoke(channel), reasons.DONE);
  assert.is(real.exports.channelSend(a, 3, 1), -reasons.CHANNEL_NONE);
  assert.is(real.exports.channelReceive(b, 9), -reasons.CHANNEL_NONE);
  assert.is(real.exports.channelRevoke(channel), reasons.CHANNEL_NONE);
  assert.is(real.exports.channelRevoke(0xffff_ffff), reasons.CHANNEL_NONE);
  assert.is(real.exports.channelTaken(channel, 10), 0);
  const again = real.grant(a, 3, b, 9);
  assert.is(real.exports.channelReceive(b, 9), -reasons.CHANNEL_EMPTY);
  assert.is(again, channel);
});

channels("a port leads one way to one place; both ways make a conversation", () => {
  const { real, a, b } = pair();
  const c = real.start(burner());
  assert.is(real.grant(a, 3, c, 0), -reasons.CHANNEL_PORT_TAKEN);
  assert.is(real.grant(c, 0, b, 9), -reasons.CHANNEL_PORT_TAKEN);
  assert.is(real.grant(a, 0, a, 1), -reasons.CHANNEL_BAD_PORT);
  assert.is(real.grant(a, 32, b, 0), -reasons.CHANNEL_BAD_PORT);
  assert.is(real.grant(a, 0, b, 32), -reasons.CHANNEL_BAD_PORT);
  assert.ok(real.grant(b, 9, a, 3) > 0);
});

channels("nobody talks to a partition that does not run; a paused one's ring fills", () => {
  const { real, a, b, channel } = pair();
  real.exports.partitionPause(b, 0);
  assert.is(real.exports.channelSend(a, 3, 1), channel);
  real.exports.partitionStop(b, 0);
  assert.is(real.exports.channelSend(a, 3, 1), -reasons.CHANNEL_PEER_DOWN);
  real.exports.partitionRemove(b);
  assert.is(real.exports.channelSend(a, 3, 1), -reasons.CHANNEL_NONE, "a removed partition's channels are gone");
});

channels(`${abi.CHANNEL_MAX} channels, and not one more`, () => {
  const real = new Hypervisor();
  const ids = Array.from({ length: 34 }, () => real.define());
  let granted = 0;
  for (let n = 0; n < abi.CHANNEL_MAX; n++) {
    assert.is(real.grant(ids[n >> 5]!, n & 31, ids[(n >> 5) + 1]!, n & 31), granted++);
  }
  assert.is(real.grant(ids[33]!, 0, ids[0]!, 0), -reasons.CHANNEL_TOO_MANY);
});

channels("over random traffic the books agree with the ring", () => {
  const random = new Random(12);
  const { real, a, b, channel } = pair({ capacity: 1000 });
  const ring: number[] = [];
  const size = (): number => ring.reduce((sum, length) => sum + length + abi.CHANNEL_HEADER, 0);
  for (let n = 0; n < 20_000; n++) {
    if (random.oneIn(2)) {
      const length = random.oneIn(50) ? random.wild() >>> 0 : random.below(300);
      const answer = real.exports.channelSend(a, 3, length);
      if (answer === channel && length !== NOTIFICATION) ring.push(length);
      else if (length === NOTIFICATION) assert.is(answer, channel);
      else assert.ok(size() + length + abi.CHANNEL_HEADER > 1000, `refused ${length} with ${size()}`);
    } else {
      assert.is(real.exports.channelReceive(b, 9) === channel, ring.length > 0);
      const length = ring.shift();
      if (length !== undefined) real.exports.channelTaken(channel, length);
    }
    assert.is(fill(real, channel), size());
  }
});

channels("grants and revocations are in the audit ring", () => {
  const { real, a, b, channel } = pair();
  real.exports.channelRevoke(channel);
  const records = real.audit().filter(({ kind }) => kind === abi.AUDIT_GRANT || kind === abi.AUDIT_REVOKE);
  assert.equal(
    records.map(({ kind, partition, value }) => [kind, partition, value]),
    [
      [abi.AUDIT_GRANT, a, BigInt(channel) | (3n << 16n) | (BigInt(b) << 32n) | (9n << 48n)],
      [abi.AUDIT_REVOKE, a, BigInt(channel)],
    ],
  );
});

channels.run();
