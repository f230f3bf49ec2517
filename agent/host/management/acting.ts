// What the parts of a running handset's management do through each other.

import type { MonitorMessage } from "../../agent-messages.ts";
import type { ManagedHandset } from "./commands.ts";
import type { ManagedPartition } from "./partition.ts";
import type { Standing } from "./standing.ts";

export interface Acting {
  readonly standing: Standing;
  readonly target: ManagedHandset;
  /** Says something to the agent; nothing while it is down. */
  tell(message: MonitorMessage): void;
  /** Makes a partition what its policy wants. */
  apply(partition: ManagedPartition): Promise<void>;
  /** Tells the fleet how a partition keeps its policy. `running`: it has a machine now; as it is, if not said. */
  report(partition: ManagedPartition, running?: boolean): void;
  reportAll(): void;
}
