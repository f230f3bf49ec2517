// Policy files: every key of every section reaches the signed document; every fault is told with its place.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../../../agent/failure.js";
import { rootFolder } from "../../../../agent/paths.js";
import { factsOf } from "../../../../agent/policy/facts.js";
import { SECTIONS, type PolicyBody, type SectionName } from "../../../../agent/wire/policy.js";
import { decodeDocument } from "../../../../agent/wire/open.js";
import { encodeDocument } from "../../../../agent/wire/sign.js";
import { lintPolicy } from "../../../../fleet/policy/lint.js";
import { parsePolicyFile, readPolicyFile } from "../../../../fleet/policy/reader.js";
import { policyTemplate } from "../../../../fleet/policy/template.js";
import { changesOf } from "../../../../fleet/policy/words.js";
import { claimsOf } from "../../../support/signed.js";

const reader = suite("policy files");

const HASH = "ab".repeat(32);
/** Every key there is, each with another value that it could have. */
const FULL: [line: string, other?: string][] = [
  ["partition: work"],
  ["budget:"],
  ["  memory: 96M", "  memory: 95M"],
  ["  cpu: 20%", "  cpu: 20.1%"],
  ["  weight: 100", "  weight: 101"],
  ["  energy: 100mW", "  energy: 361J/h"],
  ["  disk: 1G", "  disk: 2G"],
  ["  network: 50M", "  network: 51M"],
  ["  translate: 4M", "  translate: off"],
  ["images:"],
  [`  allowed: [${HASH}]`, `  allowed: [${HASH}, ${"cd".repeat(32)}]`],
  ["  release-least: 3", "  release-least: 4"],
  ["  development: false", "  development: true"],
  ["apps:"],
  [
    `  - { app: org.example.mail, state: required, hash: ${HASH}, version-least: 3 }`,
    `  - { app: org.example.mail, state: required, hash: ${HASH}, version-least: 4 }`,
  ],
  ["  - { app: org.example.chat, state: blocked }", "  - { app: org.example.chat, state: available }"],
  ["device-access:"],
  ["  console: allow", "  console: ask"],
  ["  camera: deny", "  microphone: deny"],
  ["network:"],
  ["  wifi: allow", "  wifi: ask"],
  ["  cellular: allow", "  cellular: ask"],
  ["  roaming: deny", "  roaming: ask"],
  ["  tethering: deny", "  tethering: allow"],
  ["  vpn-required: true", "  vpn-required: false"],
  ["  dns: [10.0.0.53]", "  dns: [10.0.0.54]"],
  ["  rules:"],
  [
    "    - { allow: 10.0.0.0/8, ports: 443, protocol: tcp }",
    "    - { allow: 10.0.0.0/8, ports: 443-444, protocol: tcp }",
  ],
  ["    - { deny: 0.0.0.0/0 }", "    - { allow: 0.0.0.0/0 }"],
  ["sharing:"],
  ["  clipboard-out: deny", "  clipboard-out: ask"],
  ["  clipboard-in: ask", "  clipboard-in: deny"],
  ["  files: deny", "  files: allow"],
  ["  contacts: ask", "  contacts: allow"],
  ["  channels:"],
  ["    - { from: work, to: personal, rate: 1KB/s }", "    - { from: work, to: personal, rate: 2KB/s }"],
  ["unlock:"],
  ["  quality: pin", "  quality: password"],
  ["  length: 6", "  length: 7"],
  ["  idle-lock: 5min", "  idle-lock: 6min"],
  ["  tries: 10", "  tries: 0"],
  ["  age: 365d", "  age: 364d"],
  ["  history: 5", "  history: 6"],
  ["location:"],
  ["  when: lost-mode-only", "  when: always"],
  ["  interval: 15min", "  interval: 16min"],
  ["  show-user: true", "  show-user: false"],
  ["power:"],
  ["  low: 15%", "  low: 16%"],
  ["  critical: 5%", "  critical: 6%"],
  ["  action: throttle", "  action: pause"],
  ["telemetry:"],
  ["  sample: 60s", "  sample: 61s"],
  ["  send: 15min", "  send: 16min"],
  ["  metrics: [1, 2]", "  metrics: [1, 3]"],
  ["  bytes-per-day: 1M", "  bytes-per-day: 2M"],
  ["offline:"],
  ["  warn: 1d", "  warn: 2d"],
  ["  lock: 7d", "  lock: 8d"],
  ["  wipe: never", "  wipe: 30d"],
  ["updates:"],
  ["  wifi-only: true", "  wifi-only: false"],
  ["  window: 22:00-05:30", "  window: 22:00-05:31"],
  ["  battery-least: 30%", "  battery-least: 31%"],
  ["  may-defer: true", "  may-defer: false"],
  ["enforcement:"],
  ["  - { section: images, block: 1h, wipe: never }", "  - { section: images, block: 2h, wipe: never }"],
  ["texts:"],
  ["  en: Managed.", "  en: Managed!"],
  ["debug: false", "debug: true"],
];
const textOf = (lines: string[]): string => `${lines.join("\n")}\n`;
const full = (): string => textOf(FULL.map(([line]) => line));

