// Debian's kernel and busybox over the guests' network: an address by DHCP, names, the gateway, TCP both ways with what it carried compared, a forward into
// the guest, and what is refused. The server is the test's own, on loopback.

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { linux, missingGuest } from "../support/linux.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";

const network = suite("guest/network");
const missing = missingGuest();

/** A port of loopback that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

testUnless(network, missing, "DHCP, gateway, names, TCP both ways, and no way to the computer itself", async () => {
  const payload = randomBytes(3_000_000);
  const got: Buffer[] = [];
  const down = createServer((socket) => void socket.end(payload)).listen(0, "127.0.0.1");
  const up = createServer((socket: Socket) => void socket.on("data", (bytes) => got.push(bytes)).on("end", () => socket.end("done\n"))).listen(0, "127.0.0.1"); // prettier-ignore
  await Promise.all([once(down, "listening"), once(up, "listening")]);
  const [downPort, upPort] = [down, up].map((server) => (server.address() as AddressInfo).port) as [number, number];
  const forbidden = await freePort();
  try {
    const { status, answers } = await linux(
      [
        "ip -4 addr show eth0 | grep -o 'inet [0-9./]*'; ip route | grep default; cat /etc/resolv.conf; cat /sys/class/net/eth0/mtu",
        "ping -c 1 10.0.2.2 | grep -o '1 packets received'",
        `nc 10.0.2.2 ${downPort} </dev/null | tee /tmp/got | sha256sum`,
        `nc 10.0.2.2 ${upPort} </tmp/got`,
        `nc -w 5 10.0.2.2 ${forbidden} </dev/null 2>&1 | grep -o refused`,
        `for to in 127.0.0.2 0.0.0.1 10.0.2.9; do nc -w 5 $to 1 </dev/null >/dev/null 2>&1 && echo open; done; echo closed`,
        "cat /proc/net/snmp | grep -c Tcp; cat /sys/class/net/eth0/statistics/rx_errors",
      ],
      ["--network", "--host", `${downPort},${upPort}`],
    );
    assert.is(status, 0);
    assert.is(answers[0], "inet 10.0.2.15/24\ndefault via 10.0.2.2 dev eth0 \nnameserver 10.0.2.3\n1500\n");
    assert.is(answers[1], "1 packets received\n");
    const hash = createHash("sha256").update(payload).digest("hex");
    assert.match(answers[2]!, hash);
    assert.is(answers[3], "done\n");
    assert.is(createHash("sha256").update(Buffer.concat(got)).digest("hex"), hash);
    assert.is(answers[4], "refused\n");
    assert.is(answers[5], "closed\n");
    assert.match(answers[6]!, /\n0\n$/);
  } finally {
    down.close();
    up.close();
  }
});

testUnless(network, missing, "a forward leads into the guest, and is there only while it runs", async () => {
  const port = await freePort();
  const asked = (async () => {
    for (;;) {
      const text = await hear(port);
      if (text !== "") return text;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  const { status } = await linux(["echo from the guest | nc -l -p 7777"], ["--network", "--forward", `${port}:7777`]);
  assert.is(status, 0);
  assert.is(await asked, "from the guest\n");
  assert.is(await hear(port), "", "nobody listens any more");
});

/** What is said at a port of loopback, "" when there is nobody. */
function hear(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (bytes) => (text += String(bytes)));
    socket.on("error", () => resolve(""));
    socket.on("close", () => resolve(text));
  });
}

testUnless(
  network,
  missing,
  "without --network there is no card; a deterministic run refuses one, and says why",
  async () => {
    const { answers } = await linux(["ls /sys/class/net"]);
    assert.is(answers[0], "lo\n");
    const refused = await pocketvisor(["run", "linux", "--network", "--deterministic"]);
    assert.is.not(refused.status, 0);
    assert.match(refused.stderr, /a deterministic run repeats bit for bit, and a network does not/);
    const alone = await pocketvisor(["run", "linux", "--forward", "2222:22"]);
    assert.match(alone.stderr, /give --network, too/);
  },
);

network.run();
