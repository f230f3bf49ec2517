// Programs of Debian that the image is built with.

import { spawnSync } from "node:child_process";
import { escapeText } from "../../agent/escape.ts";
import { programPath } from "../../agent/paths.ts";
import { ImageBuildError } from "./failure.ts";

const OUTPUT_BYTES_MAX = 16 << 20;
/** Which package of Debian's has a program. */
const PACKAGES: Record<string, string> = {
  mksquashfs: "squashfs-tools",
  "mkfs.fat": "dosfstools",
  mcopy: "mtools",
  mmd: "mtools",
  mke2fs: "e2fsprogs",
  zstd: "zstd",
  "dpkg-deb": "dpkg",
  "apt-get": "apt",
  npm: "npm",
  iasl: "acpica-tools",
  "qemu-system-aarch64": "qemu-system-arm",
};

/** The programs of these that are not here, as a sentence; null: all are. mkfs programs lie where only root's PATH looks. */
export function missingPrograms(names: string[]): string | null {
  const missing = names.filter((name) => find(name) === null);
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))];
  return `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing: apt-get install ${packages.join(" ")}`;
}

function find(name: string): string | null {
  return programPath(name) ?? programPath(`../sbin/${name}`);
}

/** Runs a program to its end and returns what it printed. Its environment says nothing of this user, place or time. Throws IMAGE_PROGRAM. */
export function runProgram(name: string, args: string[], environment: Record<string, string> = {}): string {
  const path = find(name);
  if (path === null) throw new ImageBuildError("IMAGE_PROGRAM", missingPrograms([name])!);
  const { PATH = "", HOME = "/" } = process.env;
  const env = { PATH: `${PATH}:/usr/sbin:/sbin`, HOME, LC_ALL: "C", TZ: "UTC", ...environment };
  const result = spawnSync(path, args, { encoding: "utf8", env, maxBuffer: OUTPUT_BYTES_MAX });
  if (result.status === 0) return result.stdout;
  const why = escapeText((result.error?.message ?? result.stderr).trim(), 600);
  throw new ImageBuildError("IMAGE_PROGRAM", `${name} failed: ${why}`);
}
