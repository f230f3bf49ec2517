// What translation did for a guest, in a line: how much of its work, how much code, what compiling took.

import type { TranslationStats } from "../view.ts";

/** "94 % translated · 3.1 MiB of code · 0.41 s of compiling, 3.2 ms at most". */
export function translationText(stats: TranslationStats): string {
  const { share, bytes, compileMs, compileMsMax, codeBytesMax } = stats;
  const code = `${(bytes / 2 ** 20).toFixed(1)} MiB of code`;
  const compiling = `${(compileMs / 1000).toFixed(2)} s of compiling, ${compileMsMax.toFixed(1)} ms at most`;
  const off = codeBytesMax === 0 ? ["switched off by policy"] : [];
  return [`${(share * 100).toFixed(0)} % translated`, code, compiling, ...off].join(" · ");
}
