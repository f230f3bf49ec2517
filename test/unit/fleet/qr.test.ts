// The QR code of an enrolment address: what a camera would see in the terminal's cells is the code of that text.

import { encode } from "uqr";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { qrLines } from "../../../fleet/qr.js";

const qr = suite("qr");
const ADDRESS = `pv://enrol?${"a1B2".repeat(65)}`;

/** Dark modules, from half blocks: what is printed is light, since it is white on black. */
function modulesOf(lines: string[]): boolean[][] {
  return lines.flatMap((line) => {
    const cells = [...line.replace(/\x1b\[[0-9;]*m/g, "")];
    return [cells.map((cell) => !"█▀".includes(cell)), cells.map((cell) => !"█▄".includes(cell))];
  });
}

qr("cells give the modules back, with a light zone around them", () => {
  const { data, size } = encode(ADDRESS, { ecc: "L", border: 2 });
  const seen = modulesOf(qrLines(ADDRESS)).slice(0, size);
  assert.equal(seen, data);
  assert.ok(
    seen
      .slice(0, 2)
      .flat()
      .every((dark) => !dark),
  );
});

qr("an address of 270 characters fits a terminal of 80 columns", () => {
  const lines = qrLines(ADDRESS);
  assert.ok(lines.length <= 32);
  for (const line of lines) assert.ok([...line.replace(/\x1b\[[0-9;]*m/g, "")].length <= 64);
  assert.ok(lines.every((line) => line.startsWith("\x1b[97;40m") && line.endsWith("\x1b[0m")));
});

qr.run();
