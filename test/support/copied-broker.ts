// A broker that runs with the configuration people copy (fleet/brokers), as it is but for paths and ports, and a fleet around it: keys, the broker's
// certificate and the operator's, everything published once.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { enrolledDevices } from "../../fleet/devices.js";
import { FleetStore } from "../../fleet/store.js";
import { listen, mosquittoPath } from "./broker.js";
import { pocketvisor } from "./pocketvisor.js";
import { temporaryFolder } from "./temporary.js";

/** A broker's program with its configuration. */
export interface Program {
  command: string;
  args: string[];
  environment: Record<string, string>;
  /** What it says, on either output, when it can be talked to. */
  ready: RegExp;
}

/** How a broker is set up for these devices below `folder`, where broker.key, broker.pem, broker-authority.pem and fleet.* lie, to listen at `port`. */
export type Setup = (folder: string, port: number, devices: string[]) => Program | Promise<Program>;

/** The text of a configuration that people copy. */
export function configuration(name: string): string {
  return readFileSync(new URL(`../../fleet/brokers/${name}`, import.meta.url), "utf8");
}

export async function freePort(): Promise<number> {
  const holder = createServer();
  const port = await listen(holder);
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

export const mosquitto: Setup = (folder, port) => {
  writeFileSync(join(folder, "pocketvisor.acl"), configuration("mosquitto/pocketvisor.acl"), { mode: 0o600 });
  const text = configuration("mosquitto/mosquitto.conf")
    .replace("listener 8883", `listener ${port} 127.0.0.1`)
    .replaceAll("/etc/mosquitto/certs", folder)
    .replace("/etc/mosquitto/pocketvisor.acl", join(folder, "pocketvisor.acl"));
  // As people copy it: into the folder that Debian's own file includes.
  mkdirSync(join(folder, "conf.d"), { recursive: true });
  writeFileSync(join(folder, "conf.d/pocketvisor.conf"), text);
  const debian = ["persistence true", `persistence_location ${folder}/`, `include_dir ${join(folder, "conf.d")}`];
  const own = process.getuid!() === 0 ? ["user root", ...debian] : debian;
  writeFileSync(join(folder, "mosquitto.conf"), `${own.join("\n")}\n`);
  const args = ["-c", join(folder, "mosquitto.conf")];
  return { command: mosquittoPath()!, args, environment: {}, ready: /running/ };
};

export class CopiedBroker {
  readonly folder = temporaryFolder();
  readonly environment = { XDG_STATE_HOME: this.folder, XDG_RUNTIME_DIR: this.folder };
  readonly store = new FleetStore("demo", this.environment);
  url = "";
  /** What it said since it was started last. */
  said = "";
  private program: Program | null = null;
  private child: ChildProcess | null = null;

  /** Makes the fleet, enrols a handset of this name if there is one, starts the broker and sends it what devices should have. */
  static async start(setup: Setup, handset: string | null = null): Promise<CopiedBroker> {
    const broker = new CopiedBroker();
    try {
      await broker.fleet("keys", "init");
      await broker.fleet("certificate", "localhost", "--out", join(broker.folder, "broker"));
      for (const name of ["fleet", "watcher"]) {
        await broker.fleet("certificate", "--client", name, "--out", join(broker.folder, name));
      }
      const port = await freePort();
      broker.url = `mqtts://localhost:${port}`;
      if (handset !== null) await broker.fleet("enrol", "--local", handset, ...broker.link, "--consent", "none");
      const devices = enrolledDevices(broker.store).map(({ name }) => name);
      broker.program = await setup(broker.folder, port, devices);
      await broker.begin();
      await broker.fleet("publish", ...broker.operator);
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  /** How a device reaches it. */
  get link(): string[] {
    return ["--broker", this.url, "--authorities", join(this.folder, "broker-authority.pem")];
  }

  /** How the operator does. */
  get operator(): string[] {
    return [...this.link, "--certificate", join(this.folder, "fleet.pem"), "--key", join(this.folder, "fleet.key")];
  }

  /** Runs `pocketvisor fleet …` to its good end; returns what it printed. */
  async fleet(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await pocketvisor(["fleet", ...words], { environment: this.environment });
    if (status !== 0) throw new Error(`fleet ${words.join(" ")}: ${stderr} ${this.said}`);
    return stdout;
  }

  /** The process, for those who want to look at it. */
  get pid(): number {
    return this.child!.pid!;
  }

  async begin(): Promise<void> {
    const { command, args, environment, ready } = this.program!;
    this.said = "";
    const child = (this.child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      // A group of its own, so that a test that fails leaves nothing of it.
      detached: true,
    }));
    process.once("exit", () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`${command} ended: ${this.said}`)));
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          this.said += chunk;
          if (ready.test(this.said)) resolve();
        });
      }
    });
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
}
