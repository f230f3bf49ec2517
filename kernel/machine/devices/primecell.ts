// Identification of a PrimeCell: the eight words at its window's end, PeriphID0..3 and PCellID0..3, a byte each.
// The fields are the same in every PrimeCell's manual, here ARM DDI 0183G 3.3.15 and 3.3.16.

/** Offset of PeriphID0. What lies there and above in the window is identification. */
export const PRIMECELL_ID: u32 = 0xfe0;
/** Arm Limited. */
const DESIGNER: u32 = 0x41;
const PRIMECELL: u32 = 0xb105f00d;

/** The word at `offset`, PRIMECELL_ID or above: of a part number of 12 bits and a revision of 4, configuration 0. */
export function primecellId(offset: u32, part: u32, revision: u32): u32 {
  const index = (offset - PRIMECELL_ID) >>> 2;
  const identity = index < 4 ? part | (DESIGNER << 12) | (revision << 20) : PRIMECELL;
  return (identity >>> ((index & 3) << 3)) & 0xff;
}
