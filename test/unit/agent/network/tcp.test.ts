// TCP, segment by segment: each rule with its twin. Clauses: RFC 9293, RFC 5961, RFC 2018, RFC 7323, RFC 6691.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layer, NetworkWorld, rule, seen } from "../../../support/network-world.js";
import {
  ACK,
  FIN,
  PSH,
  RST,
  SYN,
  segment,
  tcp,
  type SeenSegment,
  type SegmentFields,
} from "../../../support/tcp-peer.js";

const flows = suite("network/tcp");
const SERVER = "203.0.113.9";
const GUEST_ISS = 1000;

class Guest {
  iss = 0;
  constructor(
    readonly world = new NetworkWorld(),
    readonly port = 80,
  ) {}
  put(fields: SegmentFields): void {
    this.world.send(tcp(SERVER, 40_000, this.port, fields));
  }
  take(): SeenSegment[] {
    return this.world.take().map((frame) => segment(frame));
  }
  get socket() {
    return this.world.sockets.tcps[0]!;
  }
  /** Up to ESTABLISHED. */
  open(options: number[] = [2, 4, 5, 180]): SeenSegment {
    this.put({ sequence: GUEST_ISS, flags: SYN, options });
    assert.is(this.take().length, 0, "no answer before the host has connected");
    this.socket.handlers.connected();
    const [answer] = this.take();
    this.iss = answer!.sequence;
    this.put({ sequence: GUEST_ISS + 1, acknowledgment: this.iss + 1, flags: ACK });
    return answer!;
  }
  /** An ordinary segment: `at` bytes into the guest's stream, `acked` bytes of ours. */
  data(at: number, data: Uint8Array, flags = ACK, acked = 0, window = 0xffff): void {
    this.put({ sequence: GUEST_ISS + 1 + at, acknowledgment: this.iss + 1 + acked, flags, data, window });
  }
}
const bytes = (count: number, value = 7): Uint8Array => new Uint8Array(count).fill(value);

flows("§3.5: SYN, and the answer when the host has connected; a repeated SYN joins", () => {
  const guest = new Guest();
  guest.put({ sequence: GUEST_ISS, flags: SYN });
  guest.put({ sequence: GUEST_ISS, flags: SYN });
  assert.is(guest.world.sockets.tcps.length, 1);
  assert.equal([guest.socket.address, guest.socket.port], [SERVER, 80]);
  guest.socket.handlers.connected();
  const [answer] = guest.take();
  assert.equal([answer!.flags, answer!.acknowledgment], [SYN | ACK, GUEST_ISS + 1]);
  guest.put({ sequence: GUEST_ISS, flags: SYN });
  assert.equal(guest.take().map(({ flags, sequence }) => [flags, sequence]), [[SYN | ACK, answer!.sequence]]); // prettier-ignore
});

flows("RFC 6691, RFC 7323 §2.2, RFC 2018 §2: MSS always, scale and SACK only if they were offered", () => {
  assert.equal(new Guest().open([2, 4, 5, 180]).options, [2, 4, 5, 180]);
  assert.equal(new Guest().open([2, 4, 5, 180, 1, 3, 3, 7]).options, [2, 4, 5, 180, 1, 3, 3, 3]);
  assert.equal(new Guest().open([4, 2, 1, 1]).options, [2, 4, 5, 180, 1, 1, 4, 2]);
});

flows("§3.7.1: no MSS is 536; a small one is kept to; a silly one is not", () => {
  for (const [options, most] of [
    [[], 536],
    [[2, 4, 1, 0], 256],
    [[2, 4, 0xff, 0xff], 1460],
    [[2, 4, 0, 1], 64],
  ] as const) {
    const guest = new Guest();
    guest.open([...options]);
    guest.socket.send(bytes(2000));
    assert.is(Math.max(...guest.take().map(({ data }) => data.length)), most);
  }
});

