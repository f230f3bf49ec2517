// The dependency rules of ARCHITECTURE.md: which folder may import which, no circle of files or of folders, and the host's rooms closed
// to everything outside. Imports of types count.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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
const AGENT_SUPPORT = [
  "failure",
  "escape",
  "paths",
  "durable-file",
  "bounded-file",
  "bucket",
  "control-path",
  "file-lock",
].map((name) => `agent/${name}.ts`);
/** What is spoken of everywhere: what a partition may have, and what can be seen of it. */
const GROUND = ["agent/handset/contracts.ts", "agent/view.ts"];
const HOST = "agent/host/";

/** The host's rooms, from the ground up: which rooms each may import, and what else of the product. Every room may import
 *  AGENT_SUPPORT, GROUND and kernel/abi. */
const HOST_ROOMS: Record<string, { rooms: string[]; product: string[] }> = {
  loader: { rooms: [], product: ["kernel/machine/memory-map.ts"] },
  machine: { rooms: ["loader"], product: ["kernel/machine/memory-map.ts"] },
  between: { rooms: ["loader", "machine"], product: ["agent/battery/", "agent/debug/", "agent/shell/orders.ts"] },
  debug: { rooms: ["between", "machine"], product: ["agent/debug/"] },
  "block-log": { rooms: [], product: [] },
  disk: {
    rooms: ["between", "block-log", "machine"],
    product: ["agent/handset/", "agent/wire/", "kernel/machine/memory-map.ts"],
  },
  network: { rooms: ["between", "machine"], product: ["agent/handset/", "agent/network/"] },
  audit: { rooms: ["between"], product: ["agent/agent-messages.ts"] },
  console: { rooms: ["between", "debug", "machine"], product: ["agent/handset/", "agent/policy/"] },
  hypervisor: { rooms: ["between", "machine"], product: ["agent/shell/orders.ts"] },
  worker: {
    rooms: ["between", "debug", "disk", "hypervisor", "loader", "machine", "network"],
    product: ["agent/battery/", "agent/network/", "agent/shell/orders.ts"],
  },
  management: {
    rooms: ["audit", "console", "disk"],
    product: [
      "agent/agent-messages.ts",
      "agent/handset/",
      "agent/identity/",
      "agent/policy/",
      "agent/shell/",
      "agent/wire/",
    ],
  },
  monitor: {
    rooms: ["audit", "between", "block-log", "console", "debug", "disk", "loader", "machine", "management", "network"],
    product: [
      "agent/battery/",
      "agent/command.ts",
      "agent/debug/",
      "agent/handset/",
      "agent/network/",
      "agent/policy/",
      "agent/shell/",
      "agent/wire/",
    ],
  },
};