const encoded = (body: PolicyBody): Uint8Array =>
  encodeDocument("pol", { ...body, ...claimsOf({ id: new Uint8Array(16) }) });

reader("a file with every key makes a document with every section, that a device reads as it was written", () => {
  const body = parsePolicyFile(full(), "full.yaml");
  for (const section of Object.keys(SECTIONS)) assert.ok(section in body, section);
  const { partition, ...sections } = decodeDocument("pol", encoded(body));
  assert.is(partition, "work");
  for (const section of Object.keys(SECTIONS) as SectionName[]) {
    assert.equal(sections[section], body[section], section);
  }
  assert.is(body.budget!.energyMillijoulesPerHour, 360_000, "100 mW is 360 J an hour");
  assert.is(body.budget!.cpuPermille, 200);
  assert.equal(body.updates!.window, { from: 22 * 60, to: 5 * 60 + 30 });
});

reader("each value that changes changes the document, and is told; nothing else is", () => {
  const before = parsePolicyFile(full(), "before.yaml");
  assert.equal(changesOf(before, parsePolicyFile(full(), "same.yaml")), []);
  FULL.forEach(([line, other], at) => {
    if (other === undefined) return;
    const lines = FULL.map(([each]) => each);
    lines[at] = other;
    const after = parsePolicyFile(textOf(lines), "after.yaml");
    assert.not.equal(encoded(after), encoded(before), line);
    const changes = changesOf(before, after);
    assert.ok(changes.length >= 1 && changes.length <= 2, `${line}: ${changes.join("; ")}`);
    for (const change of changes) assert.match(change, /^work: /);
  });
});

reader("what will change is told in plain words", () => {
  const policy = (cpu: string): PolicyBody => parsePolicyFile(`partition: work\nbudget: { cpu: ${cpu} }\n`, "p.yaml");
  assert.equal(changesOf(policy("60%"), policy("20%")), ["work: at most 20 % of a processor instead of 60 %"]);
  assert.equal(changesOf(null, policy("20%")), ["work: at most 20 % of a processor (nothing was said before)"]);
  const none = parsePolicyFile("partition: work\n", "p.yaml");
  assert.equal(changesOf(policy("20%"), none), ["work: no longer: at most 20 % of a processor"]);
});