flows("ECONNREFUSED is a reset; EHOSTUNREACH, ENETUNREACH and a host that says nothing are ICMP", () => {
  const guest = new Guest();
  guest.put({ sequence: GUEST_ISS, flags: SYN });
  guest.socket.handlers.failed("ECONNREFUSED");
  assert.equal(guest.take().map(({ flags, sequence, acknowledgment }) => [flags, sequence, acknowledgment]), [[RST | ACK, 0, GUEST_ISS + 1]]); // prettier-ignore
  for (const [code, icmp] of [
    ["EHOSTUNREACH", 1],
    ["ENETUNREACH", 0],
    ["ETIMEDOUT", 1],
  ] as const) {
    const other = new Guest();
    other.put({ sequence: GUEST_ISS, flags: SYN });
    other.socket.handlers.failed(code);
    assert.equal([...seen(other.world.take()[0]!).payload.slice(0, 2)], [3, icmp], code);
  }
  const silent = new Guest();
  silent.put({ sequence: GUEST_ISS, flags: SYN });
  silent.world.pass(30_000);
  assert.equal([...seen(silent.world.take()[0]!).payload.slice(0, 2)], [3, 1]);
  assert.is(silent.socket.state, "reset");
});

flows("denied: ICMP 3/13, and no socket", () => {
  const world = new NetworkWorld({
    rules: { layers: [layer([rule(false, "203.0.113.0/24")])], link: "wifi", privateDenied: false },
  });
  const guest = new Guest(world);
  guest.put({ sequence: GUEST_ISS, flags: SYN });
  assert.equal([...seen(world.take()[0]!).payload.slice(0, 2)], [3, 13]);
  assert.is(world.sockets.tcps.length, 0);
});

flows("bytes are acknowledged when the operating system has taken them, and not before", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.slow = true;
  guest.data(0, bytes(100));
  assert.is(guest.take().length, 0);
  guest.socket.taken();
  guest.world.pass(0);
  guest.world.pass(1);
  assert.is(guest.take().length, 0, "little may wait a moment");
  guest.world.pass(1);
  assert.equal(
    guest.take().map(({ acknowledgment }) => acknowledgment),
    [GUEST_ISS + 101],
  );
});

flows("RFC 5681 §4.2: much is acknowledged at once, an end too, and nothing is said twice", () => {
  const guest = new Guest();
  guest.open();
  for (let segment = 0; segment < 4; segment++) guest.data(segment * 1460, bytes(1460));
  assert.equal(
    guest.take().map(({ acknowledgment }) => acknowledgment),
    [GUEST_ISS + 1 + 4 * 1460],
  );
  guest.data(4 * 1460, bytes(10));
  // What the host says in the meantime carries it.
  guest.socket.handlers.data(bytes(5));
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 11 + 4 * 1460);
  guest.world.pass(10);
  assert.is(guest.take().length, 0);
});

flows("§3.10.7.4: data in order, twice, in part new, beyond a gap, beyond the window", () => {
  const guest = new Guest();
  guest.open([2, 4, 5, 180, 1, 1, 4, 2]);
  guest.data(0, bytes(10, 1));
  guest.world.pass(2);
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 11);
  guest.data(0, bytes(10, 1));
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 11, "said again");
  guest.data(5, bytes(10, 2));
  guest.world.pass(2);
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 16);
  guest.data(25, bytes(5, 4));
  const [gap] = guest.take();
  assert.is(gap!.acknowledgment, GUEST_ISS + 16);
  assert.equal(gap!.options.slice(0, 4), [1, 1, 5, 10], "RFC 2018 §3");
  assert.equal(gap!.options.slice(4), [0, 0, 0x04, 0x02, 0, 0, 0x04, 0x07]);
  guest.data(15, bytes(10, 3));
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 31);
  guest.data(30 + (256 << 10), bytes(10, 5));
  assert.is(guest.take().length, 1, "an acknowledgement, and nothing of it");
  assert.equal([...guest.socket.written], [...bytes(10, 1), ...bytes(5, 2), ...bytes(10, 3), ...bytes(5, 4)]);
});

flows(
  "RFC 5961 §3.2: a reset that is exactly next ends it, one in the window is asked about, one outside is nothing",
  () => {
    const exact = new Guest();
    exact.open();
    exact.put({ sequence: GUEST_ISS + 1, flags: RST });
    assert.is(exact.socket.state, "reset");
    assert.equal([exact.take(), exact.world.stack.view().flows], [[], []]);
    const near = new Guest();
    near.open();
    near.put({ sequence: GUEST_ISS + 2, flags: RST });
    assert.equal(
      near.take().map(({ flags }) => flags),
      [ACK],
    );
    near.put({ sequence: GUEST_ISS, flags: RST });
    near.put({ sequence: GUEST_ISS + (1 << 20), flags: RST });
    assert.is(near.take().length, 0);
    assert.is(near.socket.state, "open");
  },
);

