// The session against brokers that break every rule: it ends such a link, tells why, tries again later, and holds no more than it may.

import { join } from "node:path";
import type { Packet } from "mqtt-packet";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConnectionFile } from "../../../../agent/link/connection-file.js";
import type { Outcome } from "../../../../agent/link/connection.js";
import { Session } from "../../../../agent/link/session.js";
import { Topics } from "../../../../agent/link/topics.js";
import type { DownTopic } from "../../../../agent/link/topics.js";
import { Watch } from "../../../support/broker.js";
import { ManualClock } from "../../../support/manual-clock.js";
import { bytesOf, good, startScripted, type Script, type ScriptedBroker } from "../../../support/scripted-broker.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("session");
const DEVICE = "00112233445566778899aabbccddeeff";
const DOWN = `pv/1/demo/${DEVICE}/dn`;

interface Played {
  session: Session;
  clock: ManualClock;
  broker: ScriptedBroker;
  watch: Watch;
  ups: string[];
  downs: { why: string; retryMs: number }[];
  messages: { topic: DownTopic | null; size: number }[];
  /** Sizes of what came by fleet/state. */
  fleetSaid: number[];
  /** Births and deaths that did not fit. */
  tooLarge: string[];
  memory: ConnectionFile;
  /** Waits for the n-th loss. */
  down(count?: number): Promise<{ why: string; retryMs: number }>;
  up(count?: number): Promise<string>;
}

async function play(script: Script, body: (played: Played) => Promise<void>, before: string[] = []): Promise<void> {
  const broker = await startScripted(script);
  const clock = new ManualClock(1_800_000_000);
  const watch = new Watch();
  const ups: string[] = [];
  const downs: { why: string; retryMs: number }[] = [];
  const messages: Played["messages"] = [];
  const fleetSaid: number[] = [];
  const tooLarge: string[] = [];
  const memory = new ConnectionFile(join(temporaryFolder(), "connection"), clock.wall);
  const session = new Session(
    {
      device: DEVICE,
      topics: new Topics("demo", DEVICE),
      brokers: [...before, broker.url],
      identity: { certificate: null, key: null, authorities: null },
      time: () => null,
      memory,
      clock,
      random: () => 0.5,
    },
    {
      state: (online, connection) => Buffer.from(`${online ? "birth" : "death"} ${connection}`),
      question: (connection) => Buffer.from(`question ${connection}`),
      rootVersion: () => 0,
      tooLarge: (topic, bytes, most) => {
        tooLarge.push(`${topic.split("/").at(-1)!}: ${bytes} of ${most}`);
        watch.changed();
      },
      opened: () => {},
      certificate: () => {},
      fleet: (payload) => {
        fleetSaid.push(payload.length);
        watch.changed();
      },
      up: (name) => {
        ups.push(name);
        watch.changed();
      },
      down: (_, why, retryMs) => {
        downs.push({ why, retryMs });
        watch.changed();
      },
      message: (topic, payload) => {
        messages.push({ topic, size: payload.length });
        watch.changed();
        return Promise.resolve();
      },
      room: () => watch.changed(),
      trouble: (what) => {
        throw new Error(what);
      },
    },
  );
  session.start();
  clock.pass(0);
  const down = (count = 1): Promise<Played["downs"][0]> => watch.until(`loss ${count}`, () => downs[count - 1]);
  const up = (count = 1): Promise<string> => watch.until(`link ${count}`, () => ups[count - 1]);
  try {
    await body({ session, clock, broker, watch, ups, downs, messages, fleetSaid, tooLarge, memory, down, up });
  } finally {
    session.end(0, false, () => {});
    clock.pass(1);
    broker.stop();
  }
}

const publish = (topic: string, size: number, more: Record<string, unknown> = {}): Packet =>
  ({ cmd: "publish", topic, payload: Buffer.alloc(size), qos: 0, dup: false, retain: false, ...more }) as Packet;

/** A good broker that sends these bytes once there are subscriptions. */
const thenSends =
  (bytes: Uint8Array, properties = {}): Script =>
  (packet, socket, version) => {
    good(properties)(packet, socket, version);
    if (packet.cmd === "subscribe") socket.write(bytes);
  };

