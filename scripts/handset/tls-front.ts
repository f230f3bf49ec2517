// TLS before this computer's own broker, which listens without it and on loopback alone: an emulated handset is another computer, and an agent speaks to
// those over TLS only. The fleet's authority vouches for the certificate, as it would for a broker's.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { createServer, type Server } from "node:tls";
import { writeDurably } from "../../agent/durable-file.ts";
import { serverPem } from "../../fleet/certificates.ts";
import type { FleetStore } from "../../fleet/store.ts";

const CONNECTION_COUNT_MAX = 256;

export class TlsFront {
  readonly port: number;
  private readonly server: Server;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  /** Listens on loopback and passes everything to `target`. The port is kept in the file `kept`, because handsets remember it. */
  static async listen(
    store: FleetStore,
    host: string,
    target: { host: string; port: number },
    kept: string,
  ): Promise<TlsFront> {
    const { key, certificate } = await serverPem(store, host, Math.floor(Date.now() / 1000));
    const server = createServer({ key, cert: certificate, minVersion: "TLSv1.3" }, (socket) => {
      const behind = connect(target);
      socket.pipe(behind).pipe(socket);
      socket.on("error", () => behind.destroy()).on("close", () => behind.destroy());
      behind.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    });
    server.maxConnections = CONNECTION_COUNT_MAX;
    const before = existsSync(kept) ? Number(readFileSync(kept, "utf8")) : 0;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(before, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { port: number };
    mkdirSync(dirname(kept), { recursive: true, mode: 0o700 });
    writeDurably(kept, Buffer.from(String(port)));
    return new TlsFront(server, port);
  }

  close(): void {
    this.server.close();
  }
}
