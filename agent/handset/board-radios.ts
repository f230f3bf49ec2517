// `radio` of a board: what each kind of link costs while it is used. The names are those of the papers that measure it: promotion, active, tail.

import type { LinkKind, RadioProfile, Radios } from "./contracts.ts";
import type { Schema } from "./shape.ts";

/** Kinds that may have a radio. Roaming is the cellular radio unless the board says otherwise. */
const KINDS = ["wifi", "cellular", "roaming", "tethering"] as const satisfies LinkKind[];

const NUMBERS = {
  promoteMs: [0, 60_000, "ms from off to on"],
  promoteMw: [0, 100_000, "mW while it is switched on"],
  activeMw: [0, 100_000, "mW while frames pass"],
  perMbpsUpMw: [0, 100_000, "mW more for each Mbit/s that is sent"],
  perMbpsDownMw: [0, 100_000, "mW more for each Mbit/s that is received"],
  tailMs: [0, 60_000, "ms that it stays on behind the last frame"],
  tailMw: [0, 100_000, "mW while it does"],
} as const;

/** The radios under `radio`; what is wrong with them goes to `fault`. */
export function readRadios(value: unknown, fault: (text: string) => void): Radios {
  const radios: Radios = {};
  if (value === undefined) return radios;
  if (!isRecord(value)) {
    fault("radio must be an object: a profile for each kind of link");
    return radios;
  }
  for (const [kind, profile] of Object.entries(value)) {
    const known = KINDS.find((name) => name === kind);
    if (known === undefined || !isRecord(profile)) fault(`radio knows ${KINDS.join(", ")}, each an object`);
    else radios[known] = readProfile(known, profile, fault);
  }
  if (radios.cellular !== undefined) radios.roaming ??= radios.cellular;
  return radios;
}

function readProfile(kind: string, record: Record<string, unknown>, fault: (text: string) => void): RadioProfile {
  const number = (key: keyof typeof NUMBERS): number => {
    const [least, most] = NUMBERS[key];
    const value = record[key];
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    fault(`radio.${kind}.${key} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`);
    return least;
  };
  const strange = Object.keys(record).find((key) => !Object.hasOwn(NUMBERS, key));
  if (strange !== undefined) fault(`radio.${kind} knows no ${JSON.stringify(strange)}`);
  return {
    promoteNs: number("promoteMs") * 1e6,
    promoteMw: number("promoteMw"),
    activeMw: number("activeMw"),
    perMbpsUpMw: number("perMbpsUpMw"),
    perMbpsDownMw: number("perMbpsDownMw"),
    tailNs: number("tailMs") * 1e6,
    tailMw: number("tailMw"),
  };
}

/** For the JSON Schema of boards. */
export function radiosSchema(): Schema {
  const properties = Object.fromEntries(
    Object.entries(NUMBERS).map(([key, [minimum, maximum, description]]) => [
      key,
      { type: "integer", minimum, maximum, description },
    ]),
  );
  const profile = { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
  return {
    type: "object",
    description: "what each kind of link costs while it is used, beyond the phone's idle",
    properties: Object.fromEntries(KINDS.map((kind) => [kind, profile])),
    additionalProperties: false,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