flows("RFC 5961 §4.2, §5.2: a SYN, or an acknowledgement of what was never sent, is challenged, not too often", () => {
  const guest = new Guest();
  guest.open();
  guest.put({ sequence: GUEST_ISS + 50, flags: SYN });
  assert.equal(
    guest.take().map(({ flags }) => flags),
    [ACK],
  );
  for (let n = 0; n < 50; n++)
    guest.put({ sequence: GUEST_ISS + 1, acknowledgment: guest.iss + 9999, flags: ACK, data: bytes(1) });
  assert.ok(guest.take().length <= 10);
  assert.is(guest.socket.written.length, 0);
  assert.is(guest.socket.state, "open");
});

flows("§3.10.7.1: a segment of no connection is reset, a reset is not", () => {
  const guest = new Guest();
  guest.put({ sequence: 500, acknowledgment: 77, flags: ACK });
  guest.put({ sequence: 500, flags: FIN, data: bytes(3) });
  assert.equal(guest.take().map(({ flags, sequence, acknowledgment }) => [flags, sequence, acknowledgment]), [[RST, 77, 0], [RST | ACK, 0, 504]]); // prettier-ignore
  guest.put({ sequence: 500, flags: RST });
  assert.is(guest.take().length, 0);
});

flows("the host's reset reaches the guest with the exact number", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.send(bytes(300));
  guest.take();
  guest.socket.handlers.failed("ECONNRESET");
  assert.equal(guest.take().map(({ flags, sequence }) => [flags, sequence]), [[RST | ACK, (guest.iss + 301) >>> 0]]); // prettier-ignore
});

flows("§3.6: the guest ends first; the other way stays open until the host ends, too", () => {
  const guest = new Guest();
  guest.open();
  guest.data(0, bytes(5), ACK | FIN | PSH);
  assert.is(guest.socket.state, "ended");
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 7);
  guest.socket.send(bytes(20));
  assert.is(guest.take().at(-1)!.data.length, 20);
  guest.socket.handlers.ended();
  assert.ok(guest.take().at(-1)!.flags & FIN);
  guest.data(6, bytes(0), ACK, 21);
  assert.equal(guest.world.stack.view().flows, []);
  assert.is(guest.socket.state, "closed");
});

flows("§3.6: the host ends first; the last acknowledgement may be asked for again, for a minute", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.handlers.ended();
  assert.ok(guest.take().at(-1)!.flags & FIN);
  guest.data(0, bytes(9), ACK, 1);
  assert.is(guest.socket.written.length, 9, "FIN-WAIT-2 takes data");
  guest.data(9, bytes(0), ACK | FIN, 1);
  guest.take();
  assert.is(guest.world.stack.view().flows[0]!.state, "time-wait");
  guest.data(9, bytes(0), ACK | FIN, 1);
  assert.is(guest.take().at(-1)!.acknowledgment, GUEST_ISS + 11);
  guest.world.pass(59_000);
  assert.is(guest.world.stack.view().flows.length, 1);
  guest.world.pass(60_000);
  assert.equal(guest.world.stack.view().flows, []);
});

flows("§3.6 figure 13: both end at once", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.handlers.ended();
  guest.take();
  guest.data(0, bytes(0), ACK | FIN, 0);
  assert.is(guest.world.stack.view().flows[0]!.state, "closing");
  guest.data(1, bytes(0), ACK, 1);
  assert.is(guest.world.stack.view().flows[0]!.state, "time-wait");
});

flows("RFC 1122 §4.2.2.13: a SYN behind a connection in TIME-WAIT begins anew, one from before does not", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.handlers.ended();
  guest.data(0, bytes(0), ACK | FIN, 1);
  guest.take();
  guest.put({ sequence: GUEST_ISS - 500, flags: SYN });
  assert.is(guest.world.sockets.tcps.length, 1);
  guest.take();
  guest.put({ sequence: GUEST_ISS + 5000, flags: SYN });
  assert.is(guest.world.sockets.tcps.length, 2);
  guest.world.sockets.tcps[1]!.handlers.connected();
  const answer = guest.take().at(-1)!;
  assert.equal([answer.flags, answer.acknowledgment], [SYN | ACK, GUEST_ISS + 5001]);
  assert.ok(((answer.sequence - guest.iss) | 0) > 0, "RFC 6191: behind the old one");
});

