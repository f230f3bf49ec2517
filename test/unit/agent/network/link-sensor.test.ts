// How the computer is connected, from files of sysfs and proc as Linux writes them.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { linkKind } from "../../../../agent/network/link-sensor.js";
import { temporaryFolder } from "../../../support/temporary.js";

const HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

/** A root with these files. */
function root(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const route = (name: string, metric = 0, flags = "0003"): string =>
  `${name}\t00000000\t010200C0\t${flags}\t0\t0\t${metric}\t00000000\t0\t0\t0\n`;
const device = (name: string, uevent: string, state = "up"): Record<string, string> => ({
  [`sys/class/net/${name}/uevent`]: uevent,
  [`sys/class/net/${name}/operstate`]: `${state}\n`,
});

const links = suite("network/link sensor");

links("the kind is that of the interface of the default route", () => {
  const over = (name: string, files: Record<string, string>): string =>
    linkKind(root({ "proc/net/route": HEAD + route(name), ...files }));
  assert.is(over("eth0", device("eth0", "INTERFACE=eth0\nIFINDEX=2\n")), "ethernet");
  assert.is(over("wlan0", device("wlan0", "DEVTYPE=wlan\nINTERFACE=wlan0\n")), "wifi");
  assert.is(over("wlp1s0", { ...device("wlp1s0", ""), "sys/class/net/wlp1s0/phy80211/name": "phy0" }), "wifi");
  assert.is(over("wwan0", device("wwan0", "DEVTYPE=wwan\n", "unknown")), "cellular");
  assert.is(over("usb0", device("usb0", "DEVTYPE=gadget\n")), "tethering");
  assert.is(over("eth0", device("eth0", "", "down")), "none");
});

links("of several routes the one with the least metric counts, and one that is down does not", () => {
  const files = { ...device("wlan0", "DEVTYPE=wlan\n"), ...device("wwan0", "DEVTYPE=wwan\n") };
  const table = HEAD + route("wwan0", 700) + route("wlan0", 600);
  assert.is(linkKind(root({ "proc/net/route": table, ...files })), "wifi");
  const without = HEAD + route("wwan0", 700) + route("wlan0", 600, "0000");
  assert.is(linkKind(root({ "proc/net/route": without, ...files })), "cellular");
  const host = `${HEAD}wlan0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`;
  assert.is(linkKind(root({ "proc/net/route": host, ...files })), "none");
});

links("a host that has IPv6 alone is connected, and one without files is not", () => {
  const zeros = "0".repeat(32);
  const next = "fe80000000000000021122fffe334455";
  const line = `${zeros} 00 ${zeros} 00 ${next} 00000400 00000001 00000000 00000003    wlan0\n`;
  const loop = `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo\n`;
  const files = device("wlan0", "DEVTYPE=wlan\n");
  assert.is(linkKind(root({ "proc/net/ipv6_route": loop + line, ...files })), "wifi");
  assert.is(linkKind(root({ "proc/net/ipv6_route": loop, ...files })), "none");
  assert.is(linkKind(root({})), "none");
});

links("a name that is a path leads nowhere", () => {
  assert.is(linkKind(root({ "proc/net/route": HEAD + route("../../etc") })), "none");
});

links.run();
