// What `up --dry-run` does: everything that `up` does before the first guest runs. Files are opened, plans made, and the hypervisor is asked
// to admit each partition and channel; then all of it is dropped. What a fleet's policy would take away is not looked at.

import { boardSpec, powerSpec, type Board } from "../handset/board.ts";
import { Handset, type ResolvedPartition } from "../host/index.ts";
import { channelBytesOf, type HandsetChannel, type HandsetFile } from "../handset/file.ts";

/** What a partition would cost, in bytes. */
export interface Rehearsed {
  name: string;
  ramBytes: number;
  overheadBytes: number;
}

/** Admits the handset's partitions and channels, and starts none. Throws what `up` would: Failure with the reason. */
export async function rehearse(file: HandsetFile, board: Board, resolved: ResolvedPartition[]): Promise<Rehearsed[]> {
  const handset = new Handset(boardSpec(board), "deterministic", powerSpec(board, null), {
    name: file.name,
    control: "direct",
  });
  try {
    const ids = new Map<string, number>();
    const costs: Rehearsed[] = [];
    for (const { partition, image } of resolved) {
      const { name, cpu, energy, energyInitial, io, restart } = partition;
      const charged = { ...image, channelBytes: channelBytesOf(file, name) };
      const id = await handset.add({ name, image: charged, cpu, energy, energyInitial, io, restart });
      ids.set(name, id);
      const { ramBytes, overheadBytes } = handset.memoryOf(id);
      costs.push({ name, ramBytes, overheadBytes });
    }
    for (const channel of file.channels) await grant(handset, ids, channel);
    return costs;
  } finally {
    await handset.close();
  }
}

async function grant(handset: Handset, ids: Map<string, number>, channel: HandsetChannel): Promise<void> {
  const { from, fromPort, to, toPort, contract } = channel;
  const sender = { partition: ids.get(from)!, port: fromPort };
  await handset.orders.channel(sender, { partition: ids.get(to)!, port: toPort }, contract);
}
