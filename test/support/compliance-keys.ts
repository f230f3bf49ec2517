// What a report says, as an object: section number → state.

import type { Reported } from "../../agent/wire/reports.js";

export function complianceKeys({ sections }: Reported): Record<number, string> {
  return Object.fromEntries([...sections].map(([key, { state }]) => [key, state]));
}
