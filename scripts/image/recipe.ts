// boards/BOARD/image.json: what a board's image is made of.

import { existsSync, readdirSync } from "node:fs";
import { readBoundedText } from "../../agent/bounded-file.ts";
import { escapeText } from "../../agent/escape.ts";
import { parseBytes } from "../../agent/handset/units.ts";
import { boardFile } from "../../agent/paths.ts";
import { ImageBuildError } from "./failure.ts";

export interface Recipe {
  board: string;
  /** Debian's name. */
  architecture: "arm64";
  kernelPackage: string;
  packages: string[];
  /** Node's release line. */
  node: string;
  /** Kernel modules that the first stage loads; what they need is added. */
  modules: string[];
  commandLine: string;
  /** Where the running device finds battery and thermal zone, instead of what board.json says of a computer. */
  sensors: Record<string, string>;
  sizes: { esp: number; root: number; data: number };
  /** Whether it has been started on this board itself. */
  untried: boolean;
}

const RECIPE_BYTES_MAX = 64 << 10;
const WORD = /^[a-z0-9][a-z0-9+._-]{0,80}$/;
const KEYS = "architecture kernelPackage packages node modules commandLine sensors sizes untried".split(" ");

/** Boards that have a recipe. */
export function imageBoards(): string[] {
  return readdirSync(boardFile()).filter((name) => existsSync(boardFile(name, "image.json")));
}

/** Reads a board's recipe. Throws IMAGE_BOARD, IMAGE_RECIPE. */
export function readRecipe(board: string): Recipe {
  if (!/^[a-z0-9-]{1,32}$/.test(board) || !imageBoards().includes(board)) {
    const known = `Boards with a recipe: ${imageBoards().join(", ")}. A new one: docs/porting.md.`;
    throw new ImageBuildError("IMAGE_BOARD", `there is no image for a board "${escapeText(board, 40)}"`, known);
  }
  const path = boardFile(board, "image.json");
  try {
    return checkRecipe(board, JSON.parse(readBoundedText(path, RECIPE_BYTES_MAX)));
  } catch (error) {
    if (error instanceof ImageBuildError) throw error;
    throw new ImageBuildError("IMAGE_RECIPE", `boards/${board}/image.json: ${(error as Error).message}`);
  }
}

/** Checks a recipe's data. Throws IMAGE_RECIPE, which names the key. */
export function checkRecipe(board: string, data: unknown): Recipe {
  const wrong = (key: string, what: string): never => {
    throw new ImageBuildError("IMAGE_RECIPE", `boards/${board}/image.json: ${key} ${what}`);
  };
  if (typeof data !== "object" || data === null || Array.isArray(data)) return wrong("it", "must be an object");
  const record = data as Record<string, unknown>;
  for (const key of Object.keys(record))
    if (!KEYS.includes(key)) wrong(`"${escapeText(key, 40)}"`, "is no key of a recipe");
  const text = (key: string, pattern: RegExp): string => {
    const value = record[key];
    return typeof value === "string" && pattern.test(value) ? value : wrong(key, "is missing or malformed");
  };
  const words = (key: string, pattern: RegExp): string[] => {
    const value = record[key] ?? [];
    const good =
      Array.isArray(value) &&
      value.length <= 200 &&
      value.every((each) => typeof each === "string" && pattern.test(each));
    return good ? (value as string[]) : wrong(key, "must be a list of names");
  };
  const sizes = (record["sizes"] ?? {}) as Record<string, unknown>;
  const size = (key: string): number => {
    const bytes = parseBytes(sizes[key]);
    return bytes >= 1 << 20 && bytes % (1 << 20) === 0 ? bytes : wrong(`sizes.${key}`, "must be whole MiB");
  };
  return {
    board,
    architecture: text("architecture", /^arm64$/) as "arm64",
    kernelPackage: text("kernelPackage", WORD),
    packages: words("packages", WORD),
    node: text("node", /^\d{2}$/),
    modules: words("modules", /^[a-zA-Z0-9_-]{1,60}$/),
    commandLine: text("commandLine", /^[\x20-\x7e]{0,400}$/),
    sensors: (record["sensors"] ?? {}) as Record<string, string>,
    sizes: { esp: size("esp"), root: size("root"), data: size("data") },
    untried: record["untried"] === true,
  };
}
