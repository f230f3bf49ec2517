// The keys of a file's mappings, each said once: how its value is read, what stands for it when it is absent, and what it means. The reader,
// the JSON Schema for editors and the commented template follow from it.

/** Reads one scalar. Throws UnitError. */
export type Reading<T> = (value: unknown) => T;

/** A JSON Schema, or a part of one. */
export type Schema = { [key: string]: unknown };

/** A key with one value. */
export interface Field<T> {
  read: Reading<T>;
  absent: T;
  about: string;
  schema: Schema;
  /** How a template writes it. */
  example: string;
}

/** A key whose value has keys of its own, is a list of such, or is read by code of its own. */
export interface Part {
  about: string;
  schema: Schema;
  example: string;
}

export type Shape = Record<string, Field<unknown> | Part>;

/** What the fields of a shape are read into. */
export type Values<S extends Shape> = {
  [K in keyof S as S[K] extends Field<unknown> ? K : never]: S[K] extends Field<infer T> ? T : never;
};

export function field<T>(read: Reading<T>, absent: T, schema: Schema, example: string, about: string): Field<T> {
  return { read, absent, about, schema, example };
}

export function isField(entry: Field<unknown> | Part): entry is Field<unknown> {
  return "read" in entry;
}

/** The schema of a mapping. */
export function schemaOf(shape: Shape, required: readonly string[] = []): Schema {
  const properties = Object.fromEntries(
    Object.entries(shape).map(([key, { about, schema, example }]) => [
      key,
      { description: about, ...schema, ...(example === "" ? {} : { examples: [example] }) },
    ]),
  );
  return {
    type: "object",
    additionalProperties: false,
    properties,
    ...(required.length === 0 ? {} : { required: [...required] }),
  };
}

/** A quantity with a unit; `bare`: a number without one is allowed too. */
export function quantitySchema(units: readonly string[], bare = false): Schema {
  const escaped = units.map((unit) => unit.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const text = { type: "string", pattern: `^\\d+(\\.\\d+)?\\s*(${escaped.join("|")})${bare ? "?" : ""}$` };
  return bare ? { anyOf: [text, { type: "number", minimum: 0 }] } : text;
}

export const NAME_SCHEMA: Schema = { type: "string", pattern: "^[a-z0-9-]{1,32}$" };
export const TEXT_SCHEMA: Schema = { type: "string", minLength: 1, maxLength: 4096 };

export const choiceSchema = (choices: readonly string[]): Schema => ({ enum: [...choices] });
export const wholeSchema = (minimum: number, maximum: number): Schema => ({ type: "integer", minimum, maximum });
export const listSchema = (items: Schema, maxItems: number): Schema => ({ type: "array", items, maxItems });
