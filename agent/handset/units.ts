// Quantities with units, as people write them in handset files and on command lines.

/** A quantity that could not be read: the message says what was expected. */
export class UnitError extends Error {}

type Units = Record<string, number>;

/** No quantity is longer than this. */
const QUANTITY_CHARACTERS_MAX = 40;

function quote(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > QUANTITY_CHARACTERS_MAX ? `${text.slice(0, QUANTITY_CHARACTERS_MAX)}…` : text);
}

const BYTES: Units = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
const MICROSECONDS: Units = { us: 1, µs: 1, ms: 1e3, s: 1e6 };
const MILLISECONDS: Units = { ms: 1, s: 1e3, min: 6e4 };
const MICROWATTS: Units = { uW: 1, µW: 1, mW: 1e3, W: 1e6, "mJ/h": 1000 / 3600 };
const PICOJOULES: Units = { uJ: 1e6, µJ: 1e6, mJ: 1e9, J: 1e12 };
const BYTES_PER_SECOND: Units = { "B/s": 1, "KB/s": 1e3, "MB/s": 1e6 };
const PER_SECOND: Units = { "/s": 1 };

/** The units of each quantity, for schemas. */
export const UNITS = {
  bytes: ["K", "M", "G", "KiB", "MiB", "GiB"],
  microseconds: Object.keys(MICROSECONDS),
  milliseconds: Object.keys(MILLISECONDS),
  power: Object.keys(MICROWATTS),
  energy: Object.keys(PICOJOULES),
  byteRate: Object.keys(BYTES_PER_SECOND),
  rate: Object.keys(PER_SECOND),
} as const;

function quantity(text: unknown, units: Units, example: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-zµ°%/]*)$/.exec(String(text).trim());
  const factor = match === null ? undefined : units[match[2]!];
  if (match === null || factor === undefined) {
    throw new UnitError(`expected a quantity such as ${example}, not ${quote(text)}`);
  }
  return Number(match[1]) * factor;
}

function whole(value: number, example: string): number {
  if (!Number.isSafeInteger(Math.round(value)))
    throw new UnitError(`the quantity is out of range; one such as ${example} is not`);
  return Math.round(value);
}

/** "64M", "64MiB" or "67108864" in bytes: in files and on command lines. */
export function parseBytes(text: unknown): number {
  // Upper and lower case, with or without iB or B: all of them are powers of 1024 here.
  const plain = String(text)
    .trim()
    .replace(/([KMG]?)(?:i?B)?$/i, (_all, unit: string) => unit.toUpperCase());
  try {
    return whole(quantity(plain, BYTES, "64M"), "64M");
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw new UnitError(`expected a size such as 64M, not ${quote(text)}`);
  }
}
/** Less translated code is dropped before it pays. */
const TRANSLATED_LEAST = 1 << 20;
const TRANSLATED_MOST = 256 << 20;

/** "4M" of translated code in bytes. "off" is 0. */
export function parseTranslated(text: unknown): number {
  if (text === "off") return 0;
  const bytes = parseBytes(text);
  if (bytes >= TRANSLATED_LEAST && bytes <= TRANSLATED_MOST) return bytes;
  throw new UnitError(`expected off, or a size from 1M to 256M, not ${quote(text)}`);
}

/** "20ms" in microseconds. */
export const parseMicroseconds = (text: unknown): number => whole(quantity(text, MICROSECONDS, "20ms"), "20ms");
/** "2s" in milliseconds. */
export const parseMilliseconds = (text: unknown): number => whole(quantity(text, MILLISECONDS, "2s"), "2s");
/** "250mW" in microwatts. Rounded down: a limit never gives more than was written. */
export const parseMicrowatts = (text: unknown): number => Math.floor(quantity(text, MICROWATTS, "250mW"));
/** "5J" in picojoules. */
export const parsePicojoules = (text: unknown): bigint => BigInt(whole(quantity(text, PICOJOULES, "5J"), "5J"));
/** "1MB/s" in bytes a second. */
export const parseByteRate = (text: unknown): number => whole(quantity(text, BYTES_PER_SECOND, "1MB/s"), "1MB/s");
/** "500/s" in operations a second. */
export const parseRate = (text: unknown): number => whole(quantity(text, PER_SECOND, "500/s"), "500/s");

/** "40%" as a number from 0 to 100. */
export function parsePercent(text: unknown): number {
  const percent = quantity(text, { "%": 1 }, "40%");
  if (percent <= 100) return percent;
  throw new UnitError(`expected 0% to 100%, not ${quote(text)}`);
}

/** "46" or "46°C" in degrees Celsius. */
export function parseCelsius(text: unknown): number {
  const celsius = quantity(String(text).replace(/^-/, ""), { "": 1, C: 1, "°C": 1 }, "46°C");
  if (celsius <= 120) return String(text).startsWith("-") ? -celsius : celsius;
  throw new UnitError(`expected at most 120 °C, not ${quote(text)}`);
}

/** Picojoules for people. */
export function energyText(picojoules: number): string {
  if (picojoules >= 1e15) return `${(picojoules / 1e15).toFixed(2)} kJ`;
  if (picojoules >= 1e12) return `${(picojoules / 1e12).toFixed(2)} J`;
  return `${(picojoules / 1e9).toFixed(1)} mJ`;
}

/** Microwatts for people. */
export function powerText(microwatts: number): string {
  return microwatts >= 1e6 ? `${(microwatts / 1e6).toFixed(2)} W` : `${(microwatts / 1e3).toFixed(1)} mW`;
}

/** Seconds for people: the two largest units. */
export function durationText(seconds: number): string {
  const units: [name: string, seconds: number][] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const whole = Math.round(seconds);
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0 s";
  const [large, small] = [units[first]!, units[first + 1]];
  const count = Math.floor(whole / large[1]);
  const rest = small === undefined ? 0 : Math.floor((whole - count * large[1]) / small[1]);
  return rest === 0 ? `${count} ${large[0]}` : `${count} ${large[0]} ${rest} ${small![0]}`;
}

/** "512 bytes", "1.5 MiB". */
export function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))} ${unit}`;
  }
  return `${bytes} bytes`;
}
