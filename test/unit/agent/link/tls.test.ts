// Who a broker is when a clock is wrong. Certificates' dates are shifted against this computer's clock, which plays the phone's: nobody but the fleet's own
// broker is spoken to, whatever else is wrong with a stranger's certificate, and with the dates in doubt only the time is asked for.

import { createServer, type Server } from "node:tls";
import { join } from "node:path";
import packets, { type Packet } from "mqtt-packet";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { X509Certificate } from "node:crypto";
import { isValidAt, walkChain } from "../../../../agent/link/chain.js";
import { ConnectionFile } from "../../../../agent/link/connection-file.js";
import { Session } from "../../../../agent/link/session.js";
import { Topics } from "../../../../agent/link/topics.js";
import { authorityPem, clientPem, serverPem } from "../../../../fleet/certificates.js";
import type { FleetStore } from "../../../../fleet/store.js";
import { listen, Watch } from "../../../support/broker.js";
import { madeFleet } from "../../../support/fleet.js";
import { ManualClock } from "../../../support/manual-clock.js";
import { bytesOf } from "../../../support/scripted-broker.js";
import { DAY } from "../../../support/signed.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("broker certificates and clocks");
const DEVICE = "00112233445566778899aabbccddeeff";
const now = Math.floor(Date.now() / 1000);
const YEAR = 365 * DAY;

interface Shown {
  key: string;
  certificate: string;
}

/** A broker that takes whoever comes, with this certificate. */
async function broker({
  key,
  certificate,
}: Shown): Promise<{ server: Server; url: string; received: Packet[]; watch: Watch }> {
  const received: Packet[] = [];
  const watch = new Watch();
  const server = createServer({ key, cert: certificate }, (socket) => {
    const parser = packets.parser();
    parser.on("packet", (packet: Packet) => {
      received.push(packet);
      if (packet.cmd === "connect") {
        socket.write(bytesOf({ cmd: "connack", reasonCode: 0, sessionPresent: false } as Packet));
      } else if (packet.cmd === "subscribe") {
        const granted = packet.subscriptions.map(() => 1);
        socket.write(bytesOf({ cmd: "suback", messageId: packet.messageId!, granted } as Packet));
      } else if (packet.cmd === "publish" && packet.qos === 1) {
        socket.write(bytesOf({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 } as Packet));
      }
      watch.changed();
    });
    socket.on("data", (bytes) => parser.parse(bytes));
    socket.on("error", () => {});
  });
  server.on("tlsClientError", () => watch.changed());
  const port = await listen(server);
  return { server, url: `mqtts://localhost:${port}`, received, watch };
}

interface Outcome {
  /** full: birth and everything. time: nothing but the question. refused: not a byte of MQTT. */
  spoke: "full" | "time" | "refused";
  why: string;
  received: Packet[];
}

/** What a device with this authority does with a broker that shows this certificate. */
async function meets(shown: Shown, authorities: string, session: number | null): Promise<Outcome> {
  const { server, url, received, watch } = await broker(shown);
  const clock = new ManualClock(now);
  let why = "";
  const device = new Session(
    {
      device: DEVICE,
      topics: new Topics("demo", DEVICE),
      brokers: [url],
      identity: { certificate: null, key: null, authorities },
      time: () => session,
      memory: new ConnectionFile(join(temporaryFolder(), "connection"), clock.wall),
      clock,
      random: () => 0.5,
    },
    {
      state: (online) => Buffer.from(online ? "birth" : "death"),
      question: () => Buffer.from("question"),
      rootVersion: () => 4,
      tooLarge: () => {},
      opened: () => {},
      certificate: () => {},
      fleet: () => {},
      up: () => {},
      down: (_broker, reason) => {
        why = reason;
        watch.changed();
      },
      message: () => Promise.resolve(),
      room: () => {},
      trouble: () => {},
    },
  );
  device.start();
  const said = (): string | undefined =>
    received.flatMap((each) => (each.cmd === "publish" ? [String(each.payload)] : [])).at(0);
  const step = setInterval(() => clock.pass(0), 5);
  await watch.until("a word", () => why !== "" || said() !== undefined);
  clearInterval(step);
  const spoke = said() === "birth" ? "full" : said() === "question" ? "time" : "refused";
  await new Promise<void>((done) => device.end(0, false, done));
  server.close();
  return { spoke, why, received };
}