const RULES: Rule[] = [
  { folder: "kernel/abi/", may: [], reason: "abi is what everybody shares: it imports nothing" },
  { folder: "kernel/machine/devices/", may: DEVICE_SUPPORT, reason: "devices know nothing of the CPU" },
  {
    folder: "kernel/machine/arm/",
    may: [
      ...DEVICE_SUPPORT,
      ...["bus", "irq", "clock", "exit", "timer", "channel", "work", "pmu"].map(
        (name) => `kernel/machine/devices/${name}.ts`,
      ),
    ],
    reason: "the CPU knows the bus, time, work and interrupts, and no other device",
  },
  {
    folder: "kernel/machine/arm/float/",
    may: ["kernel/abi/"],
    reason: "floating point knows its own registers, and nothing else of the CPU",
  },
  {
    folder: "kernel/machine/arm/neon/",
    may: ["kernel/abi/", "kernel/machine/arm/float/"],
    reason: "Advanced SIMD knows its registers and their arithmetic, and nothing else of the CPU",
  },
  {
    folder: "kernel/machine/arm/decode/",
    may: [
      "kernel/abi/",
      "kernel/machine/devices/work.ts",
      ...["block-cache", "breakpoint", "cp15-state", "float/vfp-state", "neon/operands", "neon/structure", "state"].map(
        (name) => `kernel/machine/arm/${name}.ts`,
      ),
    ],
    reason: "decoding reads code and a few bits of the CPU's state: it executes nothing",
  },
  { folder: "kernel/machine/", may: ["kernel/abi/"], reason: "a machine knows no hypervisor" },
  { folder: "kernel/hypervisor/", may: ["kernel/abi/"], reason: "the hypervisor sees no opcode" },
  { folder: "agent/debug/", may: AGENT_SUPPORT, reason: "the debugger's protocol knows no machine" },
  {
    folder: "agent/wire/",
    may: ["agent/failure.ts"],
    reason: "what is signed means the same to everybody who reads it",
  },
  { folder: "agent/identity/", may: ["agent/failure.ts", "agent/wire/"], reason: "keys know what they sign, no more" },
  {
    folder: "agent/shell/",
    may: ["kernel/abi/", ...AGENT_SUPPORT, ...GROUND, "agent/command.ts", "agent/wire/", "agent/policy/"],
    reason: "the shell knows what may be asked of a handset, and nothing of how one runs",
  },
  {
    folder: "agent/handset/",
    may: [...AGENT_SUPPORT, "agent/battery/"],
    reason: "boards and handset files are read without a running handset",
  },
  {
    folder: "agent/battery/",
    may: AGENT_SUPPORT,
    reason: "a battery knows nothing of what draws from it",
  },
  {
    folder: "agent/policy/",
    may: [...AGENT_SUPPORT, "agent/wire/", "agent/handset/"],
    reason: "what a policy means does not depend on who enforces it",
  },
  {
    folder: "agent/network/",
    may: GROUND,
    reason: "the guests' network is its packets: whoever drives it hands in sockets, clocks, rings and purses",
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
    may: [...AGENT_SUPPORT, "agent/host/index.ts"],
    reason: "guests are fetched without a machine",
  },
  {
    folder: "agent/cli/",
    may: [
      ...AGENT_SUPPORT,
      "agent/command.ts",
      "agent/view.ts",
      "agent/debug/",
      "agent/enrolment/",
      "agent/wire/",
      "agent/guests/",
      "agent/handset/",
      "agent/host/index.ts",
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
      ...["arguments", "enrol", "exit-codes", "verb"].map((name) => `agent/cli/${name}.ts`),
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

const HOST_RULES: Rule[] = Object.entries(HOST_ROOMS).map(([room, { rooms, product }]) => ({
  folder: `${HOST}${room}/`,
  may: ["kernel/abi/", ...AGENT_SUPPORT, ...GROUND, ...rooms.map((name) => `${HOST}${name}/`), ...product],
  reason: `a room of the host knows ${rooms.length === 0 ? "no other" : `${rooms.join(", ")} and no other`}`,
}));

const dependencies = suite("dependencies");

for (const { folder, may, reason } of [...RULES, ...HOST_RULES]) {
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

/** Every way around: each is a list of nodes that leads back to its first. */
function circles(nodes: Iterable<string>, next: (node: string) => Iterable<string>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (node: string, trail: string[]): void => {
    if (state.get(node) === "open") found.push([...trail.slice(trail.indexOf(node)), node].join(" → "));
    if (state.has(node)) return;
    state.set(node, "open");
    for (const target of next(node)) visit(target, [...trail, node]);
    state.set(node, "done");
  };
  for (const node of nodes) visit(node, []);
  return found;
}

dependencies("no file imports itself by way of others, types counted", () => {
  const sources = ["kernel/abi", "agent", "fleet", "scripts", "test"].flatMap(sourcesBelow);
  assert.equal(
    circles(sources, (path) => (path.endsWith(".ts") ? importsOf(path) : [])),
    [],
  );
});

dependencies("kernel: no file imports itself by way of others, types apart", () => {
  const sources = sourcesBelow("kernel");
  assert.equal(
    circles(sources, (path) => importsOf(path, false)),
    [],
  );
});

/** The folder that a file lies in; a file of the ground floor, directly in agent, stands for itself. */
function roomOf(path: string): string {
  return dirname(path) === "agent" ? path : dirname(path);
}

dependencies("no folder of agent and fleet imports itself by way of others", () => {
  const arrows = new Map<string, Set<string>>();
  for (const path of ["agent", "fleet"].flatMap(sourcesBelow)) {
    const room = roomOf(path);
    if (!arrows.has(room)) arrows.set(room, new Set());
    for (const target of importsOf(path)) {
      const other = roomOf(target);
      if (/^(agent|fleet)\//.test(target) && other !== room) arrows.get(room)!.add(other);
    }
  }
  assert.equal(
    circles(arrows.keys(), (room) => arrows.get(room) ?? []),
    [],
  );
  const floors = new Map<string, number>();
  const floor = (room: string): number => {
    if (!floors.has(room)) floors.set(room, 1 + Math.max(0, ...[...(arrows.get(room) ?? [])].map(floor)));
    return floors.get(room)!;
  };
  for (const [name, below] of [
    ["agent and fleet", ""],
    ["agent/host", HOST],
  ] as const) {
    const rooms = [...arrows.keys()].filter((room) => room.startsWith(below));
    const inside = rooms.flatMap((room) => [...arrows.get(room)!].filter((other) => other.startsWith(below)));
    const count = new Set(rooms.map((room) => floor(room))).size;
    console.log(`${name}: ${rooms.length} rooms, ${inside.length} arrows, ${count} floors, no circle`);
  }
});

dependencies("agent/host: at most 14 rooms, each with rules, and no file beside them", () => {
  const files = sourcesBelow(HOST);
  const rooms = new Set(
    files
      .map((path) => path.slice(HOST.length))
      .filter((path) => path.includes("/"))
      .map((path) => path.split("/")[0]!),
  );
  assert.equal([...rooms].sort(), Object.keys(HOST_ROOMS).sort());
  assert.ok(rooms.size <= 14);
  assert.equal(
    files.filter((path) => dirname(path) === "agent/host"),
    ["agent/host/index.ts"],
  );
});

dependencies("no file outside the host, tests apart, imports a room's inside", () => {
  const outside = ["agent", "fleet", "scripts"].flatMap(sourcesBelow).filter((path) => !path.startsWith(HOST));
  const wrong = outside.flatMap((path) =>
    importsOf(path)
      .filter((target) => target.startsWith(HOST) && target !== `${HOST}index.ts`)
      .map((target) => `${path} imports ${target}`),
  );
  assert.equal(wrong, []);
});

dependencies("the rules have something to look at", () => {
  assert.ok(sourcesBelow(HOST).length > 10);
  assert.ok(importsOf("agent/host/worker/handset-worker.ts").includes("agent/host/worker/loop.ts"));
  assert.equal(
    circles(["a", "b"], (node) => (node === "a" ? ["b"] : ["a"])),
    ["a → b → a"],
  );
});

dependencies.run();