test("CONNECT, birth and subscriptions are as the design has them (MQTT 5)", () =>
  play(good(), async ({ broker, session, up }) => {
    session.setGroups(["sales"]);
    await up();
    await broker.watch.until("birth", () => broker.received.some(({ cmd }) => cmd === "publish"));
    // The birth invites commands, so it comes when they would be heard.
    const [connect, subscribe, birth] = broker.received as [
      Extract<Packet, { cmd: "connect" }>,
      Extract<Packet, { cmd: "subscribe" }>,
      Extract<Packet, { cmd: "publish" }>,
    ];
    assert.is(connect.clientId, DEVICE);
    assert.is(connect.clean, false);
    assert.is(connect.keepalive, 300);
    const { sessionExpiryInterval, receiveMaximum, maximumPacketSize } = connect.properties!;
    assert.equal([sessionExpiryInterval, receiveMaximum, maximumPacketSize], [604_800, 16, 73_728]);
    const { topic, payload, qos, retain, properties } = connect.will!;
    assert.equal([topic, qos, retain], [`pv/1/demo/${DEVICE}/up/state`, 1, true]);
    assert.is(properties!.willDelayInterval, 60);
    assert.is(Buffer.from(payload).toString().replace("death", "birth"), birth.payload.toString());
    assert.equal([birth.topic, birth.qos, birth.retain], [topic, 1, true]);
    assert.equal(
      subscribe.subscriptions.map((each) => [each.topic, each.qos]),
      [`${DOWN}/#`, "pv/1/demo/all/dn/#", "pv/1/demo/fleet/state", "pv/1/demo/g/sales/dn/#"].map((each) => [each, 1]),
    );
    session.setGroups(["pilot"]);
    const last = await broker.watch.until("change", () => broker.received.filter(({ cmd }) => cmd === "subscribe")[1]);
    assert.is((last as typeof subscribe).subscriptions[0]!.topic, "pv/1/demo/g/pilot/dn/#");
    assert.ok(broker.received.some(({ cmd }) => cmd === "unsubscribe"));
  }));

test("a link is up when the broker has acknowledged the subscriptions, and not before", () =>
  play(
    (packet, socket, version) => {
      if (packet.cmd !== "subscribe") good()(packet, socket, version);
    },
    async ({ broker, session, clock, ups, down }) => {
      await broker.watch.until("subscriptions", () => broker.received.some(({ cmd }) => cmd === "subscribe"));
      const outcomes: Outcome[] = [];
      session.publish(`pv/1/demo/${DEVICE}/up/ev`, new Uint8Array(9), { qos: 1 }, (each) => outcomes.push(each));
      assert.equal([outcomes, ups, session.isUp, session.room], [["lost"], [], false, 0]);
      clock.pass(60_000);
      assert.match((await down()).why, /does not acknowledge the subscriptions/);
      assert.equal(
        broker.received.map(({ cmd }) => cmd),
        ["connect", "subscribe"],
      );
    },
  ));

test("a device that leaves tells the broker to keep nothing for it (MQTT 5 §3.14.2.2.2)", async () => {
  for (const [leaves, expected] of [
    [true, 0],
    [false, undefined],
  ] as const) {
    await play(good(), async ({ broker, session, up, watch }) => {
      await up();
      await watch.until("acknowledged birth", () => session.room === 16);
      session.end(10_000, leaves, () => {});
      const last = await broker.watch.until("DISCONNECT", () =>
        broker.received.find(({ cmd }) => cmd === "disconnect"),
      );
      assert.is((last as Extract<Packet, { cmd: "disconnect" }>).properties?.sessionExpiryInterval, expected);
    });
  }
});

test("what the fleet says of itself is no document", () =>
  play(
    thenSends(bytesOf(publish("pv/1/demo/fleet/state", 7, { retain: true }))),
    async ({ watch, messages, fleetSaid }) => {
      await watch.until("the fleet's word", () => fleetSaid.length > 0);
      assert.equal([fleetSaid, messages], [[7], []]);
    },
  ));

