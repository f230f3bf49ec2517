// The table of a profile: names of symbols, hostile ones too, and what has no name.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSymbols, profileText } from "../../../../agent/cli/profile-text.js";
import { UsageError } from "../../../../agent/failure.js";

const tables = suite("profile-text");
const place = (address: number, samples: number, translated = 0, user = false) => ({
  address,
  user,
  samples,
  instructions: samples * 1e6,
  translated: translated * samples * 1e6,
});

tables("places add up under the symbol before them, hottest first; the rest is told by 64 bytes", () => {
  const symbols = parseSymbols(
    "c0000200 T second\nc0000100 t first\n00000000 A absolute\nc0000180 d data\nc0000204 w evil\x1b[2J\nnonsense\n         U nothing\n",
  );
  const text = profileText(
    {
      places: [
        place(0xc000_0100, 1),
        place(0xc000_01fc, 2, 1),
        place(0xc000_0200, 4, 0.5),
        place(0xc000_0204, 1),
        place(0x0000_8044, 1, 0, true),
        place(0xffff_0008, 1),
      ],
      lost: 2,
    },
    symbols,
  );
  const rows = text.split("\n").filter((line) => line.includes("%"));
  assert.equal(
    rows.map((row) => row.trim().replace(/ {2,}/g, " | ")),
    [
      "33.3 % | 4 | 4.0 | 50.0 % | system | 0xc0000200 | second",
      "25.0 % | 3 | 3.0 | 66.7 % | system | 0xc0000100 | first",
      "8.3 % | 1 | 1.0 | 0.0 % | user | 0x00008040 … +64",
      "8.3 % | 1 | 1.0 | 0.0 % | system | 0xc0000204 | evil\\x1b[2J",
      "8.3 % | 1 | 1.0 | 0.0 % | system | 0xffff0000 … +64",
      "16.7 % | 2 | elsewhere",
    ],
  );
  assert.match(text, /^12 samples of the program counter/);
});

tables("a file without a symbol of code is refused", () => {
  assert.throws(
    () => parseSymbols("00000000 A absolute\n"),
    (error: unknown) => error instanceof UsageError,
  );
});

tables.run();
