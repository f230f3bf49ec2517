// How this computer is connected, as Linux tells it: the kind of the interface that the default route leads over. Node has no rtnetlink, so it is
// looked at now and then. Roaming is not seen here: only the modem knows.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LinkKind } from "../handset/contracts.ts";

/** <linux/route.h>: usable, through a gateway. */
const [RTF_UP, RTF_GATEWAY] = [1, 2];
/** A table longer than this is cut: the default route stands first in practice. */
const TABLE_CHARACTERS_MOST = 256 << 10;
const NAME = /^[\w.@-]{1,15}$/;

/** The kind of link that leads out of the computer; "none": no route does. `root` is where /sys and /proc lie. */
export function linkKind(root: string): LinkKind {
  const name = routeV4(read(join(root, "proc/net/route"))) ?? routeV6(read(join(root, "proc/net/ipv6_route")));
  if (name === null || !NAME.test(name)) return "none";
  const device = join(root, "sys/class/net", name);
  if (read(join(device, "operstate")).trim() === "down") return "none";
  if (existsSync(join(device, "phy80211")) || existsSync(join(device, "wireless"))) return "wifi";
  const uevent = read(join(device, "uevent"));
  if (/^DEVTYPE=wlan$/m.test(uevent)) return "wifi";
  if (/^DEVTYPE=wwan$/m.test(uevent) || /^(wwan|rmnet|ppp)/.test(name)) return "cellular";
  if (/^DEVTYPE=(gadget|bluetooth)$/m.test(uevent) || /^(usb|bnep|rndis)/.test(name)) return "tethering";
  return "ethernet";
}

/** Of /proc/net/route, the usable default route with the least metric: its interface. */
function routeV4(table: string): string | null {
  const routes = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags, , , , mask]) => {
      const bits = Number.parseInt(flags ?? "0", 16);
      return destination === "00000000" && mask === "00000000" && (bits & RTF_UP) !== 0;
    })
    .map(([name, , , , , , metric]) => ({ name: name!, metric: Number(metric) }));
  return first(routes);
}

/** The same of /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, counts, flags, interface. */
function routeV6(table: string): string | null {
  const routes = table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => {
      const bits = Number.parseInt(fields[8] ?? "0", 16);
      const usable = (bits & (RTF_UP | RTF_GATEWAY)) === (RTF_UP | RTF_GATEWAY);
      return /^0{32}$/.test(fields[0] ?? "") && fields[1] === "00" && usable && fields[9] !== "lo";
    })
    .map((fields) => ({ name: fields[9]!, metric: Number.parseInt(fields[5]!, 16) }));
  return first(routes);
}

function first(routes: { name: string; metric: number }[]): string | null {
  return routes.sort((a, b) => a.metric - b.metric)[0]?.name ?? null;
}

/** A file of sysfs or proc; "" when there is none. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1").slice(0, TABLE_CHARACTERS_MOST);
  } catch {
    return "";
  }
}