test("a broker of 3.1.1 gets a second try at once, and is remembered", async () => {
  const answers: [string, Script][] = [
    ["refuses", (_, socket) => socket.end(Uint8Array.of(0x20, 2, 0, 1))],
    ["closes", (_, socket) => socket.destroy()],
  ];
  for (const [what, refuse] of answers) {
    const script: Script = (packet, socket, version) => (version === 5 ? refuse : good())(packet, socket, version);
    await play(script, async ({ broker, clock, up, downs, memory, watch }) => {
      await broker.watch.until(what, () => broker.sockets[0]?.closed);
      await watch.until("the next try", () => {
        clock.pass(0);
        setImmediate(() => watch.changed());
        return broker.sockets.length === 2;
      });
      await up();
      assert.equal(downs, []);
      assert.is(memory.version(broker.url), 4);
    });
  }
});

test("no CONNACK for 30 s: the try has failed, and the next is later", () =>
  play(
    () => {},
    async ({ broker, clock, down }) => {
      await broker.watch.until("CONNECT", () => broker.received.length > 0);
      clock.pass(30_000);
      const { why, retryMs } = await down();
      assert.match(why, /does not answer/);
      assert.is(retryMs, 15_000);
    },
  ));

test("several brokers are tried in turn, each after its wait", async () => {
  // Nobody listens on ports that a server has just left.
  const gone = await Promise.all([startScripted(() => {}), startScripted(() => {})]);
  gone.forEach(({ stop }) => stop());
  await play(
    good(),
    async ({ clock, down, downs, up, ups, broker }) => {
      assert.match((await down(1)).why, /ECONNREFUSED/);
      assert.is(downs[0]!.retryMs, 15_000);
      clock.pass(15_000);
      assert.is((await down(2)).retryMs, 30_000);
      clock.pass(29_999);
      assert.equal(ups, []);
      clock.pass(1);
      assert.is(await up(), broker.url);
      // A link that is lost is tried where it was.
      broker.sockets[0]!.destroy();
      assert.is((await down(3)).retryMs, 60_000);
      clock.pass(60_000);
      assert.is(await up(2), broker.url);
    },
    gone.map(({ url }) => url),
  );
});

test("a connection that is half open is found by the first message, after 60 s", () =>
  play(
    (packet, socket, version) => {
      if (packet.cmd === "connect" || packet.cmd === "subscribe") good()(packet, socket, version);
    },
    async ({ broker, clock, up, down }) => {
      await up();
      await broker.watch.until("birth", () => broker.received.some(({ cmd }) => cmd === "publish"));
      clock.pass(60_000);
      assert.match((await down()).why, /acknowledges nothing/);
    },
  ));

test("silence ends the link after 450 s, and a packet of one byte a second does not prolong it", () => {
  const dripping = bytesOf(publish(`${DOWN}/root`, 60_000));
  return play(
    (packet, socket, version) => {
      if (packet.cmd !== "pingreq") good()(packet, socket, version);
    },
    async ({ broker, clock, up, down, messages, session, watch }) => {
      await up();
      await watch.until("acknowledged birth", () => session.room === 16);
      await broker.watch.until("subscription", () => broker.received.some(({ cmd }) => cmd === "subscribe"));
      for (let second = 0; second < 1_000; second++) {
        broker.sockets[0]!.write(dripping.subarray(second, second + 1));
        clock.pass(1_000);
        if (second % 50 === 0) await new Promise((next) => setImmediate(next));
      }
      assert.match((await down()).why, /[Kk]eepalive/);
      assert.equal(messages, []);
    },
  );
});

