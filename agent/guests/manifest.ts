// boards/guests/NAME/guest.json: what a guest is made from.

import { readFileSync, readdirSync } from "node:fs";
import { boardFile } from "../paths.ts";
import { escapeText } from "../escape.ts";
import { GuestError } from "../failure.ts";

/** A guest of ours around Debian's kernel and busybox, or firmware out of a package. */
export type GuestManifest = LinuxManifest | FirmwareManifest;

export interface FirmwareManifest {
  name: string;
  description: string;
  architecture: string;
  /** The package, and the path in it of an image of flash. */
  firmware: { package: string; file: string };
}

export interface LinuxManifest {
  name: string;
  description: string;
  /** Debian's name of the architecture. */
  architecture: string;
  /** The kernel's package, or a meta-package that depends on it. */
  kernelPackage: string;
  /** The package with /bin/busybox. */
  userPackage: string;
  commandLine: string;
  /** Kernel modules to load, by name; what they depend on is added. */
  modules: string[];
  /** Node of the device tree's root → modules to load where a guest has it. */
  modulesIf: Record<string, string[]>;
}

const GUEST_NAME = /^[a-z0-9-]{1,32}$/;

/** Refuses what could not be a guest's name, and so could not be a folder's either. */
export function checkGuestName(name: string): void {
  if (!GUEST_NAME.test(name)) {
    throw new GuestError(
      "GUEST_NAME",
      `"${escapeText(name, 60)}" is no guest name`,
      "A name has 1 to 32 of the characters a-z, 0-9 and -.",
    );
  }
}

/** Names of the guests that can be fetched. */
export function manifestNames(): string[] {
  return readdirSync(boardFile("guests"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Reads the manifest of guest `name`. Throws GuestError when there is none. */
export function readManifest(name: string): GuestManifest {
  checkGuestName(name);
  if (!manifestNames().includes(name)) {
    throw new GuestError(
      "GUEST_UNKNOWN",
      `there is no guest "${name}"`,
      `Known guests: ${manifestNames().join(", ")}. An image of your own: --kernel FILE.`,
    );
  }
  return JSON.parse(readFileSync(boardFile("guests", name, "guest.json"), "utf8")) as GuestManifest;
}
