// Orders as JSON text, on their way into the gate's program and out of it: numbers of 64 bits are decimal text.

/** The text of an order. */
export function orderText(order: object): string {
  return JSON.stringify(order, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** The order of a text that the gate's program has written: it has checked that what is read as 64 bits here is decimal text. */
export function orderOf(text: string): unknown {
  // A channel's capacity is a number.
  return JSON.parse(text, (key, value: unknown) =>
    (key === "capacity" || key === "picojoules") && typeof value === "string" ? BigInt(value) : value,
  );
}
