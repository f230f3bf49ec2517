// A handset as people see it: what the worker knows, and what only this thread does.

import type { Board } from "../../handset/board.ts";
import type { HandsetSnapshot, HandsetView, ManagementView, RuleView } from "../../view.ts";
import { UsageError } from "../../failure.ts";
import type { Handset } from "./handset.ts";
import type { Members } from "./members.ts";
import type { HandsetPower } from "./power.ts";

const READY_POLL_MS = 100;

export interface Viewed {
  name: string;
  board: Board;
  handset: Handset;
  members: Members;
  power: HandsetPower;
  rules: RuleView[];
  management: ManagementView | null;
}

export function handsetView(snapshot: HandsetSnapshot, of: Viewed): HandsetView {
  return {
    handset: of.name,
    board: of.board.name,
    nowNs: snapshot.nowNs,
    busyNs: snapshot.busyNs,
    stolenNs: snapshot.stolenNs,
    handsetNs: snapshot.handsetNs,
    memory: { held: snapshot.memoryHeld, limit: of.board.ramBytes - of.board.reserveBytes },
    energy: { drained: snapshot.energyDrained, spent: snapshot.energySpent },
    average: snapshot.average,
    boardAverage: snapshot.boardAverage,
    battery: of.power.batteryView(snapshot),
    thermal: of.power.thermalView(snapshot),
    radio: snapshot.radio,
    rules: of.rules,
    management: of.management,
    partitions: snapshot.partitions.map((partition) => {
      const member = of.members.known(partition.partition);
      const { ramBytes, overheadBytes, overhead } = of.handset.memoryOf(partition.partition);
      const { reason, timeNs } = partition.crash ?? { reason: "", timeNs: 0 };
      return {
        ...partition,
        crash: partition.crash === null ? null : { reason, timeNs },
        kind: member?.file.kind ?? "system",
        memory: { ramBytes, overheadBytes, overhead },
      };
    }),
  };
}

/** Resolves once every partition is ready: its guest has reached its shell, or, for a guest of the user's own, it runs. Throws UsageError when one
 *  has stopped or failed first. */
export async function whenReady(
  look: () => Promise<HandsetView>,
  members: Members,
  signal: AbortSignal,
  progress: (view: HandsetView) => void,
): Promise<HandsetView> {
  for (;;) {
    const view = await look();
    progress(view);
    const pending = view.partitions.filter(({ partition, state, bootMs }) => {
      if (state === "failed" || state === "stopped") {
        throw new UsageError(
          "PARTITION_ENDED",
          `a partition ended before it was ready`,
          "See: pocketvisor log PARTITION",
        );
      }
      const own = members.get(partition).file.guest === null;
      return own ? state !== "running" : bootMs === null;
    });
    if (pending.length === 0) return view;
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
}
