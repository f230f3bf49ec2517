// The live view of a handset: the table, again and again, and keys to pause, resume, restart, ask why and attach.

import { escapeText } from "../escape.ts";
import { frameOf } from "./frame.ts";
import type { HandsetView } from "../view.ts";

const REFRESH_MS = 500;
/** Partitions that PgUp and PgDn go. */
const PAGE = 10;
/** One key as terminals send it: an escape sequence, or a character. */
const KEY = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|[^]/gu;
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

/** Whether standard output is a terminal that can be drawn on. */
export function canDraw(environment: NodeJS.ProcessEnv = process.env): boolean {
  return process.stdout.isTTY === true && environment["TERM"] !== "dumb";
}

/** Whether colours are wanted (no-color.org). */
export function wantsColour(environment: NodeJS.ProcessEnv = process.env): boolean {
  return !environment["NO_COLOR"];
}

/** Shows the view until it is left with q or Ctrl-C, or `quit` is aborted. `quitText` says what q does. */
export async function liveView(
  view: () => Promise<HandsetView>,
  actions: ViewActions,
  quit: AbortController,
  quitText: string,
): Promise<void> {
  const screen = new Screen(actions, quit, quitText, await view());
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
  private readonly quitText: string;
  private chosen = 0;
  /** The partition at the top of the window. */
  private first = 0;
  private note = "";
  private help = false;
  /** Null while the table is shown. */
  private console: AttachedConsole | null = null;
  private attaching = false;

  constructor(actions: ViewActions, quit: AbortController, quitText: string, current: HandsetView) {
    this.actions = actions;
    this.quit = quit;
    this.quitText = quitText;
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
    for (const [key] of chunk.toString().matchAll(KEY)) this.press(key);
    this.draw();
  }

  private press(key: string): void {
    if (key === "\x03") this.quit.abort("interrupted");
    else if (key === "q") this.quit.abort("left");
    else if (this.help) this.help = false;
    else this.keys[key]?.();
  }

  private readonly keys: Partial<Record<string, () => void>> = Object.assign(
    Object.create(null) as Record<string, () => void>,
    {
      "\x1b[A": () => this.choose(-1),
      "\x1b[B": () => this.choose(1),
      "\x1b[5~": () => this.choose(-PAGE),
      "\x1b[6~": () => this.choose(PAGE),
      c: () => void this.attach(),
      "\r": () => void this.attach(),
      p: () => void this.act("pause"),
      r: () => void this.act("resume"),
      R: () => void this.act("restart"),
      w: () => void this.act("why"),
      "?": () => (this.help = true),
    },
  );

  private choose(step: number): void {
    const last = this.current.partitions.length - 1;
    this.chosen = Math.max(0, Math.min(last, this.chosen + step));
    this.note = "";
  }

  draw(): void {
    if (this.console !== null || this.attaching) return;
    // A terminal that does not know its size says 0.
    const { columns, rows } = process.stdout;
    const { current: view, before, chosen, note, help, quitText } = this;
    const size = { columns: columns || 80, rows: rows || 24, colour: wantsColour() };
    const { lines, first } = frameOf({ view, before, chosen, note, help, quitText, ...size }, this.first);
    this.first = first;
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
