// The instruction table (kernel/machine/arm/decode/instructions.txt) as the random tests see it.

import { readFileSync } from "node:fs";
import type { Random } from "./random.js";

export type InstructionSet = "A32" | "A32U" | "T16" | "T32";

export interface Field {
  name: string;
  width: number;
  shift: number;
}

export interface Instruction {
  set: InstructionSet;
  name: string;
  fields: readonly Field[];
  mask: number;
  value: number;
  /** The decoding function, which tells what kind of instruction this is, and its argument. */
  decoding: string;
  argument: string;
  constraints: readonly string[];
}

export type Fields = Record<string, number>;

const TABLE = new URL("../../kernel/machine/arm/decode/instructions.txt", import.meta.url);

/** Every line of the table. */
export function instructionTable(): Instruction[] {
  return readFileSync(TABLE, "utf8")
    .split("\n")
    .map((line) => line.replace(/^#.*/, "").trim())
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): Instruction {
  const [set = "", name = "", encoding = "", decoding = "", constraints = ""] = line
    .split("|")
    .map((part) => part.trim());
  const width = set === "T16" ? 16 : 32;
  let at = width;
  let mask = 0;
  let value = 0;
  const fields: Field[] = [];
  for (const part of encoding.split(/\s+/)) {
    const field = /^([A-Za-z][A-Za-z0-9]*):(\d+)$/.exec(part);
    if (field) {
      at -= Number(field[2]);
      fields.push({ name: field[1]!, width: Number(field[2]), shift: at });
      continue;
    }
    if (!/^[01]+$/.test(part)) throw new SyntaxError(`instructions.txt: "${part}" in: ${line}`);
    for (const bit of part) {
      at--;
      mask += 2 ** at;
      if (bit === "1") value += 2 ** at;
    }
  }
  if (at !== 0) throw new SyntaxError(`instructions.txt: ${width - at} bits instead of ${width} in: ${line}`);
  const [func = "", argument = ""] = decoding.split(/\s+/);
  return {
    set: set as InstructionSet,
    name,
    fields,
    mask,
    value,
    decoding: func,
    argument,
    constraints: constraints.split(/\s+/).filter((token) => token !== ""),
  };
}

/** The word with these field values. */
export function encode(instruction: Instruction, fields: Fields): number {
  let word = instruction.value;
  for (const { name, width, shift } of instruction.fields)
    word += ((fields[name] ?? 0) & (2 ** width - 1)) * 2 ** shift;
  return word;
}

/** Whether `word` is `instruction` and no other line with more fixed bits. */
export function isDecodedAs(table: readonly Instruction[], instruction: Instruction, word: number): boolean {
  const fixed = bitCount(instruction.mask);
  return !table.some(
    (other) =>
      other !== instruction &&
      other.set === instruction.set &&
      (word & other.mask) >>> 0 === other.value &&
      bitCount(other.mask) > fixed,
  );
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

/** Random values for every field, without regard to constraints. */
export function randomFields(instruction: Instruction, random: Random): Fields {
  const fields: Fields = {};
  for (const { name, width } of instruction.fields) fields[name] = random.below(2 ** width);
  return fields;
}

/** Whether the fields keep to the line's constraints, those for memory and branches apart. */
export function satisfied(instruction: Instruction, fields: Fields): boolean {
  return instruction.constraints.every((constraint) => check(constraint, instruction, fields));
}

function check(constraint: string, instruction: Instruction, fields: Fields): boolean {
  const operand = (text: string) => (/^\d+$/.test(text) ? Number(text) : fields[text]!);
  const comparison = /^(\w+)(!=|=)(\w+)$/.exec(constraint);
  if (comparison) {
    const equal = operand(comparison[1]!) === operand(comparison[3]!);
    return comparison[2] === "=" ? equal : !equal;
  }
  // T32 has the position of a bit field in two parts.
  const lsb = fields["lsb"] ?? (fields["imm3"] ?? 0) * 4 + (fields["imm2"] ?? 0);
  switch (constraint) {
    case "lsb+widthm1<32":
      return lsb + fields["widthm1"]! < 32;
    case "msb>=lsb":
      return fields["msb"]! >= lsb;
    case "t32dp":
      return t32DataProcessing(instruction.argument, fields);
    case "highpc":
      return highRegisters(instruction.argument, fields);
    case "memory":
    case "branch":
    case "it":
      return true;
    default:
      throw new SyntaxError(`instructions.txt: unknown constraint "${constraint}"`);
  }
}

/** A6.3.1, A6.3.11: Rd = 15 with S makes a comparison, Rn = 15 makes MOV or MVN; other uses of 13 and 15 are UNPREDICTABLE. */
function t32DataProcessing(operation: string, fields: Fields): boolean {
  const { S, Rn, Rd, Rm } = fields as { S: number; Rn: number; Rd: number; Rm?: number };
  if (Rm === 13) return false;
  // ThumbExpandImm: a zero byte cannot be repeated.
  if (Rm === undefined && fields["imm8"] === 0 && fields["i"] === 0 && fields["imm3"]! > 0 && fields["imm3"]! < 4)
    return false;
  const compares = ["AND", "EOR", "ADD", "SUB"].includes(operation);
  const moves = ["ORR", "ORN"].includes(operation);
  const stack = ["ADD", "SUB"].includes(operation);
  if (Rd === 13 || (Rd === 15 && !(compares && S === 1))) return false;
  if (Rn === 15) return moves;
  return Rn !== 13 || stack;
}

/** A6.2.3: the program counter as destination is a branch; CMP wants a high register and no program counter. */
function highRegisters(operation: string, fields: Fields): boolean {
  const d = fields["DN"]! * 8 + fields["Rdn"]!;
  const m = fields["Rm"]!;
  if (d === 15) return false;
  return operation !== "CMP" || (m !== 15 && (d > 7 || m > 7));
}
