// The ways into a partition that commands ask for. Each goes through the console's rules: policy, lock, exclusive use, audit.

import type { Buffer } from "node:buffer";
import { debugSocketPath } from "../../control-path.ts";
import type { RegisterDump } from "../../view.ts";
import type { ConsoleAccess, Door } from "../console/access.ts";
import type { ProfileResult } from "../machine/profile.ts";
import { openDebugging, type Debugging } from "./debugging.ts";
import type { Handset } from "./handset.ts";
import type { Member, Members } from "./members.ts";

/** A console that somebody has. */
export interface Attached {
  input: (bytes: Buffer) => void;
  detach: () => void;
}

export class WaysIn {
  private readonly of: {
    consoles: ConsoleAccess;
    handset: Handset;
    members: Members;
    /** Says something to whoever looks on. */
    notice: (text: string) => void;
  };
  private readonly name: string;

  /** `name` is the handset's. */
  constructor(of: WaysIn["of"], name: string) {
    this.of = of;
    this.name = name;
  }

  /** Throws UsageError while its console is locked, or where a policy denies it. */
  log(partition: number): string {
    this.of.consoles.enter("log", doorOf(this.of.members.get(partition)));
    return this.of.handset.consoleLog(partition).readFrom(0).bytes.toString("latin1");
  }

  async registers(partition: number): Promise<RegisterDump | null> {
    const door = doorOf(this.of.members.get(partition));
    const { partitions } = await this.of.handset.orders.snapshot();
    const crash = partitions.find((each) => each.partition === partition)?.crash ?? null;
    if (crash !== null) this.of.consoles.enter("registers", door);
    return crash;
  }

  profile(partition: number, seconds: number): Promise<ProfileResult> {
    return this.of.consoles.profile(doorOf(this.of.members.get(partition)), seconds * 1000);
  }

  attach(partition: string, output: (bytes: Buffer) => Promise<void> | void, ended: (why: string) => void): Attached {
    return this.of.consoles.attach(doorOf(this.of.members.named(partition)), output, ended);
  }

  async debug(partition: string, ended: (why: string) => void): Promise<Debugging> {
    const member = this.of.members.named(partition);
    return openDebugging(this.of.consoles, doorOf(member), debugSocketPath(this.name, partition), {
      kill: () => void this.of.handset.orders.act("stop", member.id).catch(() => undefined),
      notice: (line) => this.of.notice(`${partition}: ${line}`),
      ended,
    });
  }
}

/** The way in to a partition. */
function doorOf({ id, file }: Member): Door {
  return { id, name: file.name, use: file.devices.console };
}
