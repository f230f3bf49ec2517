// "A policy key is one entry": a copy of the sources gets one more key by one entry, and everything that knows keys knows it.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rootFolder } from "../../../../agent/paths.js";

const keys = suite("a policy key is one entry");

const ENTRY = `
  sensorBytes: key(8, u53, {
    word: "sensor",
    unit: "bytes",
    lead: "at most",
    tail: " of sensor data",
    example: "3M",
    note: "for the test",
    limit: "sensorBytesMax",
    lacks: (bytes) => bytes > 1000,
    warns: (bytes) => (bytes === 0 ? "no sensor data at all" : undefined),
  }),
`;

const IMPORTS = [
  ["complianceOf", "agent/policy/compliance.ts"],
  ["factsOf, sentence", "agent/policy/facts.ts"],
  ["limitsOf, numbersOf", "agent/policy/limits.ts"],
  ["printTable", "agent/wire/table.ts"],
  ["decodeDocument", "agent/wire/open.ts"],
  ["encodeDocument", "agent/wire/sign.ts"],
  ["lintPolicy", "fleet/policy/lint.ts"],
  ["parsePolicyFile", "fleet/policy/reader.ts"],
  ["policySchema", "fleet/policy/schema.ts"],
  ["policyTemplate", "fleet/policy/template.ts"],
  ["changesOf", "fleet/policy/words.ts"],
] as const;

/** What is run in the copy; it prints one line of JSON. */
const PROBE = `
${IMPORTS.map(([names, path]) => `import { ${names} } from "./${path}";`).join("\n")}
const claims = { issuer: "t", audience: "all", issued: 1, expires: 2, id: new Uint8Array(16), epoch: 1, version: 1 };
const read = (value) => parsePolicyFile("partition: work\\nbudget: { sensor: " + value + " }\\n", "p");
const body = read("2M");
const document = decodeDocument("pol", encodeDocument("pol", { ...body, ...claims }));
const limits = limitsOf(document);
const outcome = { limits, memoryBytes: 0, image: "", refusal: null, running: false, code: null, now: 0 };
console.log(JSON.stringify({
  read: body.budget.sensorBytes,
  wire: document.budget.sensorBytes,
  cddl: printTable().split("\\n").find((line) => line.startsWith("budget =")),
  words: factsOf(document).map(sentence),
  changes: changesOf(body, read("3M")),
  template: policyTemplate().split("\\n").find((line) => line.includes("sensor")),
  lint: lintPolicy(read("0")),
  unsupported: lintPolicy(body),
  schema: policySchema().properties.budget.properties.sensor.description,
  limits: numbersOf(limits).sensorBytesMax,
  report: complianceOf(document, outcome).get(31),
  why: factsOf(document).filter(({ limit }) => limit).map(sentence),
}));
`;

keys("reader, words, template, lint, JSON Schema, limits, report, why and wire.cddl follow from it", () => {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-key-"));
  try {
    for (const part of ["agent", "fleet", "kernel/abi", "package.json", "tsconfig.json"])
      cpSync(join(rootFolder, part), join(folder, part), { recursive: true });
    symlinkSync(join(rootFolder, "node_modules"), join(folder, "node_modules"));
    const path = join(folder, "agent/wire/policy-budgets.ts");
    const text = readFileSync(path, "utf8");
    const before = "};\nexport const budget = rule(";
    assert.ok(text.includes(before));
    writeFileSync(path, text.replace(before, `${ENTRY.trimEnd()}\n${before}`));
    writeFileSync(join(folder, "probe.ts"), PROBE);
    const told = execFileSync(process.execPath, ["--import", "tsx", "probe.ts"], { cwd: folder, encoding: "utf8" });
    const seen = JSON.parse(told) as Record<string, unknown>;
    assert.is(seen["read"], 2 << 20);
    assert.is(seen["wire"], 2 << 20);
    assert.match(String(seen["cddl"]), /\? 8 => u53/);
    assert.equal(seen["words"], ["at most 2 MiB of sensor data"]);
    assert.equal(seen["changes"], ["work: at most 3 MiB of sensor data instead of 2 MiB"]);
    assert.is(seen["template"], "  # sensor: 3M # for the test");
    assert.equal(seen["lint"], ["budget.sensor: no sensor data at all"]);
    assert.match(String(seen["unsupported"]), /not-supported/);
    assert.is(seen["schema"], "at most … of sensor data; for the test");
    assert.is(seen["limits"], 2 << 20);
    assert.equal(seen["report"], { state: "not-supported", code: 8 });
    assert.equal(seen["why"], ["at most 2 MiB of sensor data"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

keys.run();