flows("RFC 6298 §5: what is not acknowledged is sent again after 200 ms, 400 ms, …; for ever it is not", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.send(bytes(100));
  guest.take();
  let [now, last] = [0, 0];
  const gaps: number[] = [];
  let reset = false;
  for (; now < 1_200_000 && !reset; now += 100) {
    guest.world.pass(100);
    for (const { flags } of guest.take()) {
      if (flags & RST) reset = true;
      else gaps.push(now + 100 - last);
      last = now + 100;
    }
  }
  assert.equal(gaps.slice(0, 5), [200, 400, 800, 1600, 3200]);
  assert.ok(Math.max(...gaps) <= 60_000);
  assert.ok(reset && now >= 100_000, `given up after ${now} ms (RFC 9293 §3.8.3: at least 100 s)`);
  assert.is(guest.socket.state, "reset");
});

flows("RFC 5681 §3.2: three duplicates, and the lost one is sent again, with no timeout", () => {
  const guest = new Guest();
  guest.open();
  guest.socket.send(bytes(1460 * 6));
  const sent = guest.take();
  assert.ok(sent.length >= 5);
  for (let n = 0; n < 2; n++) guest.data(0, bytes(0));
  assert.is(guest.take().length, 0, "two are reordering");
  guest.data(0, bytes(0));
  assert.equal(
    guest.take().map(({ sequence }) => sequence),
    [(guest.iss + 1) >>> 0],
  );
});

flows("RFC 2018 §5: only what is missing is sent again", () => {
  const guest = new Guest();
  guest.open([2, 4, 5, 180, 1, 1, 4, 2]);
  guest.socket.send(bytes(1460 * 6));
  guest.take();
  const at = (bytesIn: number): number[] => [24, 16, 8, 0].map((shift) => ((guest.iss + 1 + bytesIn) >>> shift) & 255);
  const sack = [1, 1, 5, 10, ...at(1460), ...at(1460 * 3)];
  for (let n = 0; n < 5; n++)
    guest.put({ sequence: GUEST_ISS + 1, acknowledgment: guest.iss + 1, flags: ACK, options: sack });
  assert.equal(guest.take().map(({ sequence, data }) => [sequence, data.length]), [[(guest.iss + 1) >>> 0, 1460]]); // prettier-ignore
});

flows("§3.8.6.1: a closed window stops the host and is asked about; an open one lets all of it through", () => {
  const guest = new Guest();
  guest.open();
  guest.data(0, bytes(0), ACK, 0, 0);
  guest.socket.send(bytes(600_000));
  assert.is(guest.take().length, 0);
  assert.ok(guest.socket.unsent >= 600_000 - (256 << 10), "what waits is bounded");
  guest.world.pass(200);
  const [probe] = guest.take();
  assert.is(probe!.data.length, 1);
  guest.data(0, bytes(0), ACK, 0, 0);
  for (let minute = 0; minute < 30; minute++) {
    guest.world.pass(60_000);
    for (const _ of guest.take()) guest.data(0, bytes(0), ACK, 0, 0);
  }
  assert.is(guest.socket.state, "open", "RFC 1122 §4.2.2.17: who answers is not given up");
  let got = 0;
  guest.data(0, bytes(0), ACK, 0, 0xffff);
  for (let turn = 0; turn < 200 && got < 600_000; turn++) {
    for (const { sequence, data } of guest.take())
      got = Math.max(got, ((sequence - guest.iss - 1) >>> 0) + data.length);
    guest.data(0, bytes(0), ACK, got, 0xffff);
  }
  assert.is(got, 600_000);
});

flows("no room for frames: nothing is lost, and it goes on when there is", () => {
  const guest = new Guest();
  guest.open();
  guest.world.roomy = false;
  guest.socket.send(bytes(5000));
  assert.is(guest.take().length, 0);
  guest.world.roomy = true;
  guest.world.stack.goOn();
  assert.is(
    guest.take().reduce((sum, { data }) => sum + data.length, 0),
    5000,
  );
});

