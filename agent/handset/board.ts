// Boards: data in boards/<name>/board.json, checked here, with reasons that a person understands.
//
// The power profile has the key names and the unit (mA at the battery's nominal voltage) of Android's power_profile.xml, so that a
// phone's published values can be copied in. An instruction's energy follows from cpu.active: the virtual phone executes
// NOMINAL_INSTRUCTIONS a microsecond, as deterministic time does.

import { existsSync, readdirSync } from "node:fs";
import type { BatteryScript, ThermalLimits } from "../battery/battery.ts";
import { readBoundedText } from "../bounded-file.ts";
import { escapeText } from "../escape.ts";
import { UsageError } from "../failure.ts";
import { boardFile } from "../paths.ts";
import { NAME_SCHEMA, quantitySchema, type Schema } from "./shape.ts";
import { parseBytes, UNITS } from "./units.ts";
import { radiosSchema, readRadios } from "./board-radios.ts";
import type { BoardSpec, PowerSpec, Radios } from "./contracts.ts";

/** Instructions that the virtual phone executes in a microsecond of processor time. */
const NOMINAL_INSTRUCTIONS = 100;
/** Storage and console have no keys in Android's profile: an eMMC's figures, of their order of magnitude. */
const BLOCK_OPERATION_PICOJOULES = 2_000_000;
const BLOCK_BYTE_PICOJOULES = 60;
const CONSOLE_BYTE_PICOJOULES = 1_000;
/** radio.active is drawn while bytes pass at this rate. */
const RADIO_BYTES_PER_MICROSECOND = 1;

const BOARD_BYTES_MAX = 64 << 10;
const FAULTS_MAX = 50;
const NETWORK_CLASS = "/sys/class/net";
const SENSOR_PATH = /^\/sys\/class\/[a-z_]+\/[A-Za-z0-9_.:-]+$/;

/** From where to where each number of a board may go. */
const RANGES = {
  cores: [1, 64],
  "battery.capacityMilliampereHours": [1, 1e6],
  "battery.volts": [0.5, 100],
  envelopeMilliwatts: [1, 100_000],
  powerProfile: [0, 10_000],
  "thermal.warn": [1, 120],
  "thermal.critical": [1, 120],
} as const satisfies Record<string, readonly [least: number, most: number]>;
type Ranged = keyof typeof RANGES;
const NEEDED_POWERS = ["cpu.active", "radio.active"];

export interface Board {
  name: string;
  title: string;
  ramBytes: number;
  reserveBytes: number;
  cores: number;
  battery: { capacityMilliampereHours: number; volts: number };
  envelopeMilliwatts: number;
  /** mA at nominal voltage. */
  powerProfile: Record<string, number>;
  calibrated: boolean;
  /** "simulated", or the power supply's folder in sysfs. */
  batterySensor: string;
  /** "simulated": what the battery's script says; or the thermal zone's folder in sysfs. */
  thermalSensor: string;
  /** "simulated": what the handset file says; or "/sys/class/net": this computer's default route. */
  networkSensor: string;
  radios: Radios;
  /** °C. */
  thermal: ThermalLimits;
  note: string;
}

/** Names of the boards that there are. */
export function boardNames(): string[] {
  return readdirSync(boardFile()).filter((name) => existsSync(boardFile(name, "board.json")));
}

/** Reads a board by name. Throws UsageError with every fault that it has. */
export function readBoard(name: string): Board {
  if (!/^[a-z0-9-]{1,32}$/.test(name) || !boardNames().includes(name)) {
    throw new UsageError(
      "BOARD_UNKNOWN",
      `there is no board ${JSON.stringify(name)}`,
      `Boards: ${boardNames().join(", ")}.`,
    );
  }
  const path = boardFile(name, "board.json");
  let data: unknown;
  try {
    data = JSON.parse(readBoundedText(path, BOARD_BYTES_MAX));
  } catch (error) {
    throw new UsageError("BOARD_SYNTAX", `${path}: ${(error as Error).message}`);
  }
  const { board, faults } = checkBoard(data, name);
  if (board === null) {
    const first = faults.slice(0, FAULTS_MAX).map((fault) => escapeText(fault));
    throw new UsageError("BOARD_FAULTY", `${path}:\n  ${first.join("\n  ")}`);
  }
  return board;
}

