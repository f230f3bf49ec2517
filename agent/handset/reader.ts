// Reading a checked YAML file: every fault with its line, what is wrong and what to write instead. A fault does not end the reading, so that all
// of them are told at once.

import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node, type YAMLMap } from "yaml";
import { escapeText } from "../escape.ts";
import { quoted } from "./readings.ts";
import { isField, type Field, type Reading, type Shape, type Values } from "./shape.ts";
import { UnitError } from "./units.ts";

/** A file larger than this is no handset or policy file. */
export const FILE_BYTES_MAX = 512 << 10;
/** More faults than a person reads at once help nobody. */
const FAULTS_MAX = 50;
const FAULT_CHARACTERS_MAX = 500;

export class FileReader {
  readonly faults: string[] = [];
  protected readonly lines = new LineCounter();
  readonly path: string;
  readonly root: Node | null;

  constructor(text: string, path: string) {
    this.path = path;
    this.root = null;
    if (text.length > FILE_BYTES_MAX) {
      this.add(`${path}: the file is larger than it can be (${FILE_BYTES_MAX} bytes)`);
      return;
    }
    // Keys that stand twice are looked for below: the library compares each with all others, which takes minutes for 50,000 of them. Its
    // excerpts of the text are not shown, and would be made for each error.
    const options = { schema: "core", merge: false, uniqueKeys: false, prettyErrors: false } as const;
    const document = parseDocument(text, { ...options, lineCounter: this.lines });
    for (const error of document.errors) this.add(`${path}:${this.placeOf(error.pos[0])}: ${error.message}`);
    // Aliases could blow a small file up, and nothing here needs them.
    let aliased = false;
    visit(document, {
      Alias: () => void (aliased = true),
      Value: (_key, node) => void (aliased ||= node.anchor !== undefined),
      Map: (_key, map) => this.unique(map),
    });
    if (aliased) {
      this.add(`${path}: anchors and aliases are not allowed here`);
      return;
    }
    this.root = document.contents;
  }

  /** Keeps a fault: the first of them, cut, and a word on the rest. */
  protected add(fault: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push(escapeText(fault, FAULT_CHARACTERS_MAX));
    else if (this.faults.length === FAULTS_MAX) this.faults.push(`${this.path}: and more; mend these first`);
  }

  private unique(map: YAMLMap): void {
    const seen = new Set<string>();
    for (const { key } of map.items) {
      if (!isScalar(key)) continue;
      const text = String(key.value);
      if (seen.has(text)) this.fault(key, `the key ${quoted(text)} stands twice`, "leave one out");
      seen.add(text);
    }
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
      this.fault(key as Node, `unknown key ${quoted(text)}`, `keys here: ${keys.join(", ")}`);
    }
  }

  /** The one-valued keys of a shape; every other key is a fault. */
  values<S extends Shape>(map: YAMLMap | null, shape: S): Values<S> {
    this.known(map, Object.keys(shape));
    const found = Object.entries(shape)
      .filter((entry): entry is [string, Field<unknown>] => isField(entry[1]))
      .map(([key, { read, absent }]) => [key, this.value(map, key, absent, read)]);
    return Object.fromEntries(found) as Values<S>;
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
    this.add(`${this.path}:${place}: ${what}${hint === "" ? "" : ` (${hint})`}`);
  }

  /** How a place in the file is named in a fault. */
  protected placeOf(offset: number): string {
    return String(this.lineAt(offset));
  }

  lineAt(offset: number): number {
    return this.lines.linePos(offset).line || 1;
  }
}
