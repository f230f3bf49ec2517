// Handset files: what is right is understood, and every fault is named with its line, what is wrong and what to do.

import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../../../agent/failure.js";
import { parseHandsetFile, readHandsetFile } from "../../../../agent/handset/file.js";
import { temporaryFile } from "../../../support/temporary.js";

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
        { capacity: 60_000_000_000_000n, rate: 600_000, share: 0 },
      ],
      [
        "work",
        "work",
        64 << 20,
        { class: "guaranteed", budget: 30_000, period: 100_000, ceiling: 60_000, weight: 100 },
        { capacity: 40_000_000_000_000n, rate: 400_000, share: 0 },
      ],
    ],
  );
});

file("neon is on or off", () => {
  const text = (value: string): string => `partitions:\n  - name: a\n    guest: linux\n${value}`;
  const read = (value: string): unknown => parseHandsetFile(text(value), "h.yaml").partitions[0]!.neon;
  assert.equal(["", "    neon: on", "    neon: off"].map(read), ["on", "on", "off"]);
  assert.match(faultsOf(text("    neon: 4"))[0]!, /^h\.yaml:4: neon/);
});

file("virtio is modern or legacy, and the image's own choice without a word", () => {
  const text = (value: string): string => `partitions:\n  - name: a\n    guest: linux\n${value}`;
  const read = (value: string): unknown => parseHandsetFile(text(value), "h.yaml").partitions[0]!.virtio;
  assert.equal(["", "    virtio: modern", "    virtio: legacy"].map(read), [null, "modern", "legacy"]);
  for (const value of ["    virtio: 1", "    virtio: transitional", "    virtio: [legacy]"])
    assert.match(faultsOf(text(value))[0]!, /^h\.yaml:4: virtio/);
});

