// The "newc" archive that Linux unpacks as its initramfs (kernel documentation, buffer-format).

export interface CpioEntry {
  /** Relative, without a leading slash. */
  name: string;
  /** File type and permissions as in struct stat. */
  mode: number;
  /** A file's bytes, or a symbolic link's target. */
  data?: Uint8Array;
  /** Major and minor number of a device node. */
  device?: [major: number, minor: number];
}

export const CPIO_DIRECTORY = 0o040000;
export const CPIO_FILE = 0o100000;
export const CPIO_LINK = 0o120000;
export const CPIO_CHARACTER_DEVICE = 0o020000;

/** Writes an archive with the trailer. Times are zero and owners root, so that equal contents give equal bytes. */
export function cpioArchive(entries: CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  let length = 0;
  const append = (bytes: Uint8Array): void => {
    parts.push(bytes);
    length += bytes.length;
    // Header plus name, and the data, each end at a multiple of four.
    const padding = -length & 3;
    if (padding > 0) parts.push(new Uint8Array(padding));
    length += padding;
  };
  let inode = 1;
  for (const entry of [...entries, { name: "TRAILER!!!", mode: 0 }]) {
    const data = entry.data ?? new Uint8Array(0);
    const name = Buffer.from(`${entry.name}\0`, "utf8");
    const directory = (entry.mode & 0o170000) === CPIO_DIRECTORY;
    const fields = [
      entry.mode === 0 ? 0 : inode++,
      entry.mode,
      0, // uid
      0, // gid
      directory ? 2 : 1, // links
      0, // mtime
      data.length,
      0, // device of the file system
      0,
      entry.device?.[0] ?? 0,
      entry.device?.[1] ?? 0,
      name.length,
      0, // checksum, unused by newc
    ];
    const header = "070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
    append(Buffer.concat([Buffer.from(header, "latin1"), name]));
    if (data.length > 0) append(data);
  }
  return Buffer.concat(parts, length);
}
