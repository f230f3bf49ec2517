// A policy file's values, lists and mappings, each fault with its line and column.

import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { FileReader } from "../../agent/handset/reader.ts";
import type { Reading } from "../../agent/handset/shape.ts";
import { UnitError } from "../../agent/handset/units.ts";
import { LIST_MAX } from "../../agent/policy/units.ts";

export class PolicyFile extends FileReader {
  protected override placeOf(offset: number): string {
    const { line, col } = this.lines.linePos(offset);
    return `${line || 1}:${col || 1}`;
  }

  maybe<T>(map: YAMLMap | null, key: string, read: Reading<T>): T | undefined {
    return this.value<T | undefined>(map, key, undefined, read);
  }

  needs(map: YAMLMap | null, what: string, keys: string[]): void {
    for (const key of keys) {
      if (map !== null && !map.has(key)) this.fault(map, `${what} needs ${key}`, `write \`${key}: …\``);
    }
  }

  /** A list of maps under a key. */
  items<T>(map: YAMLMap | null, key: string, read: (item: YAMLMap | null) => T): T[] | undefined {
    return this.sequence(map, key)?.map((item) => read(isMap(item) ? item : this.map(item, `an entry of ${key}`)));
  }

  /** A list of single values under a key. */
  scalars<T>(map: YAMLMap | null, key: string, read: Reading<T>): T[] | undefined {
    return this.sequence(map, key)?.flatMap((item) => {
      try {
        if (isScalar(item)) return [read(item.source ?? item.value)];
        this.fault(item, `${key} must be a list of single values`, "");
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        this.fault(item, `${key}: ${error.message}`, "");
      }
      return [];
    });
  }

  private sequence(map: YAMLMap | null, key: string): Node[] | undefined {
    const list = map?.get(key, true) as Node | undefined;
    if (list === undefined) return undefined;
    if (isSeq(list) && list.items.length <= LIST_MAX) return list.items as Node[];
    this.fault(list, `${key} must be a list of at most ${LIST_MAX}`, `write \`${key}:\` and a \`- …\` for each`);
    return undefined;
  }
}
