// Reading a checked YAML file: every fault with its line, what is wrong and what to write instead. A fault does not end the reading, so that all
// of them are told at once.

import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node, type YAMLMap } from "yaml";
import { UnitError } from "./units.ts";

/** A file larger than this is no handset file. */
const FILE_BYTES_MAX = 1 << 20;
const NAME = /^[a-z0-9-]{1,32}$/;

/** Reads one scalar. Throws UnitError. */
export type Reading<T> = (value: unknown) => T;

export class FileReader {
  readonly faults: string[] = [];
  protected readonly lines = new LineCounter();
  readonly path: string;
  readonly root: Node | null;

  constructor(text: string, path: string) {
    this.path = path;
    this.root = null;
    if (text.length > FILE_BYTES_MAX) {
      this.faults.push(`${path}: the file is larger than a handset file can be (${FILE_BYTES_MAX} bytes)`);
      return;
    }
    // Aliases could blow a small file up, and nothing here needs them.
    const document = parseDocument(text, { lineCounter: this.lines, schema: "core", merge: false, uniqueKeys: true });
    for (const error of document.errors)
      this.faults.push(`${path}:${this.placeOf(error.pos[0])}: ${error.message.split("\n")[0]}`);
    let aliased = false;
    visit(document, {
      Alias: () => void (aliased = true),
      Value: (_key, node) => void (aliased ||= node.anchor !== undefined),
    });
    if (aliased) {
      this.faults.push(`${path}: anchors and aliases are not allowed here`);
      return;
    }
    this.root = document.contents;
  }

  /** A list of words. */
  choices<T extends string>(map: YAMLMap | null, key: string, choices: readonly T[]): T[] {
    const list = map?.get(key, true) as Node | undefined;
    if (list === undefined) return [];
    if (!isSeq(list) || list.items.length > choices.length) {
      this.fault(list, `${key} must be a list of ${choices.join(", ")}`, `write \`${key}: [${choices[0]}]\``);
      return [];
    }
    const found: T[] = [];
    for (const item of list.items) {
      const word = isScalar(item) ? choices.find((choice) => choice === item.value) : undefined;
      if (word !== undefined) found.push(word);
      else this.fault(item as Node, `${key} knows ${choices.join(", ")}`, "");
    }
    return found;
  }

  /** A map, or null and a fault. */
  map(node: Node | null | undefined, what: string): YAMLMap | null {
    if (isMap(node)) return node;
    if (this.root !== null || this.faults.length === 0)
      this.fault(node, `${what} must be a mapping of keys to values`, "see the example");
    return null;
  }

  /** An optional map under a key. */
  part(map: YAMLMap | null, key: string): YAMLMap | null {
    const node = map?.get(key, true) as Node | undefined;
    if (node === undefined) return null;
    return this.map(node, key);
  }

  known(map: YAMLMap | null, keys: string[]): void {
    for (const { key } of map?.items ?? []) {
      const text = isScalar(key) ? String(key.value) : "?";
      if (keys.includes(text)) continue;
      this.fault(key as Node, `unknown key ${JSON.stringify(text)}`, `keys here: ${keys.join(", ")}`);
    }
  }

  value<T>(map: YAMLMap | null, key: string, absent: T, read: Reading<T>): T {
    const node = map?.get(key, true) as Node | undefined;
    if (node === undefined) return absent;
    if (!isScalar(node)) {
      this.fault(node, `${key} must be one value`, `write \`${key}: …\``);
      return absent;
    }
    try {
      return read(node.source ?? node.value);
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      this.fault(node, `${key}: ${error.message}`, "");
      return absent;
    }
  }

  fault(node: Node | null | undefined, what: string, hint: string): void {
    const place = this.placeOf(node?.range?.[0] ?? 0);
    this.faults.push(`${this.path}:${place}: ${what}${hint === "" ? "" : ` (${hint})`}`);
  }

  /** How a place in the file is named in a fault. */
  protected placeOf(offset: number): string {
    return String(this.lineAt(offset));
  }

  lineAt(offset: number): number {
    return this.lines.linePos(offset).line || 1;
  }
}

export function nameOf(value: unknown): string {
  if (NAME.test(String(value))) return String(value);
  throw new UnitError(`a name has 1 to 32 of the characters a-z, 0-9 and -, not ${JSON.stringify(value)}`);
}

export function textOf(value: unknown): string {
  if (String(value).length > 0 && String(value).length <= 4096) return String(value);
  throw new UnitError("expected a text of 1 to 4096 characters");
}

export function integerOf(least: number, most: number): Reading<number> {
  return (value) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new UnitError(`expected a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
  };
}

export function oneOf<T extends string>(choices: readonly T[]): Reading<T> {
  return (value) => {
    if (choices.includes(String(value) as T)) return String(value) as T;
    throw new UnitError(`expected one of ${choices.join(", ")}, not ${JSON.stringify(value)}`);
  };
}
