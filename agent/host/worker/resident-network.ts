// A resident's network card: there while a machine is, and charged to the partition.

import { CHARGE_NETWORK_BYTE } from "../../../kernel/abi/hypervisor.ts";
import { DONE, LIMIT_CAPACITY } from "../../../kernel/abi/reasons.ts";
import type { LoadedSpec } from "../between/messages.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Machine } from "../machine/machine.ts";
import { NetworkCard, type CardHooks } from "../network/card.ts";
import { NetworkQueue } from "../network/queue.ts";

export class ResidentNetwork {
  private readonly network: LoadedSpec["network"];
  private readonly hooks: CardHooks;
  private readonly moved: () => void;
  private card: NetworkCard | null = null;

  constructor(
    id: number,
    network: LoadedSpec["network"],
    hypervisor: Hypervisor,
    { moved, ...paying }: Pick<CardHooks, "spent" | "paid"> & { moved: () => void },
  ) {
    this.network = network;
    this.moved = moved;
    const charge = (bytes: number): "now" | "later" | "never" => {
      const reason = hypervisor.charge(id, CHARGE_NETWORK_BYTE, bytes);
      if (reason === DONE) return "now";
      return reason === LIMIT_CAPACITY ? "never" : "later";
    };
    this.hooks = { charge, ...paying };
  }

  /** A machine is there. */
  open(machine: Machine): void {
    const { network } = this;
    if (network === null) return;
    this.card = new NetworkCard(machine, new NetworkQueue(network.bell, network.queue), this.hooks);
  }

  /** The guest has reset itself: flows of before are over. */
  restart(): void {
    this.card?.restart();
  }

  /** The machine is gone. */
  close(): void {
    this.card?.end();
    this.card = null;
  }

  /** Moves frames both ways. True when there were some. */
  pump(): boolean {
    const some = this.card?.pump() ?? false;
    if (some) this.moved();
    return some;
  }

  /** Whether frames wait until the partition has paid for what was done. */
  get owing(): boolean {
    return this.card?.owing ?? false;
  }
}