file("translate is off, on, or a size of code; anything else is named with its line", () => {
  const text = (value: string): string => `partitions:\n  - name: a\n    guest: linux\n${value}`;
  const read = (value: string): unknown => parseHandsetFile(text(value), "h.yaml").partitions[0]!.translate;
  assert.equal(["", "    translate: off", "    translate: on", "    translate: 4M"].map(read), [
    "off",
    "off",
    "on",
    4 << 20,
  ]);
  for (const bad of ["maybe", "4K", "1000000M", "-1", "[on]"]) {
    const [fault, ...more] = faultsOf(text(`    translate: ${bad}`));
    assert.match(fault!, /^h\.yaml:4: translate/);
    assert.equal(more, []);
  }
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
    /^h\.yaml:16: unknown key "colour" \(keys here: handset, board, partitions, channels, rules, battery, link\)$/,
    /^h\.yaml:4: name: a name has 1 to 32 of the characters/,
    /^h\.yaml:6: memory: expected a size such as 64M, not "64X"/,
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

file("a link is a kind, or how it begins and changes", () => {
  const linkOf = (link: string): unknown =>
    parseHandsetFile(`partitions:\n  - { name: a, guest: linux }\n${link}`, "h.yaml").link;
  assert.is(linkOf(""), null);
  assert.equal(linkOf("link: cellular\n"), { kind: "cellular", steps: [] });
  assert.equal(linkOf("link: { script: [{ at: 2s, kind: wifi }, { at: 3s, kind: none }] }\n"), {
    kind: "ethernet",
    steps: [
      { atNs: 2e9, kind: "wifi" },
      { atNs: 3e9, kind: "none" },
    ],
  });
  const faults = (link: string): string => faultsOf(`partitions:\n  - { name: a, guest: linux }\n${link}\n`).join("\n");
  assert.match(faults("link: pigeon"), /^h\.yaml:3: link: expected .*wifi.*cellular/);
  assert.match(faults("link: [wifi]"), /^h\.yaml:3: link must be a mapping/);
  assert.match(faults("link: { script: [{ at: 2s }] }"), /a step needs kind/);
  assert.match(faults("link: { script: [{ at: 2s, kind: wifi }, { at: 1s, kind: none }] }"), /a step is earlier/);
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
    ["  - { name: a, on: [rain], run: x }", /^h\.yaml:4: on knows battery, thermal, fault, exhausted, state/],
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

file("a reserve is full at the first start unless the file says otherwise, and filled at a rate or by a share", () => {
  const text = (energy: string): string => `partitions:\n  - { name: a, guest: linux, energy: ${energy} }`;
  const read = (energy: string): unknown[] => {
    const [partition] = parseHandsetFile(text(energy), "h.yaml").partitions;
    return [partition!.energy, partition!.energyInitial];
  };
  assert.equal(read("{ capacity: 5J, rate: 1mW }"), [
    { capacity: 5_000_000_000_000n, rate: 1000, share: 0 },
    5_000_000_000_000n,
  ]);
  assert.equal(read("{ capacity: 5J, share: 33.3%, initial: 0J }"), [
    { capacity: 5_000_000_000_000n, rate: 0, share: 333_000 },
    0n,
  ]);
  const wrong: [energy: string, fault: RegExp][] = [
    ["{ rate: 1mW, share: 30% }", /^h\.yaml:2: a reserve is filled at a rate or by a share .*, not by both/],
    ["{ share: 101% }", /^h\.yaml:2: share: expected 0% to 100%/],
    ["{ share: 0.3 }", /^h\.yaml:2: share: expected a quantity such as 40%/],
    ["{ capacity: 1J, initial: 2J }", /^h\.yaml:2: initial is more than the reserve's capacity/],
  ];
  for (const [energy, fault] of wrong) assert.match(faultsOf(text(energy)).join("\n"), fault);
});

file("a battery's script has levels, charge rates and temperatures at times, in order", () => {
  const text = (battery: string): string => `partitions:\n  - { name: a, guest: linux }\nbattery:\n${battery}`;
  const { battery } = parseHandsetFile(
    text(
      "  level: 40%\n  script:\n    - { at: 10s, level: 5% }\n    - { at: 2min, charge-rate: 5W, temperature: -3°C }",
    ),
    "h.yaml",
  );
  assert.equal(battery, {
    percent: 40,
    chargeMicrowatts: 0,
    celsius: 25,
    steps: [
      { atNs: 10e9, percent: 5, chargeMicrowatts: null, celsius: null },
      { atNs: 120e9, percent: null, chargeMicrowatts: 5_000_000, celsius: -3 },
    ],
  });
  const wrong: [battery: string, fault: RegExp][] = [
    ["  level: 4", /^h\.yaml:4: level: expected a quantity such as 40%/],
    ["  colour: red", /^h\.yaml:4: unknown key "colour" \(keys here: level, charge-rate, temperature, script\)/],
    ["  script: 5", /^h\.yaml:4: script must be a list of at most 1000 steps/],
    ["  script: [{ level: 5% }]", /^h\.yaml:4: a step needs at/],
    ["  script:\n    - { at: 2s }\n    - { at: 1s }", /^h\.yaml:6: a step is earlier than the one before it/],
    ["  temperature: 500", /^h\.yaml:4: temperature: expected at most 120 °C/],
  ];
  for (const [battery, fault] of wrong) assert.match(faultsOf(text(battery)).join("\n"), fault);
});

file("devices: each kind is what it can be, and the rest is refused by name", () => {
  const text = (more: string): string => `board: pinephone\npartitions:\n  - name: a\n    guest: linux\n    ${more}`;
  const read = (more: string): unknown => parseHandsetFile(text(more), "h.yaml").partitions[0]!.devices;
  const standard = {
    disk: "none",
    console: "shared",
    entropy: "shared",
    balloon: "exclusive",
    channels: "shared",
    watchdog: "exclusive",
  };
  assert.equal(read(""), standard);
  assert.equal(read("disk: /d"), { ...standard, disk: "exclusive" });
  assert.equal(read("disk: /d,ro"), { ...standard, disk: "shared" });
  assert.equal(read("devices: { console: exclusive, channels: none, camera: none }"), {
    ...standard,
    console: "exclusive",
    channels: "none",
  });
  assert.equal(read("devices: none"), Object.fromEntries(Object.keys(standard).map((kind) => [kind, "none"])));
  assert.equal(read("devices: exclusive\n    disk: /d,ro"), { ...standard, disk: "exclusive", console: "exclusive" });
  const wrong: [more: string, fault: RegExp][] = [
    ["devices: { camera: shared }", /^h\.yaml:5: the virtual phone has no camera, and board pinephone lends it none/],
    ["devices: { toaster: shared }", /^h\.yaml:5: there is no device "toaster" \(kinds: disk, console, entropy/],
    [
      "devices: { entropy: exclusive }",
      /^h\.yaml:5: entropy cannot be exclusive: one generator of the host serves all/,
    ],
    ["devices: { constructor: none }", /^h\.yaml:5: there is no device "constructor"/],
    ["devices: { disk: exclusive }", /^h\.yaml:5: disk is exclusive, but no image is named/],
    ["disk: /d\n    devices: { disk: shared }", /^h\.yaml:6: a disk that is written cannot be shared/],
    ["disk: /d\n    devices: none", /^h\.yaml:6: disk is none, but an image is named/],
    ["devices: { console: 5 }", /^h\.yaml:5: devices console must be one of none, shared, exclusive/],
    ["devices: [disk]", /^h\.yaml:5: devices must be one of none, shared, exclusive/],
  ];
  for (const [more, fault] of wrong) assert.match(faultsOf(text(more)).join("\n"), fault);
});

file("a disk that one partition has exclusively belongs to no other, under whatever name", () => {
  const image = temporaryFile("", "disk");
  const link = `${image}-link`;
  symlinkSync(image, link);
  const text = (one: string, two: string): string =>
    `partitions:\n  - { name: a, guest: linux, disk: ${one} }\n  - { name: b, guest: linux, disk: ${two} }`;
  assert.equal(faultsOf(text(`"${image},ro"`, `"${link},ro"`)), []);
  assert.equal(faultsOf(text(image, `${image}-other`)), []);
  for (const [one, two] of [
    [image, link],
    [image, `"${image},ro"`],
    [`"${link},ro"`, image],
    ["/not/there", "/not/../not/there"],
  ] as const) {
    assert.match(faultsOf(text(one, two)).join("\n"), /^h\.yaml:3: b names the disk .*, as a does \(line 2\)/);
  }
});

file("a partition without channels is no end of one", () => {
  const faults = faultsOf(
    "partitions:\n  - { name: a, guest: linux, devices: { channels: none } }\n  - { name: b, guest: linux }\nchannels:\n  - { from: b, to: a }",
  );
  assert.match(faults.join("\n"), /^h\.yaml:5: to: a has no channels/);
});

file("a channel's ring lies in the host's memory: it has a bound", () => {
  const faultsFor = (capacity: string): string[] =>
    faultsOf(
      `partitions:\n  - { name: a, guest: linux }\n  - { name: b, guest: linux }\nchannels:\n  - { from: b, to: a, capacity: ${capacity} }`,
    );
  assert.equal(faultsFor("16M"), []);
  for (const capacity of ["16.1M", "1G"]) assert.match(faultsFor(capacity).join("\n"), /^h\.yaml:5: capacity: .*16M/);
});

file("50,000 unknown keys, or as many of any other fault, are a few lines", () => {
  const many = (line: (n: number) => string): string => Array.from({ length: 30_000 }, (_, n) => line(n)).join("");
  const texts = [
    many((n) => `key${n}: 1\n`),
    many(() => "key: 1\n"),
    many(() => "a: b: c\n"),
    many(() => '"a" '),
    `partitions: [${many((n) => `{name: p${n}, memory: ${"9".repeat(4)}Q},`).slice(0, 480_000)}]`,
    `partitions:\n  - name: a\n    guest: linux\n    devices: {${many((n) => `d${n}: none, `)}}`,
    `${"k".repeat(400_000)}: 1`,
    `handset: ${"9".repeat(400_000)}`,
    "[".repeat(100_000),
    "- ".repeat(200_000),
  ];
  for (const text of texts) {
    const faults = faultsOf(text);
    assert.ok(faults.length > 0 && faults.length <= 51, `${faults.length} faults of ${text.slice(0, 30)}`);
    assert.ok(faults.every((fault) => fault.length <= 501));
  }
});

file("a key that stands twice is named, wherever it is", () => {
  const text = "partitions:\n  - name: a\n    guest: linux\n    memory: 64M\n    memory: 32M\n";
  assert.equal(faultsOf(text), ['h.yaml:5: the key "memory" stands twice (leave one out)']);
});

file("what is no regular file is refused, without waiting for it", () => {
  const fifo = `${temporaryFile("")}.fifo`;
  assert.is(spawnSync("mkfifo", [fifo]).status, 0);
  for (const [path, why] of [
    [fifo, "it is no regular file"],
    ["/dev/zero", "it is no regular file"],
    ["/", "it is a folder"],
    ["/nowhere/h.yaml", "there is no such file"],
    [temporaryFile("#".repeat((512 << 10) + 1)), "it has 524289 bytes, and may have 524288"],
  ] as const) {
    assert.throws(
      () => readHandsetFile(path),
      (error: Error) => error.message === `${path} cannot be read: ${why}`,
    );
  }
});

file.run();
