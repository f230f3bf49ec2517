// The dependency rules of ARCHITECTURE.md: who may import whom, and no cycles.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importsOf, root, sourcesBelow } from "./sources.js";

/** Files below `folder` may import these (a folder ends with a slash), and files below `folder` itself. */
interface Rule {
  folder: string;
  may: string[];
  reason: string;
}

const DEVICE_SUPPORT = ["kernel/abi/", "kernel/machine/memory-map.ts", "kernel/machine/pages.ts"];
const AGENT_SUPPORT = ["agent/failure.ts", "agent/escape.ts", "agent/paths.ts", "agent/durable-file.ts"];

const RULES: Rule[] = [
  { folder: "kernel/abi/", may: [], reason: "abi is what everybody shares: it imports nothing" },
  { folder: "kernel/machine/devices/", may: DEVICE_SUPPORT, reason: "devices know nothing of the CPU" },
  {
    folder: "kernel/machine/arm/",
    may: [
      ...DEVICE_SUPPORT,
      ...["bus", "irq", "clock", "exit", "timer", "channel"].map((name) => `kernel/machine/devices/${name}.ts`),
    ],
    reason: "the CPU knows the bus, time and interrupts, and no other device",
  },
  { folder: "kernel/machine/", may: ["kernel/abi/"], reason: "a machine knows no hypervisor" },
  { folder: "kernel/hypervisor/", may: ["kernel/abi/"], reason: "the hypervisor sees no opcode" },
  {
    folder: "agent/host/",
    may: [
      "kernel/abi/",
      "kernel/machine/memory-map.ts",
      ...AGENT_SUPPORT,
      "agent/battery/",
      "agent/command.ts",
      "agent/debug/",
      "agent/handset/",
      "agent/wire/",
      "agent/policy/",
      "agent/agent-messages.ts",
      "agent/identity/",
      "agent/shell/session.ts",
      "agent/shell/rules.ts",
      "agent/shell/governance.ts",
    ],
    reason: "the host knows the machine's memory and addresses, and no part of the agent above it",
  },
  { folder: "agent/debug/", may: AGENT_SUPPORT, reason: "the debugger's protocol knows no machine" },
  {
    folder: "agent/wire/",
    may: ["agent/failure.ts"],
    reason: "what is signed means the same to everybody who reads it",
  },
  { folder: "agent/identity/", may: ["agent/failure.ts", "agent/wire/"], reason: "keys know what they sign, no more" },
  {
    folder: "agent/shell/",
    may: [
      "kernel/abi/",
      ...AGENT_SUPPORT,
      "agent/command.ts",
      "agent/wire/",
      "agent/policy/",
      "agent/host/between/messages.ts",
    ],
    reason: "the shell knows what may be asked of a handset, and nothing of how one runs",
  },
  {
    folder: "agent/handset/",
    may: [...AGENT_SUPPORT, "agent/battery/", "agent/host/between/messages.ts"],
    reason: "boards and handset files are read without a running handset",
  },
  {
    folder: "agent/battery/",
    may: AGENT_SUPPORT,
    reason: "a battery knows nothing of what draws from it",
  },
  {
    folder: "agent/policy/",
    may: [...AGENT_SUPPORT, "agent/wire/", "agent/host/between/messages.ts"],
    reason: "what a policy means does not depend on who enforces it",
  },
  { folder: "agent/link/", may: [...AGENT_SUPPORT, "agent/wire/"], reason: "the link knows no host and no shell" },
  {
    folder: "agent/telemetry/",
    may: [...AGENT_SUPPORT, "kernel/abi/", "agent/wire/", "agent/link/", "agent/identity/", "agent/agent-messages.ts"],
    reason: "what is told does not depend on who measured it",
  },
  {
    folder: "agent/daemon/",
    may: [
      ...AGENT_SUPPORT,
      "agent/wire/",
      "agent/link/",
      "agent/identity/",
      "agent/telemetry/",
      "agent/agent-messages.ts",
    ],
    reason: "the agent's process knows the monitor by its messages alone",
  },
  {
    folder: "agent/enrolment/",
    may: [...AGENT_SUPPORT, "agent/identity/", "agent/wire/", "agent/shell/governance.ts"],
    reason: "a handset joins a fleet before it runs",
  },
  {
    folder: "agent/guests/",
    may: [...AGENT_SUPPORT, "agent/host/loader/"],
    reason: "guests are fetched without a machine",
  },
  {
    folder: "agent/cli/",
    may: [
      ...AGENT_SUPPORT,
      "agent/command.ts",
      "agent/debug/",
      "agent/enrolment/",
      "agent/wire/",
      "agent/guests/",
      "agent/handset/",
      ...[
        "partition",
        "machine/memory",
        "messages",
        "monitor/monitor",
        "monitor/control-socket",
        "between/reason-text",
        "loader/plan",
      ].map((name) => `agent/host/${name}.ts`),
    ],
    reason: "the command line uses the others' public entries",
  },
  {
    folder: "fleet/",
    may: [
      "kernel/abi/",
      ...AGENT_SUPPORT,
      "agent/wire/",
      "agent/identity/",
      "agent/enrolment/",
      "agent/policy/",
      "agent/handset/",
      // fleet/sim runs the agent as it is, and plays the monitor.
      ...["daemon/agent", "daemon/enrolment", "daemon/metrics", "link/clock", "link/endpoint", "agent-messages"].map(
        (name) => `agent/${name}.ts`,
      ),
      ...["arguments", "enrol", "exit-codes"].map((name) => `agent/cli/${name}.ts`),
    ],
    reason: "the operator's side knows what is said over the wire, and nothing of how a handset runs",
  },
  {
    folder: "agent/",
    may: ["kernel/abi/", "kernel/machine/memory-map.ts"],
    reason: "the product needs no script and no test",
  },
  {
    folder: "scripts/",
    may: [
      "kernel/abi/",
      "kernel/machine/",
      "agent/",
      "fleet/",
      "boards/",
      "test/isa/",
      "test/guest/architecture/",
      "test/support/",
    ],
    reason: "scripts need no tests but the oracles",
  },
];

