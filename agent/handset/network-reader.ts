// `network:` of a partition: none, nat, or what it may reach and what leads into it.

import { isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { NETWORK } from "./keys.ts";
import { LIST_MOST, parseDestination, parseForward, parsePort, PLAIN_NETWORK, type NetworkFile } from "./network.ts";
import type { FileReader } from "./reader.ts";
import type { Reading } from "./shape.ts";
import { UnitError } from "./units.ts";

/** What `network` says; null: nothing. */
export function readNetwork(reader: FileReader, partition: YAMLMap | null): NetworkFile | "none" | null {
  const node = partition?.get("network", true) as Node | undefined;
  if (node === undefined) return null;
  if (isScalar(node)) {
    if (node.value === "none") return "none";
    if (node.value !== "nat") reader.fault(node, "network is none, nat, or a mapping of keys", "write `network: nat`");
    return PLAIN_NETWORK;
  }
  const map = reader.map(node, "network");
  const values = reader.values(map, NETWORK);
  return {
    forwards: listOf(reader, map, "forward", parseForward),
    hostPorts: listOf(reader, map, "host", parsePort),
    allow: listOf(reader, map, "allow", parseDestination),
    deny: listOf(reader, map, "deny", parseDestination),
    bytesPerDay: values["bytes-per-day"],
  };
}

function listOf<T>(reader: FileReader, map: YAMLMap | null, key: string, read: Reading<T>): T[] {
  const list = map?.get(key, true) as Node | undefined;
  if (list === undefined) return [];
  if (!isSeq(list) || list.items.length > LIST_MOST) {
    reader.fault(
      list,
      `${key} must be a list of at most ${LIST_MOST}`,
      `write \`${key}: [${NETWORK[key as "host"].example}]\``,
    );
    return [];
  }
  return list.items.flatMap((item) => {
    try {
      if (isScalar(item)) return [read(item.source ?? item.value)];
      reader.fault(item as Node, `${key} is a list of single words`, "");
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      reader.fault(item as Node, `${key}: ${error.message}`, "");
    }
    return [];
  });
}
