// The radio's purse: the hypervisor's reserves and pots.

import type { RadioPurse } from "../../network/radio.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";

export function radioPurse(hypervisor: Hypervisor): RadioPurse {
  const { reserves } = hypervisor;
  return {
    level: (id) => reserves.of(id).level,
    capacity: (id) => reserves.of(id).capacity,
    rate: (id) => reserves.of(id).rate,
    pot: (id) => reserves.pot(id),
    layAside: (id, picojoules) => reserves.layAside(id, picojoules),
    pay: (id, picojoules, owe) => reserves.pay(id, picojoules, owe),
    takeBack: (id) => reserves.takeBack(id),
  };
}
