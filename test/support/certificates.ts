// Certificates for tests, made by openssl: an authority, and what it vouches for. Null when there is no openssl.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programPath } from "../../agent/paths.js";
import { temporaryFolder } from "./temporary.js";

export const noOpenssl = programPath("openssl") === null ? "openssl is not installed" : null;

export interface Certified {
  certificate: string;
  key: string;
}

export class Authority {
  private readonly folder = temporaryFolder();
  readonly certificate: string;

  constructor() {
    this.key("ca");
    const name = ["-subj", "/CN=test authority", "-days", "2"];
    this.openssl(["req", "-x509", "-new", "-key", "ca.key", "-out", "ca.pem", ...name]);
    this.certificate = this.text("ca.pem");
  }

  /** A certificate for `name`, with a key of its own or this one; `host` is whom it is for, as subjectAltName has it. */
  issue(name: string, options: { host?: string; keyPem?: string; days?: number } = {}): Certified {
    const { host, keyPem, days = 2 } = options;
    if (keyPem === undefined) this.key(name);
    else writeFileSync(join(this.folder, `${name}.key`), keyPem, { mode: 0o600 });
    this.openssl(["req", "-new", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-out", `${name}.csr`]);
    const extensions = host === undefined ? "extendedKeyUsage=clientAuth" : `subjectAltName=${host}`;
    writeFileSync(join(this.folder, `${name}.ext`), `${extensions}\n`);
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(days)];
    this.openssl(["x509", "-req", "-in", `${name}.csr`, ...signer, "-extfile", `${name}.ext`, "-out", `${name}.pem`]);
    return { certificate: this.text(`${name}.pem`), key: this.text(`${name}.key`) };
  }

  private key(name: string): void {
    this.openssl(["genpkey", "-algorithm", "ed25519", "-out", `${name}.key`]);
  }

  private text(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  private openssl(args: string[]): void {
    const { status, stderr } = spawnSync("openssl", args, { cwd: this.folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  }
}
