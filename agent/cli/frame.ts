// One picture of the live view for a terminal of any size: the table scrolls so that the chosen partition is always seen, and the note, the
// help and the last line stay. No line is wider than the terminal, and there are no more of them than it has rows.

import stringWidth from "string-width";
import { escapeText } from "../escape.ts";
import { tableParts } from "./top.ts";
import type { HandsetView } from "../view.ts";

export interface FrameInput {
  view: HandsetView;
  /** An earlier view: rates are taken between the two. */
  before: HandsetView | null;
  chosen: number;
  /** What the last key led to; may be empty. */
  note: string;
  /** Whether the keys are explained instead of the table. */
  help: boolean;
  /** What `q` does: it leaves a view of a handset that runs elsewhere, and ends one that runs here. */
  quitText: string;
  columns: number;
  rows: number;
  colour: boolean;
}

/** The rows that a note may take of the screen. */
const NOTE_SHARE = 0.5;

/** The lines of the picture. `first` is the partition at the top of the window, to be given back with the next one. */
export function frameOf(input: FrameInput, first: number): { lines: string[]; first: number } {
  const { view, before, chosen, columns, colour } = input;
  // The last row stays free: a line feed there would scroll the screen.
  const rows = Math.max(1, input.rows - 1);
  const width = Math.max(1, columns);
  const keys = `? help · ↑↓ choose · q ${input.quitText}`;
  const oneLine = (text: string): string => indented(wrapped(text, width < 8 ? width : width - 2)[0] ?? "", width);
  const footer = rows < 4 ? [] : ["", oneLine(keys)];
  if (input.help) {
    const text = helpText(input.quitText).flatMap((line) => wrapped(line, width - 2));
    return { lines: text.slice(0, rows).map((line) => indented(line, width)), first };
  }
  const noteRows = Math.floor(rows * NOTE_SHARE);
  const note =
    input.note === ""
      ? []
      : ["", ...wrapped(input.note, width - 2).map((line) => indented(line, width))].slice(0, noteRows);
  const { head, partitions, tail } = tableParts(view, before, width, chosen, colour);
  const room = Math.max(1, rows - note.length - footer.length);
  // A terminal with very few rows shows the chosen partition, and of the head what fits above it.
  const need = partitions[chosen]?.length ?? 0;
  const headShown = head.slice(0, Math.max(0, room - Math.max(need, 1)));
  const window = windowOf(partitions, chosen, first, room - headShown.length);
  const shown = partitions
    .slice(window.first, window.end)
    .flat()
    .slice(0, room - headShown.length);
  const left = room - headShown.length - shown.length;
  const lines = [...headShown, ...shown, ...tail.slice(0, left), ...note, ...footer];
  const more = hiddenText(window.first, partitions.length - window.end);
  if (more !== "" && footer.length > 0) lines[lines.length - 1] = oneLine(`${more} · ${keys}`);
  return { lines: lines.slice(0, rows), first: window.first };
}

/** Which partitions fit into `room` rows, the chosen one among them, with as little scrolling as can be. */
function windowOf(partitions: string[][], chosen: number, first: number, room: number): { first: number; end: number } {
  const rowsOf = (from: number, to: number): number => partitions.slice(from, to).flat().length;
  let start = Math.max(0, Math.min(first, chosen, partitions.length - 1));
  while (start < chosen && rowsOf(start, chosen + 1) > room) start++;
  let end = Math.min(partitions.length, Math.max(start, chosen) + 1);
  while (end < partitions.length && rowsOf(start, end + 1) <= room) end++;
  // Room below the last partition is for those above the first.
  while (end === partitions.length && start > 0 && rowsOf(start - 1, end) <= room) start--;
  return { first: start, end };
}

function hiddenText(above: number, below: number): string {
  const parts = [...(above > 0 ? [`${above} above`] : []), ...(below > 0 ? [`${below} below`] : [])];
  return parts.length === 0 ? "" : parts.join(", ");
}

function helpText(quitText: string): string[] {
  return [
    "↑ ↓, PgUp PgDn  choose a partition",
    "c, Enter        its console; Ctrl-] returns",
    "w               why it is as it is",
    "p, r            pause, resume",
    "R               restart: ends the guest at once",
    `q, Ctrl-C       ${quitText}`,
    "? or any key    back",
    "",
    "MEMORY is guest RAM + what its machine costs, in MiB. NETWORK is what went over since it was started, both ways. The CPU bar is full at the partition's ceiling, or at one processor; the ENERGY bar at its reserve's capacity.",
  ];
}

function indented(line: string, width: number): string {
  return width < 8 ? line : `  ${line}`;
}

/** The lines of a text, broken at blanks where they are wider than `width`. */
export function wrapped(text: string, width: number): string[] {
  const most = Math.max(1, width);
  return text.split("\n").flatMap((line) => {
    const lines = [""];
    const put = (word: string, glue: string): void => {
      const last = lines.at(-1)!;
      if (last === "") lines[lines.length - 1] = word;
      else if (stringWidth(last + glue + word) <= most) lines[lines.length - 1] = last + glue + word;
      else lines.push(word);
    };
    for (const [spaces, word] of wordsOf(escapeText(line, 4096))) {
      for (const [at, piece] of pieces(word, most).entries()) put(piece, at === 0 ? spaces : "\n");
    }
    return lines;
  });
}

/** Words, each with the blanks before it. */
function wordsOf(line: string): [spaces: string, word: string][] {
  return [...line.matchAll(/( *)([^ ]+)/g)].map((match) => [match[1]!, match[2]!]);
}

/** A word in pieces that fit. */
function pieces(word: string, width: number): string[] {
  const found = [""];
  for (const character of word) {
    const last = found.at(-1)!;
    if (last !== "" && stringWidth(last + character) > width) found.push(character);
    else found[found.length - 1] = last + character;
  }
  return found;
}