const dependencies = suite("dependencies");

for (const { folder, may, reason } of RULES) {
  dependencies(`${folder}: ${reason}`, () => {
    const wrong = sourcesBelow(folder).flatMap((path) =>
      importsOf(path)
        .filter(
          (target) =>
            ![folder, ...may].some(
              (allowed) => target === allowed || (allowed.endsWith("/") && target.startsWith(allowed)),
            ),
        )
        .map((target) => `${path} imports ${target}`),
    );
    assert.equal(wrong, []);
  });
}

dependencies("agent/wire/ runs in Node, in QuickJS and in a browser: it imports nothing of theirs", () => {
  const packages = sourcesBelow("agent/wire/").flatMap((path) =>
    [...readFileSync(join(root, path), "utf8").matchAll(/\sfrom "(?<name>[^."][^"]*)"/g)].map(
      (match) => `${path} imports ${match.groups!["name"]!}`,
    ),
  );
  assert.equal(packages, ["agent/wire/telemetry.ts imports cbor-x/index-no-eval"]);
});

dependencies("boards/ is data", () => {
  assert.equal(
    sourcesBelow("boards/").filter((path) => !path.endsWith(".d.ts")),
    [],
  );
});

dependencies("no file imports itself by way of others", () => {
  const sources = ["kernel", "agent", "fleet", "scripts", "test"].flatMap(sourcesBelow);
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === "open") cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (state.has(path)) return;
    state.set(path, "open");
    if (path.endsWith(".ts")) for (const target of importsOf(path, false)) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  sources.forEach((path) => visit(path, []));
  assert.equal(cycles, []);
});

dependencies("the rules have something to look at", () => {
  assert.ok(sourcesBelow("agent/host/").length > 10);
  assert.ok(importsOf("agent/host/kernel-worker.ts").includes("agent/host/machine/machine.ts"));
});

dependencies.run();
