// ECMAScript 2024 §25.4.15: the TypeScript library of this version's target leaves it out.

interface Atomics {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: true; value: Promise<"ok" | "timed-out"> } | { async: false; value: "not-equal" | "timed-out" };
}
