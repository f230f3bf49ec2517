// The guests' network beside QEMU's (`-netdev user`, virtio-net with what it offers), with one kernel, one busybox and one series of commands.
// Bytes are counted and timed by servers of ours on loopback. busybox's nc moves 1 or 2 KiB a call and is the guest's share of the work; its
// httpd sends whole files by sendfile(2), as a server does.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { NetworkWorld, udp } from "../../test/support/network-world.ts";
import type { GuestProcess } from "./guest-process.ts";
import { PROMPT, READY, startOurs } from "./ours.ts";
import { peerZimage, startPeer, type PeerBoard } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

export const NETWORK_ROWS = ["net-down", "net-up", "net-up-file", "net-connects", "net-dns"];

const BOARD: PeerBoard = { cpu: "cortex-a7", ramMib: 128, initramfs: null };
const DOWN_BYTES = 48 << 20;
const UP_BYTES = 16 << 20;
const FILE_BYTES = 32 << 20;
const CONNECTIONS = 100;
const DNS_QUERIES = 20_000;
const LIMIT_MS = 300_000;

interface Figures {
  down: number;
  up: number;
  file: number;
  connects: number;
}

/** Servers that the guest talks to, and what they saw. */
class Host {
  /** Megabits a second of the last transfer. */
  rate = 0;
  private readonly payload = Buffer.alloc(DOWN_BYTES, "pocketvisor ");
  private readonly servers: Server[] = [];

