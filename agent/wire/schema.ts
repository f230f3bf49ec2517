// Schemas as values: each combinator checks what was decoded, gives TypeScript its type, and prints itself as CDDL (RFC 8610). One table of
// them (table.ts) is all there is to say about a message, so code and wire.cddl cannot drift.
//
// In TypeScript a map with known keys is an object with named fields, a tuple too, and an enumeration is its words; on the wire there are
// only numbers. A field that the table does not name is refused: what is not understood is not half obeyed.

import { decode, encode, type Item, type ItemMap } from "./cbor.ts";
import { WireError } from "./error.ts";
import type { GuardLimits } from "./guard.ts";
import { encodeUtf8 } from "./utf8.ts";

type Kind = "integer" | "text" | "bytes" | "boolean" | "array" | "map";

export interface Schema<T> {
  /** The value of an item. Throws WIRE_SCHEMA, naming the path. */
  read(item: Item, path: string): T;
  /** The item of a value. Only read() checks: see encodeMessage(). */
  write(value: T): Item;
  /** The type in CDDL, or the name of a rule. */
  readonly cddl: string;
  /** What its items are, by which alternatives are told apart. */
  readonly kind: Kind;
  /** The names of the fields that a record must have. */
  readonly required?: readonly string[];
  /** The words of an enumeration. */
  readonly names?: readonly string[];
  /** The least and the greatest integer. */
  readonly bounds?: readonly [least: number, most: number];
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never;

/** A rule of the table: a schema with a name, and its definition. */
export interface Rule<T> extends Schema<T> {
  readonly definition: string;
}

/** Decodes a message. Throws WIRE_SHAPE, WIRE_CBOR or WIRE_SCHEMA. */
export function decodeMessage<T>(schema: Schema<T>, bytes: Uint8Array, limits: GuardLimits): T {
  return schema.read(decode(bytes, limits), nameOf(schema));
}

/** Encodes a message. Throws WIRE_SCHEMA for a value that the schema would not read. */
export function encodeMessage<T>(schema: Schema<T>, value: T): Uint8Array {
  return encode(checkedItem(schema, value));
}

/** The item of a value that the schema would read. Throws WIRE_SCHEMA otherwise. */
export function checkedItem<T>(schema: Schema<T>, value: T): Item {
  const item = schema.write(value);
  schema.read(item, nameOf(schema));
  return item;
}

const nameOf = (schema: Schema<unknown>): string => (/^[a-z0-9-]+$/.test(schema.cddl) ? schema.cddl : "message");

/** Gives a schema a name in the printed text. */
export function rule<T>(name: string, schema: Schema<T>): Rule<T> {
  return { ...schema, cddl: name, definition: schema.cddl };
}

/** The text of rules, one a line. */
export function printRules(rules: readonly Rule<unknown>[]): string {
  return rules.map(({ cddl, definition }) => `${cddl} = ${definition}\n`).join("");
}

// ---- Numbers, texts, bytes ------------------------------------------------------------------------------------------------

/** Integers from `least` to `most`. */
export function range(least: number, most: number, cddl = `${least}..${most}`): Schema<number> {
  return {
    kind: "integer",
    bounds: [least, most],
    cddl,
    read: (item, path) => {
      if (Number.isSafeInteger(item) && (item as number) >= least && (item as number) <= most) return item as number;
      return wrong(path, `a whole number from ${least} to ${most}`, item);
    },
    write: (value) => value,
  };
}

export const uint = range(0, Number.MAX_SAFE_INTEGER, "uint");
export const int = range(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "int");

export const bool: Schema<boolean> = {
  kind: "boolean",
  cddl: "bool",
  read: (item, path) => (typeof item === "boolean" ? item : wrong(path, "true or false", item)),
  write: (value) => value,
};

/** Text of so many bytes in UTF-8 (RFC 8610 §3.8.1), by default any. */
export function text(least = 0, most = Infinity): Schema<string> {
  return {
    kind: "text",
    cddl: most === Infinity ? "tstr" : `tstr .size (${least}..${most})`,
    read: (item, path) => {
      // Three bytes at most for each UTF-16 unit: long text is refused before it is measured.
      const size = typeof item === "string" && item.length <= most ? (encodeUtf8(item)?.length ?? -1) : -1;
      return size >= least && size <= most ? (item as string) : wrong(path, `text of ${least} to ${most} bytes`, item);
    },
    write: (value) => value,
  };
}

/** Text that a pattern matches from end to end (RFC 8610 §3.8.3). */
export function pattern(source: string): Schema<string> {
  const expression = new RegExp(`^(?:${source})$`);
  return {
    kind: "text",
    cddl: `tstr .regexp "${source}"`,
    read: (item, path) =>
      typeof item === "string" && expression.test(item) ? item : wrong(path, `like ${source}`, item),
    write: (value) => value,
  };
}

/** Byte strings of so many bytes, by default any. */
export function bytes(least = 0, most = least || Infinity): Schema<Uint8Array> {
  const size = least === most ? `${least}` : `(${least}..${most})`;
  return {
    kind: "bytes",
    cddl: most === Infinity ? "bstr" : `bstr .size ${size}`,
    read: (item, path) => {
      if (item instanceof Uint8Array && item.length >= least && item.length <= most) return item;
      return wrong(path, `${size} bytes`, item);
    },
    write: (value) => value,
  };
}

/** An enumeration: its words in TypeScript, its numbers on the wire. */
export function words<const W extends Record<string, number>>(numbers: W): Schema<keyof W & string> {
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
  const codes = new Map(Object.entries(numbers));
  return {
    kind: "integer",
    names: Object.keys(numbers),
    cddl: `&(${Object.entries(numbers)
      .map(([name, number]) => ` ${name}: ${number}`)
      .join(",")} )`,
    read: (item, path) => {
      const name = typeof item === "number" ? names.get(item) : undefined;
      return (
        name ?? wrong(path, `one of ${[...names].map(([number, word]) => `${number} (${word})`).join(", ")}`, item)
      );
    },
    // A word that is none becomes NaN, which read() refuses.
    write: (value) => codes.get(value) ?? NaN,
  };
}

/** One of a few numbers or texts, as they are. */
export function literals<const V extends number | string>(...values: V[]): Schema<V> {
  return {
    kind: typeof values[0] === "number" ? "integer" : "text",
    cddl: values.map((value) => JSON.stringify(value)).join(" / "),
    read: (item, path) => {
      const found = values.find((value) => value === item);
      return found ?? wrong(path, `one of ${values.join(", ")}`, item);
    },
    write: (value) => value,
  };
}

// ---- Containers -----------------------------------------------------------------------------------------------------------

/** An array of as many elements of one kind. */
export function list<T>(element: Schema<T>, least = 0, most = Infinity): Schema<T[]> {
  const occurrence = most !== Infinity ? `${least}*${most}` : least === 0 ? "*" : least === 1 ? "+" : `${least}*`;
  return {
    kind: "array",
    cddl: `[${occurrence} ${element.cddl}]`,
    read: (item, path) => {
      if (!Array.isArray(item)) return wrong(path, "an array", item);
      if (item.length < least || item.length > most) return wrong(path, `${least} to ${most} elements`, item);
      return item.map((each, index) => element.read(each, `${path}[${index}]`));
    },
    write: (value) => value.map((each) => element.write(each)),
  };
}

export interface Field<T, Required extends boolean> {
  readonly schema: Schema<T>;
  readonly required: Required;
  /** The key in a map; in a tuple the place tells. */
  readonly key: number;
}

export function required<T>(key: number, schema: Schema<T>): Field<T, true> {
  return { key, schema, required: true };
}

export function optional<T>(key: number, schema: Schema<T>): Field<T, false> {
  return { key, schema, required: false };
}

export type Fields = Record<string, Field<unknown, boolean>>;
type Named<F extends Fields, R extends boolean> = {
  [K in keyof F as F[K] extends Field<unknown, R> ? K : never]: F[K] extends Field<infer T, boolean> ? T : never;
};
type Plain<T> = { [K in keyof T]: T[K] };
export type RecordOf<F extends Fields> = Plain<Named<F, true> & Partial<Named<F, false>>>;

/** A map with known keys as an object. */
export function record<F extends Fields>(fields: F): Schema<RecordOf<F>> {
  const entries = Object.entries(fields);
  const known = new Map(entries.map(([name, { key }]) => [key, name]));
  return {
    kind: "map",
    required: entries.filter(([, { required }]) => required).map(([name]) => name),
    cddl:
      entries.length === 0
        ? "{}"
        : `{ ${entries.map(([, { key, schema, required }]) => `${required ? "" : "? "}${key} => ${schema.cddl}`).join(", ")} }`,
    read: (item, path) => {
      if (!(item instanceof Map)) return wrong(path, "a map", item);
      for (const key of item.keys()) {
        if (!known.has(key)) throw new WireError("WIRE_SCHEMA", `the key ${key} is unknown here`, path);
      }
      const result: Record<string, unknown> = {};
      for (const [name, { key, schema, required }] of entries) {
        const value = item.get(key);
        if (value !== undefined) result[name] = schema.read(value, `${path}.${name}`);
        else if (required) throw new WireError("WIRE_SCHEMA", `the key ${key} is missing`, `${path}.${name}`);
      }
      return result as RecordOf<F>;
    },
    write: (value) => {
      const map: ItemMap = new Map();
      const source = value as Record<string, unknown>;
      for (const [name, { key, schema }] of entries) {
        if (source[name] !== undefined) map.set(key, schema.write(source[name]));
      }
      return map;
    },
  };
}

/** A map whose keys are values too. */
export function mapOf<K extends string | number, V>(
  key: Schema<K>,
  value: Schema<V>,
  least: 0 | 1 = 0,
): Schema<Map<K, V>> {
  return {
    kind: "map",
    cddl: `{ ${least === 0 ? "*" : "+"} ${key.cddl} => ${value.cddl} }`,
    read: (item, path) => {
      if (!(item instanceof Map)) return wrong(path, "a map", item);
      if (item.size < least) return wrong(path, "a map that is not empty", item);
      return new Map(
        [...item].map(([each, its]) => {
          const name = key.read(each, `${path}.key`);
          return [name, value.read(its, `${path}.${name}`)];
        }),
      );
    },
    write: (entries) => new Map([...entries].map(([each, its]) => [key.write(each) as number, value.write(its)])),
  };
}

/** An array with a meaning for each place, as an object. Only its last places may be optional. */
export function tuple<F extends Fields>(fields: F): Schema<RecordOf<F>> {
  const entries = Object.entries(fields);
  const least = entries.filter(([, { required }]) => required).length;
  return {
    kind: "array",
    cddl: `[${entries.map(([name, { schema, required }]) => `${required ? "" : "? "}${name}: ${schema.cddl}`).join(", ")}]`,
    read: (item, path) => {
      if (!Array.isArray(item)) return wrong(path, "an array", item);
      const count = item.length;
      if (count < least || count > entries.length) return wrong(path, `${least} to ${entries.length} places`, item);
      const result: Record<string, unknown> = {};
      item.forEach((each, index) => {
        const [name, { schema }] = entries[index]!;
        result[name] = schema.read(each, `${path}.${name}`);
      });
      return result as RecordOf<F>;
    },
    write: (value) => {
      const source = value as Record<string, unknown>;
      const filled = entries.filter(([name, { required }]) => required || source[name] !== undefined);
      return filled.map(([name, { schema }]) => schema.write(source[name]));
    },
  };
}

/** A place of a tuple. */
export const place = <T>(schema: Schema<T>): Field<T, true> => required(0, schema);
/** A last place of a tuple that may be missing. */
export const maybe = <T>(schema: Schema<T>): Field<T, false> => optional(0, schema);

/** One of several schemas, each of another kind: the item's own kind decides. */
export function either<S extends readonly Schema<unknown>[]>(...choices: S): Schema<TypeOf<S[number]>> {
  const byKind = new Map(choices.map((choice) => [choice.kind, choice]));
  if (byKind.size !== choices.length) throw new Error("alternatives of the same kind");
  const cddl = choices.map((choice) => choice.cddl).join(" / ");
  return {
    kind: choices[0]!.kind,
    cddl,
    read: (item, path) => {
      const choice = byKind.get(kindOf(item));
      return choice === undefined ? wrong(path, cddl, item) : (choice.read(item, path) as TypeOf<S[number]>);
    },
    write: (value) => byKind.get(kindOf(value as Item))?.write(value) ?? NaN,
  };
}

/** A byte string that holds an encoded item of its own: read strictly, kept beside its bytes. */
export function embedded<T>(schema: Schema<T>, limits: GuardLimits): Schema<{ bytes: Uint8Array; value: T }> {
  return {
    kind: "bytes",
    cddl: `bstr .cbor ${schema.cddl}`,
    read: (item, path) => {
      if (!(item instanceof Uint8Array)) return wrong(path, "a byte string", item);
      return { bytes: item, value: schema.read(decodeWithin(item, limits, path), path) };
    },
    write: ({ value }) => encode(schema.write(value)),
  };
}

function decodeWithin(bytes: Uint8Array, limits: GuardLimits, path: string): Item {
  try {
    return decode(bytes, limits);
  } catch (error) {
    throw error instanceof WireError ? new WireError(error.code, error.message, path) : error;
  }
}

/** What stands behind a tag. The codec has no tags: whoever reads the bytes takes it off before. */
export function tagged<T>(tag: number, content: Schema<T>): Schema<T> {
  return { ...content, cddl: `#6.${tag}(${content.cddl})` };
}

function kindOf(item: Item): Kind {
  if (typeof item === "number") return "integer";
  if (typeof item === "string") return "text";
  if (typeof item === "boolean") return "boolean";
  if (item instanceof Uint8Array) return "bytes";
  return Array.isArray(item) ? "array" : "map";
}

function wrong(path: string, wanted: string, item: Item): never {
  const found =
    item instanceof Uint8Array
      ? `${item.length} bytes`
      : Array.isArray(item)
        ? `an array of ${item.length}`
        : item instanceof Map
          ? `a map of ${item.size}`
          : typeof item === "string"
            ? `text of ${item.length} characters`
            : String(item);
  throw new WireError("WIRE_SCHEMA", `must be ${wanted}, not ${found}`, path);
}