const BREAKERS: [what: string, bytes: Uint8Array, why: RegExp][] = [
  ["a packet that is larger than agreed", bytesOf(publish(`${DOWN}/root`, 80_000)), /more than 73728 bytes/],
  ["a header that promises 256 MiB", Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f), /more than 73728 bytes/],
  ["a length of five bytes", Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 1), /without a length/],
  ["QoS 2, twice", bytesOf(publish(`${DOWN}/root`, 1, { qos: 2, messageId: 7 })), /QoS that was not asked for/],
  ["topic alias 0", bytesOf(publish(`${DOWN}/root`, 1)), /./],
  ["topic alias 65,535", bytesOf(publish("", 1, { properties: { topicAlias: 65_535 } })), /[Aa]lias/],
  ["a second CONNACK", Uint8Array.of(0x20, 3, 0, 0, 0), /CONNACK/],
  ["a packet of no type", Uint8Array.of(0x00, 0), /./],
  ["a CONNECT", bytesOf({ cmd: "connect", clientId: "x", protocolId: "MQTT", keepalive: 1, clean: true }), /./],
];
// MQTT 5 §3.3.2.3.4: an alias of 0 is not permitted; the library that generates packets does not make one.
BREAKERS.find(([what]) => what === "topic alias 0")![1] = ((): Uint8Array => {
  const made = bytesOf(publish("", 1, { properties: { topicAlias: 7 } }));
  made[made.indexOf(0x23) + 2] = 0;
  return made;
})();

for (const [what, bytes, expected] of BREAKERS) {
  test(`${what} ends the link and reaches nobody`, () =>
    play(thenSends(bytes), async ({ down, up, messages }) => {
      await up();
      const { why, retryMs } = await down();
      assert.match(why, expected);
      assert.is(retryMs, 15_000);
      assert.equal(messages, []);
    }));
}

test("messages on topics that are not ours are told as such, ResponseTopic and all, and the link holds", () =>
  play(
    thenSends(
      Buffer.concat([
        bytesOf(publish("$SYS/broker/load", 1)),
        bytesOf(publish(`pv/1/demo/${"0".repeat(32)}/dn/cmd`, 1, { properties: { responseTopic: "$SYS/x" } })),
        bytesOf(
          publish(`${DOWN}/cmd`, 5, { properties: { responseTopic: "$SYS/x", correlationData: Buffer.alloc(9) } }),
        ),
      ]),
    ),
    async ({ watch, messages, downs, broker }) => {
      await watch.until("messages", () => messages.length === 3);
      assert.equal(
        messages.map(({ topic }) => topic?.kind ?? null),
        [null, null, "cmd"],
      );
      assert.equal(downs, []);
      const topics = broker.received.flatMap((each) => (each.cmd === "publish" ? [each.topic] : []));
      assert.ok(topics.every((topic) => topic.startsWith(`pv/1/demo/${DEVICE}/up/`)));
    },
  ));

test("a topic with a wildcard is none of ours, or ends the link", () =>
  play(thenSends(bytesOf(publish(`${DOWN}/x`, 1)).map((byte) => (byte === 0x78 ? 0x23 : byte))), async (played) => {
    await played.watch.until("an end", () => played.downs.length > 0 || played.messages.length > 0);
    assert.ok(played.messages.every(({ topic }) => topic === null));
  }));

test("a broker that lies about the session is subscribed to all the same", () =>
  play(good({}, true), async ({ broker, up }) => {
    await up();
    await broker.watch.until("subscriptions", () => broker.received.some(({ cmd }) => cmd === "subscribe"));
  }));

test("no more messages are on their way than the broker takes, and each is told what became of it", () =>
  play(
    (packet, socket, version) => {
      // The birth is acknowledged, and nothing else.
      if (packet.cmd !== "publish" || packet.topic.endsWith("/state"))
        good({ receiveMaximum: 1 })(packet, socket, version);
    },
    async ({ session, watch, broker, up, down }) => {
      await up();
      await watch.until("room", () => session.room === 1);
      const outcomes: Outcome[] = [];
      for (let n = 0; n < 3; n++) {
        session.publish(`pv/1/demo/${DEVICE}/up/ev`, new Uint8Array(9), { qos: 1 }, (each) => outcomes.push(each));
      }
      assert.equal(outcomes, ["lost", "lost"]);
      session.publish(`pv/1/demo/${DEVICE}/up/ev`, new Uint8Array(80_000), { qos: 0 }, (each) => outcomes.push(each));
      await broker.watch.until("event", () =>
        broker.received.some((each) => each.cmd === "publish" && each.topic.endsWith("/ev")),
      );
      broker.sockets[0]!.destroy();
      await down();
      assert.equal(outcomes, ["lost", "lost", "too-large", "lost"]);
    },
  ));

