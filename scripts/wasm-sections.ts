// Reads just enough of a WebAssembly module to tell where its static data ends (WebAssembly core 5.5.14, data section).

/** Bytes past the last active data segment with a constant offset; 0 for a module without data. */
export function wasmStaticDataEnd(bytes: Uint8Array): number {
  let at = 8;
  const u32 = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("the module ends inside a number");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number has more than five bytes");
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const size = u32();
    const next = at + size;
    if (id === 11) {
      let end = 0;
      for (let left = u32(); left > 0; left--) {
        const kind = u32();
        if (kind === 2) u32();
        let offset = 0;
        if (kind !== 1) {
          if (bytes[at++] !== 0x41) throw new RangeError("a data segment's offset is no i32.const");
          offset = u32(); // positive and below 2^31: reading it unsigned drops nothing but the sign bits
          if (bytes[at++] !== 0x0b) throw new RangeError("a data segment's offset has more than one instruction");
        }
        const length = u32();
        at += length;
        if (kind !== 1) end = Math.max(end, offset + length);
      }
      return end;
    }
    at = next;
  }
  return 0;
}
