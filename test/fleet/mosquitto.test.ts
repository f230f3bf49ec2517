// The configuration for mosquitto that people copy, started as it is but for its paths and its port: mutual TLS, a handset with its real agent,
// the operator's verbs, a policy enforced; and what the list of rights keeps apart.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { listen, mosquittoPath } from "../support/broker.js";
import { withEnrolledHandset } from "../support/managed-handset.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const test = suite("fleet/mosquitto");
const noMosquitto = mosquittoPath() === null ? "mosquitto is not installed" : null;
const CONFIGURATION = new URL("../../fleet/brokers/mosquitto/", import.meta.url);

testUnless(
  test,
  noMosquitto,
  "mutual TLS: birth, policy, enforced, reported; nobody writes or reads another's",
  async () => {
    const folder = temporaryFolder();
    const environment = { XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder };
    const fleet = async (...words: string[]): Promise<string> => {
      const { status, stdout, stderr } = await pocketvisor(["fleet", ...words], { environment });
      assert.is(status, 0, stderr);
      return stdout;
    };
    await fleet("keys", "init");
    await fleet("certificate", "localhost", "--out", join(folder, "broker"));
    await fleet("certificate", "--client", "fleet", "--out", join(folder, "fleet"));
    const holder = createServer();
    const port = await listen(holder);
    await new Promise((resolve) => holder.close(resolve));
    const read = (name: string): string => readFileSync(new URL(name, CONFIGURATION), "utf8");
    writeFileSync(join(folder, "pocketvisor.acl"), read("pocketvisor.acl"), { mode: 0o600 });
    const text = read("mosquitto.conf")
      .replace("listener 8883", `listener ${port} 127.0.0.1`)
      .replaceAll("/etc/mosquitto/certs", folder)
      .replace("/etc/mosquitto/pocketvisor.acl", join(folder, "pocketvisor.acl"))
      .replace("/var/lib/mosquitto/", `${folder}/`);
    writeFileSync(join(folder, "mosquitto.conf"), process.getuid!() === 0 ? `user root\n${text}` : text);
    const child = spawn(mosquittoPath()!, ["-c", join(folder, "mosquitto.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(child, "exit");
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    try {
      while (!said.includes("running")) {
        if (child.exitCode !== null) throw new Error(said);
        await Promise.race([once(child.stderr, "data"), ended]);
      }
      const url = `mqtts://localhost:${port}`;
      const authority = join(folder, "broker-authority.pem");
      const link = ["--broker", url, "--authorities", authority];
      const operator = [...link, "--certificate", join(folder, "fleet.pem"), "--key", join(folder, "fleet.key")];
      await fleet("enrol", "--local", "small", ...link, "--consent", "none");
      await fleet("publish", ...operator);
      await withEnrolledHandset(folder, async ({ monitor }) => {
        const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
          for (const end = Date.now() + 60_000; !(await holds());) {
            if (Date.now() > end)
              throw new Error(`${what}: ${JSON.stringify((await monitor.snapshot()).management)} ${said}`);
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        };
        await until("the agent connects", async () => (await monitor.snapshot()).management!.link.up);
        const policy = join(folder, "policy.yaml");
        writeFileSync(policy, "partition: work\nbudget: { cpu: 20% }\n");
        await fleet("policy", "push", policy, "--to", "all", ...operator);
        await until(
          "the policy is enforced",
          async () => (await monitor.snapshot()).partitions[0]!.cpu.ceiling === 20_000,
        );
        await until("the policy is reported", async () => / 1\.1 +1\.1 /.test(await fleet("ls", ...operator)));

        // The device's own certificate, in other hands: it is still that device and nobody else.
        const { certificate } = JSON.parse(
          readFileSync(join(folder, "pocketvisor/small/agent/enrolment.json"), "utf8"),
        ) as { certificate: string };
        const key = readFileSync(join(folder, "pocketvisor/small/agent/device.key"));
        const device = (await monitor.snapshot()).management!.device;
        const thief = await connectAsync(url, {
          protocolVersion: 5,
          reconnectPeriod: 0,
          clientId: "another",
          cert: certificate,
          key,
          ca: readFileSync(authority),
        });
        const [granted] = await thief.subscribeAsync(`pv/1/demo/${"0".repeat(32)}/up/#`, { qos: 1 });
        assert.ok(granted === undefined || granted.qos >= 128 || granted.qos === 1);
        const refused = await thief.publishAsync(`pv/1/demo/${"0".repeat(32)}/up/ev`, "x", { qos: 1 }).then(
          () => false,
          () => true,
        );
        const down = await thief.publishAsync(`pv/1/demo/${device}/dn/cmd`, "x", { qos: 1 }).then(
          () => false,
          () => true,
        );
        assert.ok(refused, "another device's topics are not its");
        assert.ok(down, "nor is what only the fleet says");
        await thief.endAsync(true);
      });
      const nobody = await connectAsync(url, { reconnectPeriod: 0, ca: readFileSync(authority) }).then(
        () => false,
        () => true,
      );
      assert.ok(nobody, "without a certificate nobody is let in");
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  },
);

test.run();
