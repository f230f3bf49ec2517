// How a handset file writes a forward, a destination, a port.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseHandsetFile } from "../../../../agent/handset/file.js";
import { parseDestination, parseForward, parsePort, PLAIN_NETWORK } from "../../../../agent/handset/network.js";

const network = suite("handset/network");

network("forwards: a port of this computer that leads to one of the guest's", () => {
  assert.equal(parseForward("2222:22"), { address: "127.0.0.1", port: 2222, guestPort: 22 });
  assert.equal(parseForward("0.0.0.0:80:8080"), { address: "0.0.0.0", port: 80, guestPort: 8080 });
  assert.equal(parseForward("[::1]:80:8080"), { address: "::1", port: 80, guestPort: 8080 });
  for (const text of ["22", "0:22", "2222:65536", "host:1:2", "1.2.3:1:2", "[1.2.3.4]:1:2", "1:2:3:4", "", "a:b"])
    assert.throws(() => parseForward(text), /expected/, text);
});

network("destinations: ranges, addresses, names, ports, protocols", () => {
  const all = { portFirst: 0, portLast: 65_535, protocol: "any" };
  assert.equal(parseDestination("10.0.0.0/8"), { destination: "10.0.0.0/8", ...all });
  assert.equal(parseDestination("2001:db8::/32"), { destination: "2001:db8::/32", ...all });
  assert.equal(parseDestination("*.Example:443"), { destination: "*.example", portFirst: 443, portLast: 443, protocol: "any" }); // prettier-ignore
  assert.equal(parseDestination("tcp 192.0.2.1:80-90"), { destination: "192.0.2.1", portFirst: 80, portLast: 90, protocol: "tcp" }); // prettier-ignore
  assert.equal(parseDestination("[2001:db8::1]:443"), { destination: "2001:db8::1", portFirst: 443, portLast: 443, protocol: "any" }); // prettier-ignore
  for (const text of [
    "",
    "10.0.0.0/33",
    "2001:db8::/129",
    "a b",
    "host:0",
    "host:90-80",
    "host:1-2-3",
    "-x.example",
    "a..b",
    "*.*.b",
    "1.2.3",
    "x/8",
  ])
    assert.throws(() => parseDestination(text), /expected/, text);
  assert.is(parsePort(65_535), 65_535);
  assert.throws(() => parsePort(0));
});

network("a handset file: none, nat, or lists; every fault with its line", () => {
  const read = (text: string) =>
    parseHandsetFile(`partitions:\n  - name: a\n    guest: linux\n${text}`, "h.yaml").partitions[0]!.network;
  assert.is(read(""), null);
  assert.is(read("    network: none"), "none");
  assert.equal(read("    network: nat"), PLAIN_NETWORK);
  assert.equal(read("    network: { forward: [2222:22], host: [8443], deny: [10.0.0.0/8], bytes-per-day: 50M }"), {
    forwards: [{ address: "127.0.0.1", port: 2222, guestPort: 22 }],
    hostPorts: [8443],
    allow: [],
    deny: [{ destination: "10.0.0.0/8", portFirst: 0, portLast: 65_535, protocol: "any" }],
    bytesPerDay: 50 << 20,
  });
  for (const [text, fault] of [
    ["network: wifi", /h\.yaml:4: network is none, nat/],
    ["network: { forward: 2222 }", /h\.yaml:4: forward must be a list/],
    ["network: { host: [0] }", /h\.yaml:4: host: expected a port/],
    ["network: { allow: [{ a: b }] }", /h\.yaml:4: allow is a list of single words/],
    ["network: { vpn: yes }", /h\.yaml:4: unknown key "vpn"/],
  ] as const)
    assert.throws(() => read(`    ${text}`), fault, text);
});

network.run();
