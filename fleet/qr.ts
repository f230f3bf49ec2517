// A text as a QR code for a terminal, light modules white and dark ones black whatever the terminal's own colours are.

import { renderUnicodeCompact } from "uqr";

const [WHITE_ON_BLACK, RESET] = ["\x1b[97;40m", "\x1b[0m"];
/** Lighter ones around it: without this zone, cameras do not find it. */
const QUIET_ZONE = 2;

/** Lines, two rows of modules in each. Throws RangeError for a text that no QR code holds. */
export function qrLines(text: string): string[] {
  const picture = renderUnicodeCompact(text, { ecc: "L", border: QUIET_ZONE });
  return picture.split("\n").map((line) => `${WHITE_ON_BLACK}${line}${RESET}`);
}