async function fleets(at: number): Promise<{ ours: FleetStore; authority: string; strange: FleetStore }> {
  const [{ store: ours }, { store: strange }] = [await madeFleet(at), await madeFleet(at)];
  return { ours, strange, authority: await authorityPem(ours, at) };
}

/** Where the time of the certificates lies, against this computer's clock. */
const SHIFTS: [string, number][] = [
  ["this computer's clock is right", 0],
  ["they have expired by this computer's clock", -30 * YEAR],
  ["they are not yet valid by this computer's clock", 30 * YEAR],
];
for (const [what, shift] of SHIFTS) {
  const at = now + shift;
  test(`the fleet's own broker, ${what}: spoken to with session time, asked for the time without`, async () => {
    const { ours, authority } = await fleets(at);
    const shown = await serverPem(ours, "localhost", at);
    assert.is((await meets(shown, authority, at)).spoke, "full");
    const { spoke, received } = await meets(shown, authority, null);
    assert.is(spoke, shift === 0 ? "full" : "time");
    if (shift === 0) return;
    const connect = received.find((each) => each.cmd === "connect")!;
    assert.ok(connect.cmd === "connect");
    assert.equal([connect.will, connect.properties?.maximumPacketSize], [undefined, 8 << 10]);
    const subscribed = received.flatMap((each) => (each.cmd === "subscribe" ? each.subscriptions : []));
    for (const { topic } of subscribed) assert.match(topic, /\/dn\/now$|\/all\/dn\/roots\/[5-8]$/);
    assert.is(received.filter(({ cmd }) => cmd === "publish").length, 1);
  });

  test(`with session time a certificate that has expired by it is refused, ${what}`, async () => {
    const { ours, authority } = await fleets(at);
    const shown = await serverPem(ours, "localhost", at);
    for (const later of [at + 3 * YEAR, at - 3 * DAY]) {
      const { spoke, why } = await meets(shown, authority, later);
      assert.is(spoke, "refused");
      assert.match(why, /expired or not yet valid/);
    }
  });

  for (const session of [null, at] as const) {
    const known = session === null ? "without session time" : "with session time";
    test(`a stranger's certificate, ${what}, ${known}: refused`, async () => {
      const { strange, authority } = await fleets(at);
      const { spoke, why, received } = await meets(await serverPem(strange, "localhost", at), authority, session);
      assert.equal([spoke, received], ["refused", []]);
      assert.match(why, /no authority of this device's fleet/);
    });
    test(`the fleet's certificate for another host, ${what}, ${known}: refused`, async () => {
      const { ours, authority } = await fleets(at);
      const { spoke, why, received } = await meets(await serverPem(ours, "other.example", at), authority, session);
      assert.equal([spoke, received], ["refused", []]);
      assert.match(why, /another host/);
    });
    test(`a device's certificate that poses as a broker's, ${what}, ${known}: refused`, async () => {
      const { ours, authority } = await fleets(at);
      const { spoke, why } = await meets(await clientPem(ours, "localhost", at), authority, session);
      assert.is(spoke, "refused");
      assert.match(why, /not a server's/);
    });
  }
}

test("a chain ends at a pinned authority, and only what may issue is a link of it", async () => {
  const { ours, strange, authority } = await fleets(now);
  const certificate = ({ certificate: pem }: Shown): X509Certificate => new X509Certificate(pem);
  const good = certificate(await serverPem(ours, "localhost", now));
  const found = walkChain([good], authority, "localhost");
  assert.ok(found.fault === null);
  assert.ok(isValidAt(found.validity, now) && !isValidAt(found.validity, now + 3 * YEAR));
  assert.ok(!isValidAt(found.validity, now - 2 * DAY));
  // Of the same name as ours, and another's.
  const posing = new X509Certificate(await authorityPem(strange, now));
  const theirs = certificate(await serverPem(strange, "localhost", now));
  assert.is.not(walkChain([theirs, posing], authority, "localhost").fault, null);
  assert.is.not(walkChain([theirs, good], authority, "localhost").fault, null);
  assert.is.not(walkChain([], authority, "localhost").fault, null);
  assert.is.not(walkChain([good], "", "localhost").fault, null);
});

test.run();