/** Checks a board's data: the board, or what is wrong with it. */
export function checkBoard(data: unknown, name: string): { board: Board | null; faults: string[] } {
  const faults: string[] = [];
  const record = isRecord(data) ? data : {};
  if (!isRecord(data)) faults.push("a board is an object");
  const number = (value: unknown, key: Ranged, label: string = key): number => {
    const [least, most] = RANGES[key];
    if (typeof value === "number" && value >= least && value <= most) return value;
    faults.push(`${label} must be a number from ${least} to ${most}, not ${JSON.stringify(value)}`);
    return least;
  };
  const bytes = (key: string): number => {
    try {
      return parseBytes(record[key]);
    } catch (error) {
      faults.push(`${key}: ${(error as Error).message}`);
      return 0;
    }
  };
  const text = (key: string): string => {
    if (typeof record[key] === "string") return record[key];
    faults.push(`${key} must be a text`);
    return "";
  };
  if (record["name"] !== name) faults.push(`name must be that of its folder, ${name}`);
  const battery = isRecord(record["battery"]) ? record["battery"] : {};
  const profile = isRecord(record["powerProfile"]) ? record["powerProfile"] : {};
  const powerProfile = Object.fromEntries(
    Object.entries(profile).map(([key, value]) => [key, number(value, "powerProfile", `powerProfile ${key} (mA)`)]),
  );
  for (const key of NEEDED_POWERS) {
    if (!(key in powerProfile))
      faults.push(`powerProfile lacks ${key}: what the processor or the radio costs follows from it`);
  }
  if (typeof record["calibrated"] !== "boolean")
    faults.push("calibrated must be true or false: were the figures measured on this board?");
  const sensors = isRecord(record["sensors"]) ? record["sensors"] : {};
  const sensor = (key: string, what: string): string => {
    const value = sensors[key];
    // A path that leads anywhere else is a mistake.
    if (value === "simulated" || (typeof value === "string" && SENSOR_PATH.test(value))) return value;
    faults.push(`sensors.${key} must be "simulated" or the absolute path of ${what} in sysfs, as in /sys/class/…`);
    return "simulated";
  };
  const limits = isRecord(record["thermal"]) ? record["thermal"] : {};
  const board: Board = {
    name,
    title: text("title"),
    ramBytes: bytes("ram"),
    reserveBytes: bytes("reserve"),
    cores: number(record["cores"], "cores"),
    battery: {
      capacityMilliampereHours: number(
        battery["capacityMilliampereHours"],
        "battery.capacityMilliampereHours",
        "battery capacity (mAh)",
      ),
      volts: number(battery["volts"], "battery.volts", "battery voltage (V)"),
    },
    envelopeMilliwatts: number(record["envelopeMilliwatts"], "envelopeMilliwatts"),
    powerProfile,
    calibrated: record["calibrated"] === true,
    batterySensor: sensor("battery", "a power supply"),
    thermalSensor: sensor("thermal", "a thermal zone"),
    networkSensor: networkSensor(sensors["network"], faults),
    radios: readRadios(record["radio"], (fault) => faults.push(fault)),
    thermal: {
      warn: number(limits["warn"], "thermal.warn", "thermal warn (°C)"),
      critical: number(limits["critical"], "thermal.critical", "thermal critical (°C)"),
    },
    note: text("note"),
  };
  if (board.reserveBytes >= board.ramBytes) faults.push("the reserve leaves no memory for partitions");
  if (board.thermal.warn >= board.thermal.critical)
    faults.push("thermal warn must be below thermal critical: a warning comes first");
  return { board: faults.length === 0 ? board : null, faults };
}

function networkSensor(value: unknown, faults: string[]): string {
  if (value === undefined) return "simulated";
  if (value === "simulated" || value === NETWORK_CLASS) return value;
  faults.push(`sensors.network must be "simulated" or "${NETWORK_CLASS}"`);
  return "simulated";
}

