// The file by which a device joins a fleet at its first start: `pocketvisor/enrol.txt` on the boot partition, which any computer can write. Its first
// line is the one-time address, its second, if any, is what the owner consents to. It is as good as the address itself, so it is removed once it
// has been used.

import { existsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { readBoundedText } from "../bounded-file.ts";
import { escapeText } from "../escape.ts";
import { DeviceError } from "./failure.ts";

export const ENROL_FILE = "pocketvisor/enrol.txt";
const FILE_BYTES_MAX = 4096;
const CONSENT = /^[a-z, -]{1,200}$/;

export interface EnrolFile {
  uri: string;
  /** As `pocketvisor enrol --consent` takes it. */
  consent: string;
}

/** What the file says; null: there is none. Throws DEVICE_ENROL for one that cannot be understood. */
export function readEnrolFile(boot: string): EnrolFile | null {
  const path = join(boot, ENROL_FILE);
  if (!existsSync(path)) return null;
  const hint =
    "Its first line is the address that begins with pv://enrol?, its second what the owner consents to, such as none.";
  let text: string;
  try {
    text = readBoundedText(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new DeviceError(
      "DEVICE_ENROL",
      `${ENROL_FILE} cannot be read: ${escapeText((error as Error).message, 200)}`,
      hint,
    );
  }
  const [uri = "", consent = "none", ...more] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (!uri.startsWith("pv://enrol?") || !CONSENT.test(consent) || more.length > 0) {
    throw new DeviceError("DEVICE_ENROL", `${ENROL_FILE} is not an enrolment's`, hint);
  }
  return { uri: uri.trim(), consent: consent.trim() };
}

/** The file has done its work. */
export function removeEnrolFile(boot: string): void {
  unlinkSync(join(boot, ENROL_FILE));
}
