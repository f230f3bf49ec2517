// VFP batches through the oracle: one ELF program whose loop for each batch loads FPSCR and D0..D5, executes the instruction
// and stores the outcome. An undefined instruction raises SIGILL, whose handler steps over it and leaves a mark in r4.

import { elfFile } from "./elf.js";
import { qemuArmRun } from "./qemu-arm.js";
import { RESULT_BYTES, type VfpBatch } from "./vfp-vectors.js";

const BASE = 0x0010_0000;
const UCONTEXT_R4 = 20 + 12 + 4 * 4; // arm Linux: uc_mcontext at 20, r0 three words in
const UCONTEXT_PC = 20 + 12 + 15 * 4;

/** Results of every batch, in order: RESULT_BYTES for each vector. */
export function vfpOracle(batches: readonly VfpBatch[]): Uint8Array[] {
  const code: number[] = [];
  const vectorsAt: number[] = [];
  const pool: { at: number; value: () => number }[] = [];
  const emit = (...words: number[]) => code.push(...words);
  // ldr rN, [pc] ; b over ; .word: a literal wherever it is needed
  const literal = (register: number, value: () => number) => {
    emit(0xe59f0000 | (register << 12), 0xea000000);
    pool.push({ at: code.length, value });
    emit(0);
  };
  const layout = { output: 0, data: 0 };

  // rt_sigaction(SIGILL, &action, 0, 8)
  literal(1, () => layout.data);
  emit(0xe3a00004, 0xe3a02000, 0xe3a03008, 0xe3a070ae, 0xef000000);
  literal(1, () => layout.output);
  batches.forEach((batch, index) => {
    literal(0, () => vectorsAt[index] as number);
    literal(2, () => batch.count);
    const loop = code.length;
    emit(
      0xe4903004, // ldr r3, [r0], #4
      0xeee13a10, // vmsr fpscr, r3
      0xecb00b0c, // vldmia r0!, {d0-d5}
      0xe3a04000, // mov r4, #0
      batch.word,
      0xeef13a10, // vmrs r3, fpscr
      0xe3a05000, // mov r5, #0
      0xeee15a10, // vmsr fpscr, r5
      0xeca10b0c, // vstmia r1!, {d0-d5}
      0xe8a10018, // stmia r1!, {r3, r4}
      0xe2522001, // subs r2, r2, #1
    );
    emit(0x1a000000 | ((loop - code.length - 2) & 0xffffff)); // bne loop
  });
  // write(1, output, bytes) until all is written, then exit(0)
  literal(5, () => layout.output);
  literal(6, () => outputBytes);
  const write = code.length;
  emit(0xe3a00001, 0xe1a01005, 0xe1a02006, 0xe3a07004, 0xef000000);
  emit(0xe0855000, 0xe0566000); // add r5, r5, r0 ; subs r6, r6, r0
  emit(0x1a000000 | ((write - code.length - 2) & 0xffffff));
  emit(0xe3a00000, 0xe3a070f8, 0xef000000);
  const handler = code.length;
  emit(0xe5923000 | UCONTEXT_PC, 0xe2833004, 0xe5823000 | UCONTEXT_PC); // pc += 4
  emit(0xe3a03001, 0xe5823000 | UCONTEXT_R4, 0xe12fff1e); // r4 = 1 ; bx lr

  layout.data = BASE + 4 * code.length;
  let end = layout.data + 16;
  for (const batch of batches) {
    vectorsAt.push(end);
    end += batch.vectors.length;
  }
  layout.output = end;
  const outputBytes = batches.reduce((sum, batch) => sum + batch.count * RESULT_BYTES, 0);
  for (const { at, value } of pool) code[at] = value();

  const image = new Uint8Array(end - BASE);
  const view = new DataView(image.buffer);
  code.forEach((word, i) => view.setUint32(4 * i, word >>> 0, true));
  view.setUint32(layout.data - BASE, BASE + 4 * handler, true);
  view.setUint32(layout.data - BASE + 4, 4 | 0x40000000, true); // SA_SIGINFO | SA_NODEFER
  batches.forEach((batch, i) => image.set(batch.vectors, (vectorsAt[i] as number) - BASE));
  const output = qemuArmRun(elfFile(image, BASE, BASE, image.length + outputBytes));
  if (output.length !== outputBytes) throw new RangeError(`oracle wrote ${output.length} bytes, not ${outputBytes}`);
  let at = 0;
  return batches.map((batch) => output.subarray(at, (at += batch.count * RESULT_BYTES)));
}
