// A process of its own for test/budget/disk-full: plays a guest that writes its whole disk beside one that burns, and prints what came of
// it as JSON. Arguments: the disk's image, and whether a queue serves it.

import { Buffer } from "node:buffer";
import { BlockStore } from "../../agent/host/disk/block-store.js";
import { DiskQueue } from "../../agent/host/disk/queue.js";
import { BOARD, bringUp, consoleOf, diskPartitionOf, partitionOf, playHandset } from "./handset.js";

const [path, backend] = process.argv.slice(2) as [string, string];
const store = new BlockStore(path, false);
const queue = backend === "queue" ? new DiskQueue(1024) : null;

/** What the I/O worker would do. */
function turn(): boolean {
  const pieces = queue?.submitted() ?? [];
  for (const { slot, piece } of pieces) {
    queue!.complete(slot, store.serve(piece.operation, piece.sector, piece.byteCount, queue!.data(slot)));
  }
  return pieces.length > 0;
}

const disk = diskPartitionOf("disk", path, {}, queue);
const work = partitionOf("work", {
  cpu: { class: "guaranteed", budget: 60_000, period: 100_000, ceiling: 60_000, weight: 0 },
});
// The writer is slow enough for the neighbour's share to be measured while it writes.
disk.io.blockOperations = { rate: 64, burst: 1 };
const { snapshot, messages } = playHandset([...bringUp(0, work, "s"), ...bringUp(1, disk, "w")], 2_000, BOARD, {
  round: turn,
});
const share = snapshot.partitions[0]!.cpu.timeNs / snapshot.nowNs;
const { state, sleeping, io } = snapshot.partitions[1]!;
const events = messages.flatMap((message) => (message.kind === "event" ? [message.event] : []));
const outcome = { console: consoleOf(disk), share, state, sleeping, operations: io[0]!.used, events };
process.stdout.write(Buffer.from(JSON.stringify(outcome)));
