// What a person reads of a command's answer.

import type { Command } from "../command.ts";
import { escapeText } from "../escape.ts";
import { energyText, powerText } from "../handset/units.ts";
import type { AuditView, HandsetView, NetworkView, PartitionView } from "../view.ts";
import { auditText } from "./audit-text.ts";
import { inspectText, type Inspected } from "./inspect-text.ts";
import { netText } from "./net-text.ts";
import { tableOf } from "./top.ts";

/** The answer to a command, for a person: `width` columns at most where it is a table. */
export function answerText(command: Command, value: unknown, width: number): string {
  if (command.name === "audit") return auditText(value as AuditView);
  if (command.name === "ls") return tableOf(value as HandsetView, null, width).join("\n");
  if (command.name === "net") return netText(value as NetworkView | null);
  if (typeof value === "string") return command.name === "log" ? safeLines(value) : value;
  if (value === null) return "done";
  if (command.name === "inspect") return inspectText(value as Inspected);
  const { ending } = value as { ending?: string };
  return `${briefly(value as PartitionView)}${ending === undefined ? "" : `; ${ending}`}`;
}

/** One partition in a line. */
function briefly(view: PartitionView): string {
  const { cpu, energy } = view;
  const guaranteed = cpu.class === "guaranteed" ? `${cpu.budget / 1000} ms in ${cpu.period / 1000} ms` : "best effort";
  const contract =
    energy.contract === null
      ? "no energy contract"
      : `${energyText(energy.level)} left, ${powerText(energy.contract.rate)}`;
  return `${view.name}: ${view.state}; ${guaranteed}; ${contract}`;
}

/** Guest text for a terminal: its lines stay lines, its control sequences become visible. */
function safeLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => escapeText(line, 4096))
    .join("\n");
}