/** The JSON Schema of board files, for editors. */
export function boardSchema(): Schema {
  const ranged = (key: Ranged, description: string): Schema => {
    const [minimum, maximum] = RANGES[key];
    return { type: "number", minimum, maximum, description };
  };
  const object = (properties: Record<string, Schema>): Schema => ({
    type: "object",
    properties,
    required: Object.keys(properties),
  });
  const bytes = quantitySchema(UNITS.bytes, true);
  const sensor = (description: string): Schema => ({
    description,
    anyOf: [{ const: "simulated" }, { type: "string", pattern: SENSOR_PATH.source }],
  });
  const powers = { type: "object", additionalProperties: ranged("powerProfile", "mA at nominal voltage") };
  const needed = {
    name: { ...NAME_SCHEMA, description: "the name of its folder" },
    title: { type: "string" },
    ram: { ...bytes, description: "memory of the board" },
    reserve: { ...bytes, description: "of it, what partitions do not get" },
    cores: ranged("cores", "processor cores"),
    battery: object({
      capacityMilliampereHours: ranged("battery.capacityMilliampereHours", "mAh by its plate"),
      volts: ranged("battery.volts", "nominal voltage"),
    }),
    envelopeMilliwatts: ranged("envelopeMilliwatts", "what all constant taps may add up to"),
    powerProfile: { ...powers, required: NEEDED_POWERS, description: "keys of Android's power_profile.xml" },
    calibrated: { type: "boolean", description: "whether the figures were measured on this board" },
    sensors: {
      type: "object",
      properties: {
        battery: sensor("a power supply in sysfs"),
        thermal: sensor("a thermal zone in sysfs"),
        network: { enum: ["simulated", NETWORK_CLASS], description: "where the kind of link is seen" },
      },
      required: ["battery", "thermal"],
    },
    thermal: object({ warn: ranged("thermal.warn", "°C"), critical: ranged("thermal.critical", "°C") }),
    note: { type: "string" },
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Pocketvisor board",
    ...object(needed),
    // Without radios, what a byte costs follows from radio.active alone.
    properties: { ...needed, radio: radiosSchema() },
  };
}

/** What the hypervisor needs of a board. */
export function boardSpec(board: Board): BoardSpec {
  const milliwatts = (key: string): number => (board.powerProfile[key] ?? 0) * board.battery.volts;
  const processor = milliwatts("cpu.active") + milliwatts("cpu.cluster_power.cluster0");
  return {
    ramBytes: board.ramBytes,
    reserveBytes: board.reserveBytes,
    envelopeMicrowatts: Math.floor(board.envelopeMilliwatts * 1000),
    costs: {
      // 1 µW for 1 µs is 1 pJ.
      instruction: Math.max(1, Math.round((processor * 1000) / NOMINAL_INSTRUCTIONS)),
      blockOperation: BLOCK_OPERATION_PICOJOULES,
      blockByte: BLOCK_BYTE_PICOJOULES,
      consoleByte: CONSOLE_BYTE_PICOJOULES,
      // A board that knows its radios has each frame paid there.
      networkByte: hasRadios(board) ? 0 : Math.round((milliwatts("radio.active") * 1000) / RADIO_BYTES_PER_MICROSECOND),
    },
  };
}

function hasRadios({ radios }: Board): boolean {
  return Object.keys(radios).length > 0;
}

/** What the board draws by itself, and its battery when it is simulated. Android's cpu.idle is drawn beside cpu.suspend. */
export function powerSpec(board: Board, simulated: BatteryScript | null): PowerSpec {
  const { volts } = board.battery;
  const microwatts = (key: string): number => Math.round((board.powerProfile[key] ?? 0) * volts * 1000);
  const { radios } = board;
  if (simulated === null) return { suspendMicrowatts: 0, idleMicrowatts: 0, battery: null, radios };
  return {
    suspendMicrowatts: microwatts("cpu.suspend"),
    idleMicrowatts: microwatts("cpu.idle"),
    radios,
    battery: {
      ...simulated,
      capacityPicojoules: BigInt(Math.round(batteryJoules(board) * 1e6)) * 1_000_000n,
      volts,
    },
  };
}

/** What the board's battery holds by its plate. */
export function batteryJoules({ battery }: Board): number {
  return battery.capacityMilliampereHours * battery.volts * 3.6;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