test("a birth that finds no room waits for it", () =>
  play(
    (packet, socket, version) => {
      if (packet.cmd !== "publish" || packet.topic.endsWith("/state"))
        good({ receiveMaximum: 1 })(packet, socket, version);
      else setTimeout(() => good()(packet, socket, version), 5);
    },
    async ({ session, watch, broker, up }) => {
      await up();
      await watch.until("room", () => session.room === 1);
      session.publish(`pv/1/demo/${DEVICE}/up/ev`, new Uint8Array(9), { qos: 1 }, () => {});
      session.rebirth();
      await broker.watch.until("birth", () => broker.received.filter((each) => each.cmd === "publish").length === 3);
      const kinds = broker.received.flatMap((each) => (each.cmd === "publish" ? [each.topic.slice(-2)] : []));
      assert.equal(kinds, ["te", "ev", "te"]);
    },
  ));

test("a subscription that is refused ends the link: nobody must think that the device listens", () =>
  play(
    (packet, socket, version) => {
      if (packet.cmd !== "subscribe") return good()(packet, socket, version);
      socket.write(bytesOf({ cmd: "suback", messageId: packet.messageId!, granted: [0x87, 1] }, version));
    },
    async ({ down }) => assert.match((await down()).why, /refuses a subscription/),
  ));

test("10,000 messages in a burst are handled one after the other, and acknowledged", () => {
  const burst = Buffer.concat(
    Array.from({ length: 10_000 }, (_, n) => bytesOf(publish(`${DOWN}/cmd`, 200, { qos: 1, messageId: n + 1 }), 4)),
  );
  const script: Script = (packet, socket, version) => {
    if (version === 5) return void socket.end(Uint8Array.of(0x20, 2, 0, 1));
    thenSends(burst)(packet, socket, version);
  };
  return play(script, async ({ broker, messages, clock, watch, downs }) => {
    await watch.until("the burst", () => {
      clock.pass(0);
      if (messages.length < 10_000) setImmediate(() => watch.changed());
      return messages.length === 10_000;
    });
    await broker.watch.until("PUBACKs", () => broker.received.filter(({ cmd }) => cmd === "puback").length === 10_000);
    assert.equal(downs, []);
  });
});

test("what is larger than the broker takes is not sent, to the byte, and it is told", async () => {
  const topic = `pv/1/demo/${DEVICE}/up/state`;
  // Type, remaining length of one byte, topic with its length, packet's identifier, no properties, "birth N".
  const sizeOf = (payload: number): number => bytesOf(publish(topic, payload, { qos: 1, messageId: 1 })).length;
  const states = (broker: ScriptedBroker): number => broker.received.filter(({ cmd }) => cmd === "publish").length;
  await play(good({ maximumPacketSize: 80 }), async ({ session, tooLarge, watch, up, broker }) => {
    await up();
    session.rebirth();
    await watch.until("a birth, or that it does not fit", () => states(broker) + tooLarge.length >= 2);
    for (const size of [80 - sizeOf(0), 81 - sizeOf(0)]) {
      let outcome: Outcome | null = null;
      session.publish(topic, new Uint8Array(size), { qos: 1 }, (each) => {
        outcome = each;
        watch.changed();
      });
      const found = await watch.until("an outcome", () => outcome);
      assert.is(sizeOf(size) <= 80, found === "arrived", `a packet of ${sizeOf(size)} bytes: ${String(found)}`);
    }
    for (const each of broker.received) {
      if (each.cmd === "publish") assert.ok(bytesOf(each).length <= 80, "no packet is larger than the broker said");
    }
  });
  await play(good({ maximumPacketSize: 60 }), async ({ tooLarge, up, broker }) => {
    await up();
    assert.is(tooLarge.length, 1);
    assert.match(tooLarge[0]!, /^state: \d+ of 60$/);
    assert.is(states(broker), 0);
  });
});

test.run();