flows("64 half-open, 256 flows, and buffers: beyond them nothing begins, and what is there goes on", () => {
  const world = new NetworkWorld();
  const syn = (port: number): void => world.send(tcp(SERVER, port, 80, { sequence: 1, flags: SYN }));
  for (let n = 0; n < 100; n++) syn(1000 + n);
  assert.is(world.sockets.tcps.length, 64);
  assert.is(world.stack.counts.get("tcp-half-open"), 36);
  for (let n = 0; n < 300; n++) {
    for (const socket of world.sockets.tcps) socket.handlers.connected();
    for (const frame of world.take()) {
      const { flags, port, sequence } = segment(frame);
      if (flags === (SYN | ACK))
        world.send(tcp(SERVER, port, 80, { sequence: 2, acknowledgment: sequence + 1, flags: ACK }));
    }
    syn(2000 + n);
  }
  assert.is(world.stack.view().flows.length, 256);
  assert.ok(world.stack.counts.get("tcp-flows") > 0);
  const small = new NetworkWorld({ bufferBytes: 3 * 4096 });
  for (let n = 0; n < 5; n++) small.send(tcp(SERVER, 1000 + n, 80, { sequence: 1, flags: SYN }));
  assert.is(small.sockets.tcps.length, 3);
});

flows("a host that takes nothing: what is kept for it is bounded by the buffers", () => {
  const world = new NetworkWorld({ bufferBytes: 64 << 10 });
  const guest = new Guest(world);
  guest.open();
  guest.socket.slow = true;
  for (let at = 0; at < 200_000; at += 1000) guest.data(at, bytes(1000));
  assert.ok(guest.socket.written.length <= 64 << 10);
  guest.socket.taken();
  world.pass(0);
  const { acknowledgment } = guest.take().at(-1)!;
  assert.is(acknowledgment, GUEST_ISS + 1 + guest.socket.written.length);
});

flows("in: a forward's connection asks the guest; it answers, refuses, or says nothing", () => {
  const forwards = [{ address: "127.0.0.1", port: 2222, guestPort: 22 }];
  for (const answer of [SYN | ACK, RST | ACK, 0]) {
    const world = new NetworkWorld({ forwards });
    const [listener] = world.sockets.accepts;
    const socket = world.sockets.tcp("127.0.0.1", 9, { connected: () => undefined, data: () => 0, ended: () => undefined, failed: () => undefined }); // prettier-ignore
    const handlers = listener!.accept(socket)!;
    socket.handlers = handlers;
    const syn = segment(world.take()[0]!);
    assert.equal([syn.flags, syn.port, seen(world.take()[0] ?? tcp("10.0.2.2", 1, 1, { sequence: 0, flags: 0 })).destination], [SYN, 22, "10.0.2.2"]); // prettier-ignore
    if (answer === 0) {
      world.pass(30_000);
      assert.is(socket.state, "reset");
      continue;
    }
    world.send(
      tcp("10.0.2.2", 22, syn.sourcePort, { sequence: 5000, acknowledgment: syn.sequence + 1, flags: answer }),
    );
    if (answer & RST) {
      assert.is(socket.state, "reset");
      continue;
    }
    assert.is(segment(world.take()[0]!).acknowledgment, 5001);
    handlers.data(bytes(10));
    assert.is(segment(world.take()[0]!).data.length, 10);
    world.send(
      tcp("10.0.2.2", 22, syn.sourcePort, {
        sequence: 5001,
        acknowledgment: syn.sequence + 11,
        flags: ACK,
        data: bytes(4),
      }),
    );
    assert.is(socket.written.length, 4);
    world.stack.close();
    assert.ok(listener!.closed);
    assert.is(socket.state, "reset");
  }
});

flows("§3.1: ports, lengths, options, checksum", () => {
  const word = (change: (body: Uint8Array) => void): string => {
    const world = new NetworkWorld();
    const frame = tcp(SERVER, 40_000, 80, { sequence: 1, flags: SYN, options: [2, 4, 5, 180] });
    change(frame.subarray(34));
    // Unchecked, so that the change alone is what is wrong.
    world.send(frame, { unchecked: true, segments: false });
    return Object.keys(world.stack.counts.all()).join();
  };
  assert.is(
    word(() => undefined),
    "",
  );
  assert.is(
    word((body) => (body[12] = 0x40)),
    "tcp-length",
  );
  assert.is(
    word((body) => (body[12] = 0xf0)),
    "tcp-length",
  );
  assert.is(
    word((body) => body.fill(0, 0, 2)),
    "tcp-port",
  );
  assert.is(
    word((body) => (body[21] = 0)),
    "tcp-options",
  );
  assert.is(
    word((body) => (body[21] = 5)),
    "tcp-options",
  );
  const world = new NetworkWorld();
  const frame = tcp(SERVER, 40_000, 80, { sequence: 1, flags: SYN });
  frame[36]! ^= 1;
  world.send(frame);
  assert.equal(world.stack.counts.all(), { "tcp-checksum": 1 });
});

flows.run();
