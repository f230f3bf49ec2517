// A policy that locks a console, end to end: real workers, the control socket and the command line, an agent that the test plays.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ControlSocket } from "../../agent/host/monitor/control-socket.js";
import { controlSocketPath } from "../../agent/control-path.js";
import type { Policy } from "../../agent/wire/policy.js";
import { HANDSET_EVENTS } from "../../agent/wire/reasons.js";
import { enrolledState, withManagedHandset, type ManagedHandset } from "../support/managed-handset.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { signedDocument, viaOf } from "../support/signed.js";
import { temporaryFolder } from "../support/temporary.js";
import { complianceKeys } from "../support/compliance-keys.js";

const test = suite("guest/unlock");
// The control socket of this test, and no other's.
process.env["XDG_RUNTIME_DIR"] = temporaryFolder();
const now = (): number => Math.floor(Date.now() / 1000);

async function pushes(handset: ManagedHandset, version: number, unlock: Policy["unlock"]): Promise<string> {
  const times = { issued: now() - 10, expires: now() + 3600 };
  const bytes = await signedDocument("pol", { version, ...times, ...(unlock === undefined ? {} : { unlock }) });
  handset.say({ kind: "document", via: viaOf("pol"), bytes });
  const { reported } = await handset.hears("reported", (message) => message.reported.policy.version === version);
  return complianceKeys(reported)[37]!;
}

/** Runs the command line with these lines on its standard input; the status and what it said. */
async function types(args: string[], lines: string[]): Promise<{ status: number | null; said: string }> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { status, stdout, stderr } = await pocketvisor([...args, "--handset", "small"], { input });
  return { status, said: stdout + stderr };
}

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing failed",
    (error: { code: string }) => error.code,
  );

test("a policy locks the console at once; a code opens it; a partition that is guessed at is wiped, key first", async () => {
  const state = enrolledState();
  await withManagedHandset(state, async (handset) => {
    const { monitor } = handset;
    const control = await ControlSocket.listen(controlSocketPath("small"), monitor);
    try {
      await handset.hears("hello");
      const ended: string[] = [];
      monitor.attach(
        "work",
        () => undefined,
        (why) => void ended.push(why),
      );
      assert.is(await pushes(handset, 7, { quality: "pin", lengthLeast: 6, triesMost: 2 }), "pending");
      assert.equal(ended, ["its policy locks it"]);
      assert.is(await failure(monitor.command("log", ["work"], {})), "CODE_UNSET");
      assert.throws(() => monitor.attach("work", () => undefined), "none is set");
      monitor.attach("personal", () => undefined).detach();
      assert.match((await types(["why", "work"], [])).said, /wants an unlock code, and none is set/);

      assert.match((await types(["code", "work"], ["123456"])).said, /CODE_FAULT/);
      const set = await types(["code", "work"], ["739146"]);
      assert.is(set.status, 0, set.said);
      const { reported } = await handset.hears("reported");
      assert.is(complianceKeys(reported)[37], "compliant");
      const { input } = monitor.attach(
        "work",
        () => undefined,
        (why) => void ended.push(why),
      );
      input(Buffer.from("x"));
      assert.is(typeof (await monitor.command("log", ["work"], {})), "string");
      assert.is((await types(["lock", "work"], [])).status, 0);
      assert.is(ended.length, 2);
      assert.is(await failure(monitor.command("log", ["work"], {})), "CODE_LOCKED");
      assert.is((await monitor.snapshot()).partitions[0]!.state, "running", "behind its lock it runs on");

      assert.match((await types(["unlock", "work"], ["000111"])).said, /CODE_WRONG.*\n.*1 tries are left/);
      assert.is((await types(["unlock", "work"], ["739146"])).status, 0, "a right one in between");
      assert.match((await types(["code", "work"], ["000111", "820517"])).said, /CODE_WRONG/);
      const told = await handset.hears("event", ({ event }) => event.code === HANDSET_EVENTS["unlock-failed"]);
      assert.equal([...told.event.args!], [[2, 1]]);
      assert.match((await types(["unlock", "work"], ["000111"])).said, /CODE_WIPED/);
      await handset.hears("event", ({ event }) => event.code === HANDSET_EVENTS.wiped);
      const { partitions, management } = await monitor.snapshot();
      assert.is(partitions[0]!.state, "locked");
      assert.is(management!.policies[0]!.lockedFor, "wiped");
      assert.is(existsSync(join(state, "pocketvisor/small/monitor/codes/work")), false);
    } finally {
      await control.close();
    }
  });
  // Over a restart, too: the policy locks before anything starts, and what was wiped stays so.
  await withManagedHandset(state, async ({ monitor }) => {
    const { partitions, management } = await monitor.snapshot();
    assert.is(partitions[0]!.state, "locked");
    assert.is(management!.policies[0]!.console, "unset");
  });
});

test("secrets are no arguments, and no script of a shell may try codes", async () => {
  await withManagedHandset(enrolledState(), async ({ monitor }) => {
    const control = await ControlSocket.listen(controlSocketPath("small"), monitor);
    try {
      assert.match((await types(["unlock", "work", "--code", "739146"], [])).said, /USAGE/);
      const shell = monitor.shell();
      const evaluated = shell.evaluate(`typeof unlock + typeof code + typeof lock`);
      assert.equal(await evaluated, { json: '"undefinedundefinedfunction"' });
      await shell.close();
    } finally {
      await control.close();
    }
  });
});

test.run();
