// The answer of `audit` for a terminal: a line for each record, and at the end whether the chain holds.

import { escapeText } from "../escape.ts";
import type { AuditEntry, AuditView } from "../view.ts";

export function auditText(view: AuditView): string {
  const lines = view.records.map(lineOf);
  const lost = view.lostCount === 0 ? "" : `; ${view.lostCount} are known to be lost`;
  lines.push(
    view.holds
      ? `The chain of ${view.recordCount} records holds${lost}. Last hash: ${view.hash}`
      : `The chain of ${view.recordCount} records does NOT hold${lost}:`,
    ...view.problems.map((problem) => `  ${escapeText(problem)}`),
  );
  return lines.join("\n");
}

function lineOf({ sequence, at, timeNs, partition, kind, text }: AuditEntry): string {
  const when = at ?? `${(timeNs / 1e9).toFixed(3)} s`;
  return [
    `${sequence}`.padStart(6),
    when.padEnd(24),
    (partition ?? "").padEnd(14),
    kind.padEnd(8),
    escapeText(text),
  ].join("  ");
}
