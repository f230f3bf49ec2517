// Addresses as text and bytes, ranges, and what is not the Internet. Clauses: RFC 5952 §4, RFC 4291 §2, RFC 6052, RFC 3056.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  addressText,
  embeddedAddress,
  inPrefix,
  isGroup,
  isHostItself,
  isPrivate,
  parseAddress,
  parsePrefix,
} from "../../../../agent/network/address.js";

const address = suite("network/address");
const of = (text: string) => parseAddress(text)!;

address("RFC 5952 §4: one text for an address, whatever it was written like", () => {
  for (const [written, text] of [
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["fe80:0000::0001", "fe80::1"],
    ["10.0.2.15", "10.0.2.15"],
  ] as const) {
    assert.is(addressText(of(written)), text);
    assert.equal(of(text), of(written));
  }
});

address("what is no address: nothing is guessed", () => {
  for (const text of ["", "10.0.0", "10.0.0.256", "010.0.0.1", "1:2", ":::", "fe80::1%eth0", "::g", "10.0.0.1/8"]) {
    assert.is(parseAddress(text), null, text);
  }
});

address("ranges: every length, and bits beyond it are a mistake", () => {
  assert.ok(inPrefix(of("10.255.0.1"), parsePrefix("10.0.0.0/8")!));
  assert.not(inPrefix(of("11.0.0.1"), parsePrefix("10.0.0.0/8")!));
  assert.ok(inPrefix(of("172.31.255.255"), parsePrefix("172.16.0.0/12")!));
  assert.not(inPrefix(of("172.32.0.0"), parsePrefix("172.16.0.0/12")!));
  assert.ok(inPrefix(of("1.2.3.4"), parsePrefix("0.0.0.0/0")!));
  assert.not(inPrefix(of("::1"), parsePrefix("0.0.0.0/0")!), "another family");
  assert.ok(inPrefix(of("2001:db8:8000::1"), parsePrefix("2001:db8:8000::/33")!));
  assert.not(inPrefix(of("2001:db8::1"), parsePrefix("2001:db8:8000::/33")!));
  for (const text of ["10.1.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "host/8"]) {
    assert.is(parsePrefix(text), null, text);
  }
});

address("IPv4 inside IPv6 is seen: mapped, compatible, NAT64, 6to4", () => {
  for (const text of ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]) {
    assert.equal(embeddedAddress(of(text)), of("127.0.0.1"), text);
    assert.ok(isHostItself(of(text)), text);
  }
  assert.ok(isPrivate(of("::ffff:10.0.0.1")));
  assert.is(embeddedAddress(of("2001:db8::7f00:1")), null);
});

address("what is not the Internet, and its neighbours that are", () => {
  for (const text of ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "::", "::1"])
    assert.ok(isHostItself(of(text)), text);
  for (const text of ["1.0.0.0", "128.0.0.1", "2001:db8::1"]) assert.not(isHostItself(of(text)), text);
  for (const text of [
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "febf::1",
  ])
    assert.ok(isPrivate(of(text)), text);
  for (const text of [
    "9.255.255.255",
    "11.0.0.0",
    "100.63.0.1",
    "100.128.0.1",
    "169.253.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "2001:db8::1",
  ])
    assert.not(isPrivate(of(text)), text);
  for (const text of ["224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1"]) assert.ok(isGroup(of(text)), text);
});

address.run();