reader("the template, with its comments and without, and the examples have no fault", () => {
  const template = policyTemplate();
  parsePolicyFile(template, "template");
  const open = template
    .split("\n")
    .map((line) => line.replace("[SHA-256 of a kernel image, as hexadecimal]", `[${HASH}]`))
    .map((line, at) => (at < 4 ? line : line.replace(/^(\s*)# (?=\s*[a-z-]+:|\s+- )/, "$1")));
  const body = parsePolicyFile(open.join("\n"), "open");
  for (const section of Object.keys(SECTIONS)) assert.ok(section in body, `the template shows ${section}`);
  const folder = join(rootFolder, "boards", "policies");
  const names = readdirSync(folder);
  assert.ok(names.length > 0);
  for (const name of names) assert.equal(lintPolicy(readPolicyFile(join(folder, name))), [], name);
});

const FAULTS: [what: string, text: string, fault: RegExp][] = [
  [
    "an unknown section",
    "partition: work\nbudgets: {}\n",
    /^p:2:1: unknown key "budgets" \(keys here: partition, budget/,
  ],
  ["an unknown key", "partition: work\nbudget:\n  ram: 1M\n", /^p:3:3: unknown key "ram"/],
  ["no partition", "budget: { cpu: 20% }\n", /^p:1:1: a policy governs one partition/],
  ["a name with a slash", "partition: a/b\n", /^p:1:12: partition: a name has 1 to 32/],
  ["a share without a unit", "partition: work\nbudget: { cpu: 20 }\n", /^p:2:16: cpu: expected 0% to 100%/],
  ["more than all", "partition: work\nbudget: { cpu: 101% }\n", /^p:2:16: cpu/],
  [
    "a power without a unit",
    "partition: work\nbudget: { energy: 100 }\n",
    /^p:2:19: energy: expected a power such as 100mW/,
  ],
  ["a duration in weeks", "partition: work\noffline: { lock: 1w }\n", /^p:2:18: lock: expected a duration/],
  ["never where it is not known", "partition: work\noffline: { lock: never }\n", /^p:2:18: lock/],
  ["a hash that is short", "partition: work\nimages: { allowed: [ab] }\n", /^p:2:21: allowed: expected SHA-256/],
  [
    "images both ways",
    `partition: work\nimages: { allowed: [${HASH}], channel: a }\n`,
    /^p:2:9: images are allowed by/,
  ],
  ["no image at all", "partition: work\nimages: { allowed: [] }\n", /^p:2:9: allowed names no image/],
  [
    "a word that is none",
    "partition: work\ndevice-access: { camera: never }\n",
    /^p:2:26: camera: expected one of deny, ask/,
  ],
  ["a device that is none", "partition: work\ndevice-access: { torch: deny }\n", /^p:2:18: unknown key "torch"/],
  [
    "a rule with both",
    "partition: work\nnetwork: { rules: [{ allow: a, deny: b }] }\n",
    /^p:2:20: a rule either allows/,
  ],
  ["ports backwards", "partition: work\nnetwork: { rules: [{ allow: a, ports: 9-8 }] }\n", /^p:2:39: ports/],
  ["an app without a state", "partition: work\napps: [{ app: a }]\n", /^p:2:8: an app needs state/],
  ["an app that is a word", "partition: work\napps: [mail]\n", /^p:2:8: an entry of apps must be a mapping/],
  ["a list that is none", "partition: work\napps: mail\n", /^p:2:7: apps must be a list/],
  ["a section that is a word", "partition: work\nbudget: small\n", /^p:2:9: budget must be a mapping/],
  ["an hour that is none", "partition: work\nupdates: { window: 24:00-05:00 }\n", /^p:2:20: window/],
  ["a language that is none", "partition: work\ntexts: { 1: a }\n", /^p:2:10: texts are listed by language/],
  ["an alias", "partition: &a work\n", /^p: anchors and aliases are not allowed/],
  ["a key twice", "partition: work\npartition: work\n", /^p:2:1: the key "[a-z]+" stands twice/],
  ["no YAML", "partition: [\n", /^p:/],
  ["nothing", "", /^p:1:1: the file must be a mapping/],
  ["a control character", 'partition: work\n"\\e[31m": 1\n', /^p:2:1: unknown key "\\u001b\[31m"/],
];
for (const [what, text, fault] of FAULTS) {
  reader(`${what} is told with its place`, () => {
    try {
      parsePolicyFile(text, "p");
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      assert.is(error.code, "POLICY_FAULTY");
      assert.match(error.message, fault);
      return;
    }
    throw new Error("no fault was found");
  });
}

reader("all faults are told at once", () => {
  try {
    parsePolicyFile("partition: work\nbudget: { cpu: x, memory: y, weight: 0 }\noffline: { lock: z }\n", "p");
  } catch (error) {
    assert.is((error as UsageError).message.split("\n").length, 4);
    return;
  }
  throw new Error("no fault was found");
});

const CRUEL: [text: string, warning: RegExp][] = [
  ["budget: { cpu: 0% }", /must not run at all/],
  ["budget: { memory: 8M }", /less than a guest runs in/],
  ["budget: { energy: 0mW }", /never runs/],
  ["unlock: { tries: 1 }", /child/],
  ["offline: { wipe: 7d }", /drawer/],
  ["offline: { lock: 1h }", /no network/],
  ["offline: { warn: 7d, lock: 7d }", /locks before it warns/],
  ["power: { low: 5%, critical: 15% }", /low never counts/],
  ["enforcement: [{ section: budget, wipe: 1h }]", /wipes all data/],
  ["enforcement: [{ section: images, block: 1h }]", /not in this policy/],
  ["sharing: { channels: [{ from: a, to: b, rate: 1B/s }] }", /has no say/],
  ["network: { wifi: deny }", /not-supported/],
  ["debug: true", /read and change everything in work/],
];
for (const [text, warning] of CRUEL) {
  reader(`${text}: a warning`, () => {
    const warnings = lintPolicy(parsePolicyFile(`partition: work\n${text}\n`, "p"));
    assert.ok(
      warnings.some((each) => warning.test(each)),
      warnings.join("; "),
    );
  });
}

reader("text of a file is escaped wherever it is told", () => {
  const body = parsePolicyFile('partition: work\ntexts: { en: "a\\e[2Jb\\u202e" }\n', "p");
  assert.not.match(
    factsOf(body)
      .map(({ value }) => value)
      .join(),
    /[\u001b\u202e]/,
  );
});

reader.run();
