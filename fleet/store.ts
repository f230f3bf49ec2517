// Where one tenant's fleet lies on the operator's computer: `$XDG_STATE_HOME/pocketvisor/fleet/<tenant>/`. Several processes use it at once (the
// broker's keeper, an enrolment, a push), and none takes a lock: each thing has a file of its own, which is written beside and renamed.

import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readDurable, writeDurably } from "../agent/durable-file.ts";
import { escapeText } from "../agent/escape.ts";
import { stateFolder } from "../agent/paths.ts";
import { FleetError } from "./failure.ts";

export const DEFAULT_TENANT = "demo";
const TENANT = /^[a-z0-9-]{1,32}$/;
const JSON_BYTES_MAX = 1 << 20;
const DOCUMENT_BYTES_MAX = 64 << 10;

export class FleetStore {
  readonly tenant: string;
  readonly folder: string;

  /** Throws FLEET_TENANT for a name that cannot stand in a topic. */
  constructor(tenant: string, environment: NodeJS.ProcessEnv = process.env) {
    if (!TENANT.test(tenant)) {
      const what = `"${escapeText(tenant, 64)}" is no tenant: 1 to 32 of a-z, 0-9 and -`;
      throw new FleetError("FLEET_TENANT", what, "Name one with --tenant NAME");
    }
    this.tenant = tenant;
    this.folder = join(stateFolder(environment), "fleet", tenant);
  }

  get isMade(): boolean {
    return existsSync(this.path("root.cbor"));
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Makes the folder below the tenant's, for this user alone. */
  makeFolder(...names: string[]): string {
    const folder = this.path(...names);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Names in a folder, sorted; none when it is not there. */
  list(...names: string[]): string[] {
    const folder = this.path(...names);
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  /** The bytes of a document, or null. Throws FLEET_DAMAGED for a file that is too large. */
  readBytes(...names: string[]): Uint8Array | null {
    try {
      return readDurable(this.path(...names), DOCUMENT_BYTES_MAX);
    } catch (error) {
      throw this.damaged((error as Error).message, names);
    }
  }

  writeBytes(bytes: Uint8Array, ...names: string[]): void {
    writeDurably(this.path(...names), bytes);
  }

  /** A JSON file, or null. `check` says what is wrong with it, or null. Throws FLEET_DAMAGED. */
  readJson<T>(check: (value: unknown) => value is T, ...names: string[]): T | null {
    let value: unknown;
    try {
      const bytes = readDurable(this.path(...names), JSON_BYTES_MAX);
      if (bytes === null) return null;
      value = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch (error) {
      throw this.damaged((error as Error).message, names);
    }
    if (!check(value)) throw this.damaged("it does not hold what it should", names);
    return value;
  }

  writeJson(value: unknown, ...names: string[]): void {
    writeDurably(this.path(...names), Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
  }

  /** Removes a file or a folder below the tenant's; what is not there is no error. */
  remove(name: string, ...names: string[]): void {
    rmSync(this.path(name, ...names), { recursive: true, force: true });
  }

  private damaged(why: string, names: string[]): FleetError {
    const hint = "Put it back from a copy of the folder, or move it away.";
    return new FleetError("FLEET_DAMAGED", `${this.path(...names)} cannot be used: ${why}`, hint);
  }
}
