// The live view: budgets as bars, what is held back and why, the battery; keys to pause, resume, restart and ask why.

import type { HandsetView, PartitionView } from "../command.ts";
import { escapeText } from "../escape.ts";
import { energyText } from "../handset/units.ts";

const REFRESH_MS = 500;
const BAR_WIDTH = 12;
const WIDTH_MIN = 60;
/** Colours are for terminals; a table for a pipe has none. */
const STATE_COLOURS: Record<string, string> = { running: "32", paused: "33", failed: "31", locked: "35" };
const HELP = "↑↓ choose · p pause · r resume · R restart · w why · q leave";

/** What the view may ask for. */
export interface ViewActions {
  command(name: string, positionals: string[], options: Record<string, string>): Promise<unknown>;
}

/** Lines of the table. `before` is an earlier view: rates are taken between the two; without one, since the start. `chosen` is marked. */
export function tableOf(
  view: HandsetView,
  before: HandsetView | null,
  width: number,
  chosen = -1,
  colour = false,
): string[] {
  const elapsed = view.nowNs - (before?.nowNs ?? 0);
  const paint = (code: string, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const battery =
    view.battery === null
      ? ""
      : ` · battery ${view.battery.percent.toFixed(1)} % (${view.battery.milliwatts.toFixed(0)} mW)`;
  const memory = `${mebibytes(view.memory.held)} of ${mebibytes(view.memory.limit)} MiB`;
  const head = `${view.handset} on ${view.board} · up ${clock(view.nowNs)} · memory ${memory}${battery}`;
  const rows = [
    paint("1", head.slice(0, Math.max(width, WIDTH_MIN))),
    "",
    paint(
      "2",
      `  ${"NAME".padEnd(14)}${"STATE".padEnd(10)}${"MEMORY".padEnd(14)}${"CPU".padEnd(BAR_WIDTH + 9)}${"ENERGY".padEnd(BAR_WIDTH + 11)}HELD BACK`,
    ),
  ];
  view.partitions.forEach((partition, index) => {
    const earlier = before?.partitions.find((each) => each.partition === partition.partition);
    const used = partition.cpu.timeNs - (earlier?.cpu.timeNs ?? 0);
    const share = elapsed > 0 ? used / elapsed : 0;
    const cap = (partition.cpu.ceiling ?? partition.cpu.period) / partition.cpu.period;
    const state = paint(STATE_COLOURS[partition.state] ?? "0", partition.state.padEnd(10));
    rows.push(
      [
        index === chosen ? paint("7", "›") : " ",
        " ",
        escapeText(partition.name, 13).padEnd(14),
        state,
        `${mebibytes(partition.memory.ramBytes)}+${mebibytes(partition.memory.overheadBytes)}`.padEnd(14),
        `${bar(cap === 0 ? 0 : share / cap)} ${percent(share)} `,
        energyCell(partition),
        heldBack(partition),
      ].join(""),
    );
  });
  return rows;
}

function energyCell({ energy }: PartitionView): string {
  if (energy.contract === null) return `${energyText(energy.spent)} spent`.padEnd(BAR_WIDTH + 11);
  return `${bar(energy.level / energy.contract.capacity)} ${energyText(energy.level)}`.padEnd(BAR_WIDTH + 11);
}

function heldBack({ cpu, energy, throttledBy, restarts }: PartitionView): string {
  const parts = [];
  if (throttledBy !== "nothing") parts.push(`now: ${throttledBy}`);
  if (cpu.throttledNs > 0) parts.push(`cpu ${seconds(cpu.throttledNs)}`);
  if (energy.throttledNs > 0) parts.push(`energy ${seconds(energy.throttledNs)}`);
  if (restarts > 0) parts.push(`${restarts} restarts`);
  return parts.join(", ") || "–";
}

/** Shows the view until it is left with q or Ctrl-C, or `quit` is aborted. */
export async function liveView(
  view: () => Promise<HandsetView>,
  actions: ViewActions,
  quit: AbortController,
): Promise<void> {
  const { stdin, stdout } = process;
  let chosen = 0;
  let note = "";
  let before: HandsetView | null = null;
  let current = await view();
  const draw = (): void => {
    const rows = tableOf(current, before, stdout.columns, chosen, true);
    const foot =
      note === "" ? [] : ["", ...note.split("\n").map((line) => `  ${escapeText(line, stdout.columns - 3)}`)];
    stdout.write(`\x1b[H${[...rows, ...foot, "", `  ${HELP}`].map((row) => `${row}\x1b[K`).join("\n")}\n\x1b[J`);
  };
  const act = async (name: string): Promise<void> => {
    const target = current.partitions[chosen];
    if (target === undefined) return;
    try {
      const answer = await actions.command(name, [target.name], {});
      note = typeof answer === "string" ? answer : `${name} ${target.name}: done`;
    } catch (error) {
      note = (error as Error).message;
    }
    draw();
  };
  const keys: Record<string, () => void> = {
    q: () => quit.abort("left"),
    "\x03": () => quit.abort("interrupted"),
    "\x1b[A": () => (chosen = Math.max(0, chosen - 1)),
    "\x1b[B": () => (chosen = Math.min(current.partitions.length - 1, chosen + 1)),
    p: () => void act("pause"),
    r: () => void act("resume"),
    R: () => void act("restart"),
    w: () => void act("why"),
  };
  const onKey = (chunk: Buffer): void => {
    keys[chunk.toString()]?.();
    draw();
  };
  const raw = stdin.isTTY === true;
  if (raw) stdin.setRawMode(true).on("data", onKey);
  // An alternate screen: what was on the terminal comes back.
  stdout.write("\x1b[?1049h\x1b[?25l");
  try {
    while (!quit.signal.aborted) {
      draw();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, REFRESH_MS);
        quit.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
      if (quit.signal.aborted) break;
      const next = await view();
      before = current;
      current = next;
    }
  } finally {
    stdout.write("\x1b[?25h\x1b[?1049l");
    if (raw) stdin.off("data", onKey).setRawMode(false).pause();
  }
}

function bar(share: number): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * BAR_WIDTH);
  return "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`.padStart(7);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function seconds(nanoseconds: number): string {
  return `${(nanoseconds / 1e9).toFixed(1)} s`;
}

function clock(nanoseconds: number): string {
  const total = Math.floor(nanoseconds / 1e9);
  return `${Math.floor(total / 60)}:${String(total % 60).padStart(2, "0")}`;
}
