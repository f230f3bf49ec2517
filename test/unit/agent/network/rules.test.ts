// What a partition may reach: the order of judgements, names, private addresses, several layers, and what a pushed rule closes.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../../../agent/network/address.js";
import { Rules, type LinkKind, type RuleLayer } from "../../../../agent/network/rules.js";
import { layer, NetworkWorld, rule, udp } from "../../../support/network-world.js";
import { ACK, RST, segment, SYN, tcp } from "../../../support/tcp-peer.js";

const rules = suite("network/rules");
const OWN = ["198.51.100.7", "2001:db8::7"];

function judge(layers: RuleLayer[], { privateDenied = false, link = "wifi" as LinkKind } = {}) {
  const made = new Rules({ layers, link, privateDenied, ownAddresses: () => OWN });
  return (address: string, port = 443, names: string[] = []) =>
    made.address(parseAddress(address)!, port, "tcp", names) === null;
}

rules("without rules everything is reached but the host itself and groups, whatever they are written like", () => {
  const may = judge([layer()]);
  for (const address of ["192.0.2.1", "10.0.0.1", "2001:db8::1", "169.254.169.254"]) assert.ok(may(address), address);
  for (const address of [
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "198.51.100.7",
    "2001:db8::7",
    "::ffff:198.51.100.7",
    "224.0.0.1",
    "255.255.255.255",
  ])
    assert.not(may(address), address);
});

rules("for work, private addresses are denied unless a rule allows them; the host itself stays denied", () => {
  const may = judge([layer()], { privateDenied: true });
  for (const address of [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "fd00::1",
    "fe80::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
  ])
    assert.not(may(address), address);
  assert.ok(may("192.0.2.1"));
  const open = judge([layer([rule(true, "10.0.0.0/8"), rule(true, "127.0.0.0/8")])], { privateDenied: true });
  assert.equal(
    [open("10.0.0.1"), open("192.168.1.1"), open("127.0.0.1"), open("192.0.2.1")],
    [true, false, false, false],
  );
});

rules("the first rule that fits; an allowing rule makes the rest denied, unless the default says otherwise", () => {
  const may = judge([layer([rule(false, "192.0.2.1"), rule(true, "192.0.2.0/24")])]);
  assert.equal([may("192.0.2.1"), may("192.0.2.2"), may("198.18.0.1")], [false, true, false]);
  assert.ok(judge([layer([rule(true, "192.0.2.0/24")], { default: "allow" })])("198.18.0.1"));
  assert.ok(judge([layer([rule(false, "192.0.2.0/24")])])("198.18.0.1"));
  assert.not(judge([layer([], { default: "deny" })])("198.18.0.1"));
});

rules("ports and protocols", () => {
  const may = judge([layer([rule(true, "192.0.2.0/24", { portFirst: 80, portLast: 443, protocol: "tcp" })])]);
  assert.equal(
    [may("192.0.2.1", 79), may("192.0.2.1", 80), may("192.0.2.1", 443), may("192.0.2.1", 444)],
    [false, true, true, false],
  );
  assert.not(judge([layer([rule(true, "192.0.2.0/24", { protocol: "udp" })])])("192.0.2.1"));
});

rules(
  "a rule for a name fits addresses that were given out for it; of several names one that is denied decides",
  () => {
    const may = judge([layer([rule(false, "bad.example"), rule(true, "*.example"), rule(true, "host.test")])]);
    assert.equal(
      [may("192.0.2.1"), may("192.0.2.1", 443, ["a.example"]), may("192.0.2.1", 443, ["example"])],
      [false, true, false],
    );
    assert.ok(may("192.0.2.1", 443, ["host.test"]));
    assert.not(may("192.0.2.1", 443, ["host.test", "bad.example"]));
    assert.not(may("192.0.2.1", 443, ["xhost.test"]));
    assert.equal(
      [may("192.0.2.1", 53, ["a.example"]), may("192.0.2.1", 853, ["a.example"])],
      [false, false],
      "other name servers",
    );
    assert.ok(judge([layer()])("192.0.2.1", 53), "without names they may be asked");
  },
);

rules("layers: both must agree, and an allowance of either opens private addresses", () => {
  const may = judge([layer([rule(false, "192.0.2.0/24")], { source: "the handset file" }), layer([rule(true, "192.0.0.0/8"), rule(true, "10.0.0.0/8")])], { privateDenied: true }); // prettier-ignore
  assert.equal([may("192.0.2.1"), may("192.1.0.1"), may("198.18.0.1"), may("10.0.0.1")], [false, true, false, true]);
});

rules("kill switch, kinds of link, a VPN that is wanted and not there: nothing passes, and why is said", () => {
  for (const [more, why] of [
    [{ kill: true }, "policy 1.4 switches the network off"],
    [{ deniedLinks: ["wifi"] as LinkKind[] }, "policy 1.4 denies wifi"],
    [{ tunnelMissing: true }, "policy 1.4 wants a VPN, and there is none"],
  ] as const) {
    const made = new Rules({
      layers: [layer([rule(true, "0.0.0.0/0")], more)],
      link: "wifi",
      privateDenied: false,
      ownAddresses: () => [],
    });
    assert.is(made.closed(), why);
    assert.is(made.address(parseAddress("192.0.2.1")!, 80, "tcp", []), why);
    assert.is(made.name("a.example"), why);
  }
  assert.ok(judge([layer([], { deniedLinks: ["cellular"] })])("192.0.2.1"));
});

rules("a pushed rule closes the flows that it forbids, at once, and leaves the others", () => {
  const world = new NetworkWorld();
  const open = (address: string, port: number): void => {
    world.send(tcp(address, port, 80, { sequence: 1, flags: SYN }));
    world.sockets.tcps.at(-1)!.handlers.connected();
    const { sequence } = segment(world.take()[0]!);
    world.send(tcp(address, port, 80, { sequence: 2, acknowledgment: sequence + 1, flags: ACK }));
  };
  open("192.0.2.1", 1000);
  open("203.0.113.1", 1001);
  world.send(udp("192.0.2.1", 1002, 7, Uint8Array.of(1)));
  world.stack.setRules({ layers: [layer([rule(false, "192.0.2.0/24")])], link: "wifi", privateDenied: false }, []);
  const resets = world.take().map((frame) => segment(frame));
  assert.equal(
    resets.map(({ flags, port }) => [flags & RST, port]),
    [[RST, 1000]],
  );
  assert.equal(
    world.sockets.tcps.map(({ state }) => state),
    ["reset", "open"],
  );
  assert.ok(world.sockets.udps[0]!.closed);
  assert.equal(
    world.stack.view().flows.map(({ peer }) => peer),
    ["203.0.113.1"],
  );
  world.stack.setRules({ layers: [layer([], { kill: true })], link: "wifi", privateDenied: false }, []);
  assert.equal(world.stack.view().flows, []);
});

rules("a port of the host's loopback that the handset file names is the gateway's; no other is", () => {
  const world = new NetworkWorld({ hostPorts: [8443] });
  world.send(tcp("10.0.2.2", 1000, 8443, { sequence: 1, flags: SYN }));
  assert.equal(
    world.sockets.tcps.map(({ address, port }) => [address, port]),
    [["127.0.0.1", 8443]],
  );
  world.send(tcp("10.0.2.2", 1001, 22, { sequence: 1, flags: SYN }));
  assert.is(segment(world.take()[0]!).flags, RST | ACK);
});

rules.run();
