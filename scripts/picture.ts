// npm run picture: docs/live-view.svg, the live view of a real run. Boots the demo handset, lets it work for a moment, and draws what `top` shows.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { frameOf } from "../agent/cli/frame.ts";
import type { HandsetView } from "../agent/view.ts";
import { root } from "./stale.mjs";

const SIZE = { columns: 104, rows: 12 };
/** Of one character. */
const [WIDTH, HEIGHT, MARGIN] = [8.4, 18, 14];
const READY_TRIES = 120;
/** What a guest does while it is looked at: its shell has something to count. */
const WORK = "i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done\n";
const COLOURS: Record<string, string> = {
  1: "font-weight:bold",
  2: "opacity:.6",
  7: "fill:#7fd1ff",
  31: "fill:#ff8080",
};
Object.assign(COLOURS, { 32: "fill:#8fe08f", 33: "fill:#ffd37f", 35: "fill:#d9a0ff" });

const command = join(root, "scripts/pocketvisor.mjs");
const folder = mkdtempSync(join(tmpdir(), "pocketvisor-picture-"));
const env = { ...process.env, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder, POCKETVISOR_HANDSET: "demo" };
const up = spawn(process.execPath, [command, "up", join(root, "boards/handsets/demo.yaml"), "--plain"], {
  env,
  stdio: "ignore",
});
try {
  for (let tries = 0; !(look()?.partitions.every(({ bootMs }) => bootMs !== null) ?? false); tries++) {
    if (tries === READY_TRIES) throw new Error("the handset did not come up");
    await sleep(1000);
  }
  const console = spawn(process.execPath, [command, "console", "work"], { env, stdio: ["pipe", "ignore", "ignore"] });
  console.stdin.write(WORK);
  await sleep(4000);
  const before = look();
  await sleep(1000);
  const view = look();
  console.kill();
  if (view === null) throw new Error("the handset has gone");
  const frame = { view, before, chosen: 1, note: "", help: false, quitText: "end the handset", colour: true };
  mkdirSync(join(root, "docs"), { recursive: true });
  writeFileSync(join(root, "docs/live-view.svg"), svgOf(frameOf({ ...frame, ...SIZE }, 0).lines));
} finally {
  up.kill("SIGTERM");
  await new Promise((resolve) => up.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}

function look(): HandsetView | null {
  const { stdout, status } = spawnSync(process.execPath, [command, "ls", "--json"], { env, encoding: "utf8" });
  return status === 0 ? (JSON.parse(stdout) as HandsetView) : null;
}

/** Lines with terminal colours as a picture. */
function svgOf(lines: string[]): string {
  const [width, height] = [SIZE.columns * WIDTH + 2 * MARGIN, lines.length * HEIGHT + 2 * MARGIN];
  const rows = lines.map((line, at) => {
    const y = MARGIN + HEIGHT * (at + 0.75);
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${line
      .split("\x1b[")
      .map((part, n) => (n === 0 ? escaped(part) : span(part)))
      .join("")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>pocketvisor top: two partitions under budgets</title>
<rect width="100%" height="100%" rx="8" fill="#16181d"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6e6e6">
${rows.join("\n")}
</g>
</svg>
`;
}

function span(part: string): string {
  const [, code = "0", text = ""] = /^(\d+)m([^]*)$/.exec(part) ?? [];
  const style = COLOURS[code];
  return style === undefined || text === "" ? escaped(text) : `<tspan style="${style}">${escaped(text)}</tspan>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