  private async serve(each: (socket: Socket) => void): Promise<number> {
    const server = createServer(each).listen(0, "127.0.0.1");
    this.servers.push(server);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  private time(socket: Socket, bytes: () => number): void {
    socket.on("error", () => undefined);
    let started = 0;
    socket.once("data", () => (started = performance.now()));
    socket.once("end", () => (this.rate = (bytes() * 8) / 1000 / (performance.now() - started)));
  }

  /** A port that gives the payload to who connects. */
  source(): Promise<number> {
    return this.serve((socket) => {
      const started = performance.now();
      socket.on("error", () => undefined);
      socket.once("close", () => (this.rate = (DOWN_BYTES * 8) / 1000 / (performance.now() - started)));
      socket.end(this.payload);
    });
  }

  /** A port that takes what comes. */
  sink(): Promise<number> {
    return this.serve((socket) => {
      let bytes = 0;
      this.time(socket, () => bytes);
      socket.on("data", (data) => (bytes += data.length)).on("end", () => socket.end());
    });
  }

  /** A port where a connection is over at once. */
  greeter(): Promise<number> {
    return this.serve((socket) => {
      socket.on("error", () => undefined);
      socket.end();
    });
  }

  /** Megabits a second at which a web server behind `port` gives `path`. */
  async fetch(port: number, path: string): Promise<number> {
    const socket = connect(port, "127.0.0.1");
    let bytes = 0;
    this.time(socket, () => bytes);
    socket.on("data", (data) => (bytes += data.length));
    socket.end(`GET ${path} HTTP/1.0\r\n\r\n`);
    await once(socket, "close");
    if (bytes < FILE_BYTES) throw new Error(`the guest's web server gave ${bytes} of ${FILE_BYTES} bytes`);
    return this.rate;
  }

  close(): void {
    for (const server of this.servers) server.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function measure(start: (hostPorts: number[], forward: number) => GuestProcess): Promise<Figures> {
  const host = new Host();
  try {
    const [down, up, greeter] = [await host.source(), await host.sink(), await host.greeter()];
    const forward = await freePort();
    const guest = start([down, up, greeter], forward);
    await guest.shown(READY);
    await guest.shown(PROMPT);
    let count = 0;
    /** Milliseconds of the guest's command, seen from outside. */
    const run = async (command: string): Promise<number> => {
      const mark = `${++count}`;
      guest.send(`echo be""gin${mark}; ${command}; echo en""d${mark}\n`);
      const began = await guest.shown(`begin${mark}\r\n`);
      return (await guest.shown(`end${mark}\r\n`)) - began;
    };
    await run("PS1=; stty -echo; mkdir -p /tmp/www");
    // An address comes a moment after the shell.
    await run("until ip -4 addr show eth0 | grep -q inet; do usleep 100000; done");
    await run(`nc 10.0.2.2 ${down} </dev/null >/dev/null`);
    const figures: Figures = { down: host.rate, up: 0, file: 0, connects: 0 };
    await run(`dd if=/dev/zero bs=64k count=${UP_BYTES >>> 16} 2>/dev/null | nc 10.0.2.2 ${up}`);
    figures.up = host.rate;
    const loop = `i=0; while [ $i -lt ${CONNECTIONS} ]; do nc 10.0.2.2 ${greeter} </dev/null; i=$((i+1)); done`;
    figures.connects = (CONNECTIONS * 1000) / (await run(loop));
    await run(
      `dd if=/dev/zero of=/tmp/www/file bs=64k count=${FILE_BYTES >>> 16} 2>/dev/null; busybox httpd -p 80 -h /tmp/www`,
    );
    figures.file = await host.fetch(forward, "/file");
    guest.send("poweroff\n");
    await guest.ended();
    return figures;
  } finally {
    host.close();
  }
}

const ours =
  (translate: string) =>
  (hostPorts: number[], forward: number): GuestProcess =>
    startOurs(
      [
        ...["linux", "--memory", `${BOARD.ramMib}M`, `--translate=${translate}`, "--network"],
        ...["--host", hostPorts.join(), "--forward", `${forward}:80`],
      ],
      LIMIT_MS,
    ).guest;

const peerNetwork =
  (zimage: string[]) =>
  (_hostPorts: number[], forward: number): GuestProcess =>
    startPeer(
      [
        ...zimage,
        ...["-global", "virtio-mmio.force-legacy=false"],
        ...["-netdev", `user,id=net,hostfwd=tcp:127.0.0.1:${forward}-:80`, "-device", "virtio-net-device,netdev=net"],
      ],
      LIMIT_MS,
    );

/** Answers a second of the name server, from its cache: the stack alone. */
function dnsAnswers(): number {
  const world = new NetworkWorld();
  const name = [7, ..."example".split("").map((letter) => letter.charCodeAt(0)), 3, 99, 111, 109, 0];
  const query = (id: number): Uint8Array =>
    Uint8Array.from([id >>> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1]);
  world.send(udp("10.0.2.3", 5353, 53, query(0)));
  const upstream = world.sockets.udps[0]!;
  const asked = upstream.sent[0]!;
  const answer = [...asked.slice(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...asked.slice(12)];
  upstream.handlers.message(Uint8Array.from([...answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 7]));
  if (world.take().length !== 1) throw new Error("the name server has no answer in its cache");
  const started = performance.now();
  for (let n = 1; n <= DNS_QUERIES; n++) world.send(udp("10.0.2.3", 5353, 53, query(n & 0xffff)));
  if (world.take().length !== DNS_QUERIES) throw new Error("the name server left a query without its answer");
  return (DNS_QUERIES * 1000) / (performance.now() - started);
}

/** The group `network`. */
export async function measureNetwork(
  runs: number,
  peer: boolean,
  translate: boolean,
  wants: (row: string) => boolean,
): Promise<Measurement[]> {
  const tier = translate ? "on" : "off";
  const rows = {
    down: rowStart("net-down", "Mbit/s", `TCP from the host into the guest's nc, translation ${tier}`, 400, true),
    up: rowStart("net-up", "Mbit/s", `TCP from the guest's nc to the host, translation ${tier}`, 230, true),
    file: rowStart("net-up-file", "Mbit/s", `a file from the guest's web server, translation ${tier}`, 230, true),
    connects: rowStart("net-connects", "/s", "connections that a shell loop makes and ends with nc", null, true),
  };
  const dns = rowStart("net-dns", "/s", "answers of the name server from its cache", 5000, true);
  const zimage = peer ? peerZimage("linux", BOARD) : null;
  if (peer && zimage === null)
    console.error("bench: the kernel's package is not cached; fetch the guest again for the peer");
  const add = (figures: Figures, to: "ours" | "peer"): void => {
    for (const key of ["down", "up", "file", "connects"] as const) rows[key][to].push(figures[key]);
  };
  for (let run = 0; run < runs; run++) {
    if (Object.values(rows).some(({ name }) => wants(name))) {
      add(await measure(ours(tier)), "ours");
      if (zimage !== null) add(await measure(peerNetwork(zimage)), "peer");
    }
    if (wants("net-dns")) dns.ours.push(dnsAnswers());
  }
  return [...Object.values(rows), dns].filter(({ ours: values }) => values.length > 0);
}
