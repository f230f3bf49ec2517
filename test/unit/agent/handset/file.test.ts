// Handset files: what is right is understood, and every fault is named with its line, what is wrong and what to do.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../../../agent/failure.js";
import { parseHandsetFile } from "../../../../agent/handset/file.js";

const file = suite("handset file");
const demo = new URL("../../../../boards/handsets/demo.yaml", import.meta.url);

/** The faults of a text, one a line. */
function faultsOf(text: string): string[] {
  try {
    parseHandsetFile(text, "h.yaml");
  } catch (error) {
    if (error instanceof UsageError) return error.message.split("\n");
    throw error;
  }
  return [];
}

file("the demo says what its comments say", () => {
  const { board, partitions } = parseHandsetFile(readFileSync(demo, "utf8"), "demo.yaml");
  assert.is(board, "qemu-virt");
  assert.equal(
    partitions.map((each) => [each.name, each.kind, each.memoryBytes, each.cpu, each.energy]),
    [
      [
        "personal",
        "personal",
        64 << 20,
        { class: "guaranteed", budget: 40_000, period: 100_000, ceiling: null, weight: 100 },
        { capacity: 60_000_000_000_000n, rate: 600_000 },
      ],
      [
        "work",
        "work",
        64 << 20,
        { class: "guaranteed", budget: 30_000, period: 100_000, ceiling: 60_000, weight: 100 },
        { capacity: 40_000_000_000_000n, rate: 400_000 },
      ],
    ],
  );
});

file("channels name their ends, and what they may carry", () => {
  const text = (channels: string): string =>
    `partitions:\n  - { name: a, guest: linux }\n  - { name: b, guest: linux }\nchannels:\n${channels}`;
  const { channels } = parseHandsetFile(
    text("  - { from: a, to: b, to-port: 3, rate: 1MB/s, capacity: 4K }"),
    "h.yaml",
  );
  assert.equal(channels, [
    {
      from: "a",
      fromPort: 0,
      to: "b",
      toPort: 3,
      contract: { capacity: 4096, bytes: { rate: 1_000_000, burst: 1_000_000 }, messages: null },
    },
  ]);
  assert.match(
    faultsOf(text("  - { from: a, to: c }"))[0]!,
    /^h\.yaml:5: to: there is no partition "c" \(partitions: a, b\)$/,
  );
  assert.match(
    faultsOf(text("  - { from: a, to: b, to-port: 32 }"))[0]!,
    /^h\.yaml:5: to-port: expected a whole number from 0 to 31/,
  );
});

file("faults have a line, what is wrong, and what to write", () => {
  const faults = faultsOf(`handset: demo
board: qemu-virt
partitions:
  - name: Work!
    guest: linux
    memory: 64X
    cpu: { budget: 20parsecs, limit: 3 }
  - name: two
  - name: three
    guest: linux
    kernel: /x
    cpu: { budget: 200ms, period: 100ms }
  - name: three
    guest: linux
    energy: 5
colour: red
`);
  const expected = [
    /^h\.yaml:16: unknown key "colour" \(keys here: handset, board, partitions, channels, rules\)$/,
    /^h\.yaml:4: name: a name has 1 to 32 of the characters/,
    /^h\.yaml:6: memory: expected a quantity such as 64M, not "64X"/,
    /^h\.yaml:7: unknown key "limit" \(keys here: budget, period, ceiling, weight\)$/,
    /^h\.yaml:7: budget: expected a quantity such as 20ms/,
    /^h\.yaml:8: a partition needs either a guest or a kernel \(write `guest: linux`\)$/,
    /^h\.yaml:9: a partition needs either a guest or a kernel/,
    /^h\.yaml:12: a budget of 200000 µs does not fit into its period of 100000 µs/,
    /^h\.yaml:15: energy must be a mapping/,
    /^h\.yaml:13: two partitions are called three/,
  ];
  for (const pattern of expected)
    assert.ok(
      faults.some((fault) => pattern.test(fault)),
      `${pattern} in\n${faults.join("\n")}`,
    );
});

file("broken, empty, huge and hostile texts end in faults", () => {
  const texts = [
    "",
    "[",
    "a: b: c",
    "- 1\n- 2",
    "partitions: 5",
    "handset: *x",
    "a: &a [1]\npartitions: [*a, *a]",
    `partitions:\n${"  - {}\n".repeat(1001)}`,
    "x".repeat(2 << 20),
    "handset: [[[[[[[[[[[[",
    "__proto__: { board: x }\npartitions: []\nconstructor: 1",
    "partitions:\n  - name: a\n    name: b\n    guest: linux",
    "\u0000",
  ];
  for (const text of texts) assert.ok(faultsOf(text).length > 0, JSON.stringify(text.slice(0, 40)));
});

file("rules: JavaScript with stars and ampersands is no alias, and each fault has its line", () => {
  const text = (rules: string): string => `partitions:\n  - { name: a, guest: linux }\nrules:\n${rules}`;
  const { rules } = parseHandsetFile(
    text(
      "  - name: save\n    on: [battery, fault]\n    allow: [pause]\n    run: |\n      if (a *b && &c) pause('a');\n",
    ),
    "h.yaml",
  );
  assert.equal(rules, [
    { name: "save", on: ["battery", "fault"], allow: ["pause"], run: "if (a *b && &c) pause('a');\n" },
  ]);
  const wrong: [rules: string, fault: RegExp][] = [
    ["  - { name: a, on: [rain], run: x }", /^h\.yaml:4: on knows battery, fault, exhausted, state/],
    [
      "  - { name: a, on: [fault], allow: [down], run: x }",
      /^h\.yaml:4: allow knows pause, resume, stop, restart, budget/,
    ],
    ["  - { name: a, on: fault, run: x }", /^h\.yaml:4: on must be a list of/],
    ["  - { on: [fault], run: x }", /^h\.yaml:4: a rule needs name/],
    ["  - { name: a, on: [fault] }", /^h\.yaml:4: a rule needs run/],
    ["  - { name: a, run: x }", /^h\.yaml:4: a rule needs on/],
    ["  - { name: a, on: [fault], run: x, when: y }", /^h\.yaml:4: unknown key "when"/],
    ["  - 5", /^h\.yaml:4: a rule must be a mapping/],
    ["  name: a", /^h\.yaml:4: rules must be a list/],
    [
      `  - { name: a, on: [fault], run: "${"x".repeat(20_000)}" }`,
      /^h\.yaml:4: run: expected JavaScript of 1 to 16384/,
    ],
    [
      "  - { name: a, on: [fault], run: x }\n  - { name: a, on: [fault], run: x }",
      /^h\.yaml:5: two rules are called a/,
    ],
    ["  - { name: a, on: [fault], run: x }\n".repeat(33), /^h\.yaml:4: more than 32 rules/],
  ];
  for (const [rules, fault] of wrong) {
    const faults = faultsOf(text(rules));
    assert.ok(
      faults.some((each) => fault.test(each)),
      `${fault} in ${faults.join("; ")}`,
    );
  }
});

file.run();
