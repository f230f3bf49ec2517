// `link:` of a handset file: how a simulated link begins, and what becomes of it.

import { isScalar, type Node, type YAMLMap } from "yaml";
import type { LinkScript } from "./contracts.ts";
import { LINK, LINK_STEP, LINK_STEPS_MAX, linkKindOf } from "./keys.ts";
import type { FileReader } from "./reader.ts";
import { readSteps } from "./steps.ts";
import { UnitError } from "./units.ts";

const STEP = {
  shape: LINK_STEP,
  needs: ["at", "kind"],
  most: LINK_STEPS_MAX,
  example: "{ at: 10s, kind: cellular }",
};

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
  return { kind, steps: readSteps(reader, map, STEP, (step) => ({ atNs: step.at * 1e6, kind: step.kind })) };
}
