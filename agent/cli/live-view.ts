// The live view of a handset: the table, again and again, and keys to pause, resume, restart, ask why and attach.

import { escapeText } from "../escape.ts";
import { tableOf, WIDTH_MIN } from "./top.ts";
import type { HandsetView } from "../view.ts";

const REFRESH_MS = 500;
const HELP = "↑↓ choose · c console · p pause · r resume · R restart · w why · q leave";
const NOTE_LINES_MAX = 12;
/** An alternate screen: what was on the terminal comes back. */
const ENTER = "\x1b[?1049h\x1b[?25l";
/** Whatever a guest did to the terminal before: attributes, colours and scrolling as they were. */
const LEAVE = "\x1b[0m\x1b[r\x1b[?25h\x1b[?1049l";
/** Ctrl-]. */
const DETACH = 0x1d;

/** A console that this terminal is attached to. */
export interface AttachedConsole {
  input(bytes: Buffer): void;
  detach(): void;
}

/** What the view may ask for. */
export interface ViewActions {
  command(name: string, positionals: string[], options: Record<string, string>): Promise<unknown>;
  attach(partition: string, output: (bytes: Buffer) => void): Promise<AttachedConsole>;
}

/** Shows the view until it is left with q or Ctrl-C, or `quit` is aborted. */
export async function liveView(
  view: () => Promise<HandsetView>,
  actions: ViewActions,
  quit: AbortController,
): Promise<void> {
  const screen = new Screen(actions, quit, await view());
  const { stdin, stdout } = process;
  const raw = stdin.isTTY === true;
  const onKey = (chunk: Buffer): void => screen.key(chunk);
  if (raw) stdin.setRawMode(true).on("data", onKey);
  stdout.write(ENTER);
  try {
    while (!quit.signal.aborted) {
      screen.draw();
      await sleep(REFRESH_MS, quit.signal);
      if (!quit.signal.aborted) screen.take(await view());
    }
  } finally {
    screen.close();
    stdout.write(LEAVE);
    if (raw) stdin.off("data", onKey).setRawMode(false).pause();
  }
}

class Screen {
  private readonly actions: ViewActions;
  private readonly quit: AbortController;
  private before: HandsetView | null = null;
  private current: HandsetView;
  private chosen = 0;
  private note = "";
  /** Null while the table is shown. */
  private console: AttachedConsole | null = null;
  private attaching = false;

  constructor(actions: ViewActions, quit: AbortController, current: HandsetView) {
    this.actions = actions;
    this.quit = quit;
    this.current = current;
  }

  take(view: HandsetView): void {
    this.before = this.current;
    this.current = view;
  }

  key(chunk: Buffer): void {
    if (this.console !== null) {
      const end = chunk.indexOf(DETACH);
      const bytes = end < 0 ? chunk : chunk.subarray(0, end);
      if (bytes.length > 0) this.console.input(bytes);
      if (end >= 0) this.detach();
      return;
    }
    const last = this.current.partitions.length - 1;
    const keys: Record<string, () => void> = {
      q: () => this.quit.abort("left"),
      "\x03": () => this.quit.abort("interrupted"),
      "\x1b[A": () => (this.chosen = Math.max(0, this.chosen - 1)),
      "\x1b[B": () => (this.chosen = Math.min(last, this.chosen + 1)),
      c: () => void this.attach(),
      "\r": () => void this.attach(),
      p: () => void this.act("pause"),
      r: () => void this.act("resume"),
      R: () => void this.act("restart"),
      w: () => void this.act("why"),
    };
    const key = chunk.toString();
    if (Object.hasOwn(keys, key)) keys[key]!();
    this.draw();
  }

  draw(): void {
    if (this.console !== null || this.attaching) return;
    // A terminal that does not know its size says 0.
    const { columns, rows } = process.stdout;
    const width = Math.max(columns || 80, WIDTH_MIN);
    const note = this.note === "" ? [] : ["", ...wrapped(this.note, width - 2).slice(0, NOTE_LINES_MAX)];
    const table = tableOf(this.current, this.before, width, this.chosen, true);
    const help = ["", ...wrapped(HELP, width - 2).map((line) => `  ${line}`)];
    // The help and the note stay when there are more partitions than rows.
    const room = Math.max(0, (rows || 24) - 1 - note.length - help.length);
    const lines = [...table.slice(0, room), ...note.map((line) => `  ${line}`), ...help];
    process.stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\n")}\n\x1b[J`);
  }

  close(): void {
    this.console?.detach();
    this.console = null;
  }

  private async act(name: string): Promise<void> {
    const target = this.current.partitions[this.chosen];
    if (target === undefined) return;
    try {
      const answer = await this.actions.command(name, [target.name], {});
      this.note = typeof answer === "string" ? answer : `${name} ${target.name}: done`;
    } catch (error) {
      this.note = (error as Error).message;
    }
    this.draw();
  }

  private async attach(): Promise<void> {
    const target = this.current.partitions[this.chosen];
    if (target === undefined || this.attaching) return;
    this.attaching = true;
    process.stdout.write(`${LEAVE}console of ${escapeText(target.name)}; Ctrl-] returns\n`);
    try {
      this.console = await this.actions.attach(target.name, (bytes) => void process.stdout.write(bytes));
    } catch (error) {
      this.note = (error as Error).message;
      process.stdout.write(ENTER);
    }
    this.attaching = false;
    this.draw();
  }

  private detach(): void {
    this.close();
    process.stdout.write(`${LEAVE}${ENTER}\x1b[2J`);
    this.draw();
  }
}

/** The lines of a text, broken at blanks where they are longer than `width`. */
export function wrapped(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    const lines = [""];
    for (const word of escapeText(line, 4096).split(" ")) {
      const last = lines.at(-1)!;
      if (last !== "" && last.length + 1 + word.length > width) lines.push(word.slice(0, width));
      else lines[lines.length - 1] = (last === "" ? word : `${last} ${word}`).slice(0, width);
    }
    return lines;
  });
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
