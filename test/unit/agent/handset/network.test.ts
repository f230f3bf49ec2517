// How a handset file writes a forward, a destination, a port.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseDestination, parseForward, parsePort } from "../../../../agent/handset/network.js";

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

network.run();
