// `link:` of a handset file: how a simulated link begins, and what becomes of it.

import { isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import type { LinkScript, LinkStep } from "./contracts.ts";
import { LINK, LINK_STEP, LINK_STEPS_MAX, linkKindOf } from "./keys.ts";
import type { FileReader } from "./reader.ts";
import { UnitError } from "./units.ts";

/** The script under `link`, a kind or a map; null when the file has none. */
export function readLinkScript(reader: FileReader, file: YAMLMap | null): LinkScript | null {
  const node = file?.get("link", true) as Node | undefined;
  if (node === undefined) return null;
  if (isScalar(node)) {
    try {
      return { kind: linkKindOf(node.value), steps: [] };
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      reader.fault(node, `link: ${error.message}`, "write `link: wifi`");
      return null;
    }
  }
  const map = reader.map(node, "link");
  if (map === null) return null;
  const { kind } = reader.values(map, LINK);
  const list = map.get("script", true) as Node | undefined;
  let steps: LinkStep[] = [];
  if (isSeq(list) && list.items.length <= LINK_STEPS_MAX) steps = list.items.map((item) => step(reader, item as Node));
  else if (list !== undefined) {
    reader.fault(
      list,
      `script must be a list of at most ${LINK_STEPS_MAX} steps`,
      "write `- { at: 10s, kind: cellular }`",
    );
  }
  steps.forEach(({ atNs }, index) => {
    if (index > 0 && atNs < steps[index - 1]!.atNs)
      reader.fault((list as { items: Node[] }).items[index], "a step is earlier than the one before it", "order them");
  });
  return { kind, steps };
}

function step(reader: FileReader, node: Node): LinkStep {
  const map = reader.map(node, "a step");
  const { at, kind } = reader.values(map, LINK_STEP);
  for (const key of ["at", "kind"]) {
    if (map !== null && !map.has(key)) reader.fault(map, `a step needs ${key}`, "write `{ at: 10s, kind: cellular }`");
  }
  return { atNs: at * 1e6, kind };
}
