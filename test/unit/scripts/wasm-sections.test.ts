// The end of a module's static data (WebAssembly core specification 5.5.14).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { wasmStaticDataEnd } from "../../../scripts/wasm-sections.js";

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const CUSTOM = [0, 3, 1, 0x78, 0];
const module_ = (...sections: number[][]): Uint8Array => Uint8Array.from([...MAGIC, ...CUSTOM, ...sections.flat()]);

const sections = suite("wasm-sections");

sections("active segments count, the furthest one wins, passive ones do not", () => {
  // Two active segments at 0x10000 + 4 and at 8 + 2, one passive of 3 bytes.
  const segments = [3, 0, 0x41, 0x80, 0x80, 0x04, 0x0b, 4, 1, 2, 3, 4, 0, 0x41, 8, 0x0b, 2, 5, 6, 1, 3, 7, 8, 9];
  assert.is(wasmStaticDataEnd(module_([11, segments.length, ...segments])), 0x10004);
});

sections("a module without data ends at 0; one that ends inside a number, or computes an offset, is refused", () => {
  assert.is(wasmStaticDataEnd(module_()), 0);
  assert.throws(() => wasmStaticDataEnd(module_([11, 5, 1, 0, 0x41, 0x80])), RangeError);
  assert.throws(() => wasmStaticDataEnd(module_([11, 7, 1, 0, 0x23, 0, 0x0b, 1, 0])), RangeError);
});

sections.run();
