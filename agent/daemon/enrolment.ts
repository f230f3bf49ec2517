// What enrolment left for the agent: agent/enrolment.json. It was written by this user on this device; it is checked all the same, because a
// damaged file must not send a device to nowhere without a word.

import { Failure } from "../failure.ts";
import { readDurable, writeDurably } from "../durable-file.ts";

/** The enrolment file cannot be used: ENROLMENT_MISSING, ENROLMENT_DAMAGED. */
export class EnrolmentError extends Failure {}

export interface Enrolment {
  tenant: string;
  brokers: string[];
  /** PEM; null: the broker asks for none. */
  certificate: string | null;
  /** PEM of who vouches for the broker; null: the system's own authorities. */
  authorities: string | null;
  /** The port of the metrics page on this computer; null: there is none. */
  metrics: number | null;
}

const FILE_BYTES_MAX = 256 << 10;
const BROKERS_MAX = 8;

/** Reads the file. Throws an EnrolmentError. */
export function readEnrolment(path: string): Enrolment {
  let bytes: Uint8Array | null;
  try {
    bytes = readDurable(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new EnrolmentError("ENROLMENT_DAMAGED", `${path} cannot be read: ${(error as Error).message}`);
  }
  if (bytes === null) {
    throw new EnrolmentError(
      "ENROLMENT_MISSING",
      `there is no ${path}`,
      "Run pocketvisor enrol with the fleet's address.",
    );
  }
  const found = parse(bytes);
  if (found !== null) return found;
  throw new EnrolmentError("ENROLMENT_DAMAGED", `${path} is not what enrolment wrote`, "Enrol the device again.");
}

/** Replaces the device's certificate in the file. Throws an EnrolmentError, and the file system's error: then the file is as it was. */
export function renewEnrolment(path: string, certificate: string): void {
  const enrolment = readEnrolment(path);
  const { metrics, ...rest } = enrolment;
  const renewed = { ...rest, ...(metrics === null ? {} : { metrics }), certificate };
  writeDurably(path, Buffer.from(`${JSON.stringify(renewed, null, 2)}\n`));
}

function parse(bytes: Uint8Array): Enrolment | null {
  let value: Partial<Record<keyof Enrolment, unknown>>;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8")) as typeof value;
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object") return null;
  const { tenant, brokers, certificate = null, authorities = null, metrics = null } = value;
  const isTextOrNull = (each: unknown): each is string | null => each === null || typeof each === "string";
  if (typeof tenant !== "string" || !isTextOrNull(certificate) || !isTextOrNull(authorities)) return null;
  if (!Array.isArray(brokers) || brokers.length === 0 || brokers.length > BROKERS_MAX) return null;
  if (!brokers.every((each): each is string => typeof each === "string")) return null;
  if (metrics !== null && !(Number.isInteger(metrics) && (metrics as number) >= 0 && (metrics as number) < 65_536)) {
    return null;
  }
  return { tenant, brokers, certificate, authorities, metrics: metrics as number | null };
}
