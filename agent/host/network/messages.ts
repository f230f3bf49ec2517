// What passes between the main thread and the network worker. Frames pass elsewhere: see queue.

import type { Forward, StackOptions } from "../../network/stack.ts";
import type { NetworkView } from "../../view.ts";

/** A partition's network, as the handset file and its policy want it. */
export interface NetworkSpec {
  name: string;
  /** What its IPv6 prefix is made from. */
  prefixSeed: string;
  /** The card's address. */
  card: Uint8Array;
  bufferBytes: number;
  rules: StackOptions["rules"];
  hostPorts: readonly number[];
  nameServers: readonly string[];
  forwards: readonly Forward[];
  /** Null: any number. */
  bytesPerDay: number | null;
  /** Where the day's bytes are written down; null: nowhere, for who is gone with this process. */
  dayFile: string | null;
}

export interface NetworkWorkerData {
  /** The network worker's bell, and the handset worker's: word 0 of each. */
  bell: SharedArrayBuffer;
  handsetBell: SharedArrayBuffer;
}

export type NetworkRequest =
  | { kind: "attach"; partition: number; queue: SharedArrayBuffer; spec: NetworkSpec }
  | { kind: "detach"; partition: number }
  | { kind: "change"; partition: number; spec: NetworkSpec; id: number }
  | { kind: "view"; partition: number; id: number }
  | { kind: "quit" };

export type NetworkAnswer =
  | { kind: "changed"; id: number }
  /** Null: nothing runs. */
  | { kind: "view"; id: number; view: NetworkView | null };
