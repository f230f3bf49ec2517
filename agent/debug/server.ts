// The debugger's door: a TCP port on loopback or a Unix socket, one client at a time. Whoever may open it owns the guest, and nothing else.

import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { UsageError } from "../failure.ts";
import { DebugClient } from "./client.ts";
import type { DebugTarget } from "./target.ts";

export class DebugServer {
  private readonly server: Server;
  private readonly target: DebugTarget;
  /** What people should know. */
  private readonly notice: (line: string) => void;
  private client: DebugClient | null = null;
  /** Somebody was turned away since this client came: said once. */
  private turnedAway = false;

  private constructor(server: Server, target: DebugTarget, notice: (line: string) => void) {
    this.server = server;
    this.target = target;
    this.notice = notice;
    server.on("connection", (socket) => this.accept(socket));
  }

  /** Listens on a port of 127.0.0.1, where 0 lets the system choose, or on a Unix socket. Throws UsageError when it cannot. */
  static async listen(
    at: { port: number } | { path: string },
    target: DebugTarget,
    notice: (line: string) => void,
  ): Promise<DebugServer> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        const [what, hint] = "port" in at ? [`port ${at.port}`, "Try --gdb 0."] : [`socket ${at.path}`, ""];
        reject(new UsageError("DEBUG_PORT", `${what} cannot be listened on (${error.code})`, hint));
      });
      if ("port" in at) server.listen(at.port, "127.0.0.1", resolve);
      else server.listen(at.path, resolve);
    });
    return new DebugServer(server, target, notice);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The guest has ended, with this status. Tells the client, and closes. */
  async close(status: number): Promise<void> {
    this.client?.end(status);
    this.client = null;
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    if (this.client !== null) {
      if (!this.turnedAway) this.notice("a second debugger was turned away");
      this.turnedAway = true;
      socket.destroy();
      return;
    }
    this.notice("a debugger has come");
    this.turnedAway = false;
    const client = new DebugClient(socket, this.target, (how) => {
      if (this.client !== client) return;
      this.client = null;
      this.notice(how);
    });
    this.client = client;
  }
}
