// The smallest static ELF file that a Linux for ARM will run: one segment, readable, writable and executable.

const HEADER_BYTES = 52 + 32;

/** An ELF file whose single segment holds `image` at address `base` (a multiple of 4096) and starts at `entry`.
 *  `memoryBytes` is the segment's size in memory; what the image does not fill is zero. */
export function elfFile(image: Uint8Array, base: number, entry: number, memoryBytes: number): Uint8Array {
  const offset = 4096; // congruent with `base`, as the loader wants
  const file = new Uint8Array(offset + image.length);
  const view = new DataView(file.buffer);
  const words = (at: number, values: number[]) => values.forEach((value, i) => view.setUint32(at + 4 * i, value, true));
  words(0, [0x464c457f, 0x00010101, 0, 0, 0x00280002, 1, entry, 52, 0, 0x05000200, 0x00200034, 0x00280001, 0]);
  words(52, [1, offset, base, base, image.length, memoryBytes, 7, 4096]);
  if (HEADER_BYTES > offset) throw new RangeError("ELF header overlaps its segment");
  file.set(image, offset);
  return file;
}
