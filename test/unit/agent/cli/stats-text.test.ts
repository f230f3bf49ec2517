// What a run and a handset tell people of translation.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { statsText } from "../../../../agent/cli/stats-text.js";
import { tableOf } from "../../../../agent/cli/top.js";
import { translationText } from "../../../../agent/cli/translation-text.js";
import type { RunStats } from "../../../../agent/host/index.js";
import { whyPartition } from "../../../../agent/why.js";
import { handsetView, partitionView } from "../../../support/views.js";
import type { TranslationStats } from "../../../../agent/view.js";

const TRANSLATION: TranslationStats = {
  codeBytesMax: 16 << 20,
  functions: 412,
  bytes: 3.25 * 2 ** 20,
  instructions: 9000,
  modules: 28,
  compileMs: 412.3,
  compileMsMax: 7.83,
  drops: 3,
  flushes: 0,
  entries: 1000,
  executed: 1_880_000,
  share: 0.94,
};

const STATS: RunStats = {
  instructions: 2_000_000,
  wallMs: 1500,
  busyMs: 20,
  firstInstructionAt: 0,
  resets: 0,
  slices: 1200,
  sleeps: 30,
  dataAborts: 5,
  prefetchAborts: 4,
  tlbMisses: 1_234_567,
  interrupts: 100,
  undefinedInstructions: 1,
  supervisorCalls: 12,
  blocksDecoded: 7,
  cacheFlushes: 0,
  pagesInvalidated: 0,
  mmioReads: 999,
  mmioWrites: 1000,
  translation: TRANSLATION,
};

const RECORD = { reason: "power-off", cpuMs: 1700, residentBytesMax: 98 * 2 ** 20 };
const LINE = "94 % translated · 3.3 MiB of code · 0.41 s of compiling, 7.8 ms at most";

const texts = suite("stats-text");

texts("a run's counters in lines", () => {
  assert.is(
    statsText(RECORD, STATS),
    [
      "power-off after 1.50 s, 0.02 s of it in the guest",
      `2,000,000 instructions, 100 million a second: ${LINE}`,
      "100 interrupts, 12 supervisor calls, 5 data aborts, 4 prefetch aborts, 1 undefined instructions",
      "1,234,567 TLB misses, 7 blocks decoded, 999 device reads, 1,000 device writes",
      "1,200 slices, 30 sleeps, 0 resets",
      "host: 1.70 s of processor, 98 MiB resident at most",
      "",
    ].join("\n"),
  );
  assert.match(statsText(RECORD, { ...STATS, translation: null, busyMs: 0 }), /, 0 million a second: interpreted\n/);
  assert.match(statsText({ ...RECORD, reason: "trap" }, null), /^trap; there are no counters\nhost: /);
});

texts("top: a line below who is translated, none below who is not, and none wider than the terminal", () => {
  const view = handsetView([
    partitionView("work", 0, {}, { translation: TRANSLATION }),
    partitionView("personal", 0),
    partitionView("held", 0, {}, { translation: { ...TRANSLATION, codeBytesMax: 0 } }),
  ]);
  const rows = tableOf(view, null, 120);
  const at = rows.findIndex((row) => row.includes("work"));
  assert.is(rows[at + 1]!.trim(), LINE);
  assert.match(rows[at + 2]!, /personal/);
  assert.match(rows[at + 3]!, /held/);
  assert.is(rows[at + 4]!.trim(), `${LINE} · switched off by policy`);
  for (const row of tableOf(view, null, 60)) assert.ok(row.length <= 60, row);
  assert.not.match(tableOf(view, null, 120).join("\n"), /NETWORK/, "nobody has one");
  const io = [{ name: "network bytes", used: 3 << 20, rate: null, burst: null, throttledTotal: 0 }];
  const [first, ...others] = view.partitions;
  const wired = tableOf({ ...view, partitions: [{ ...first!, io }, ...others] }, null, 120).join("\n");
  assert.match(wired, /NETWORK[\s\S]*3 MiB/);
  assert.is(translationText(TRANSLATION), LINE);
});

texts("why: what was translated, who paid, and that a policy has ended it", () => {
  const words = (translation: TranslationStats | null): string => {
    const one = partitionView("work", 0, {}, { translation });
    return whyPartition(one, handsetView([one]));
  };
  assert.match(words(TRANSLATION), /94 % of its instructions .* 28 pieces and 0\.41 s, charged to its budget\./);
  assert.match(words({ ...TRANSLATION, codeBytesMax: 0 }), /\nIts policy allows no translated code any more\./);
  assert.not.match(words(null), /translated/);
});

texts.run();
