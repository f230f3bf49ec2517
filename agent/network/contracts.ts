// What the stack needs of the world around it, and nothing else: sockets, clocks, and somewhere to put frames. Tests hand in their own, so that
// every layer runs without a network and without waiting.

/** Milliseconds. */
export interface Clock {
  /** Monotonic, from an arbitrary beginning. */
  now(): number;
  /** Since 1970. */
  wall(): number;
}

/** What happens to a TCP connection of the host's. Nothing is called after failed(). */
export interface TcpHandlers {
  connected(): void;
  /** Bytes came in; they are valid during the call. Returns how many may come next; 0: none before resume(). */
  data(bytes: Uint8Array): number;
  /** The peer sends no more. */
  ended(): void;
  /** The connection is gone, for an errno name such as ECONNREFUSED. */
  failed(code: string): void;
}

export interface TcpSocket {
  /** Hands bytes over; `done` is called when the operating system has taken them. The bytes must stay as they are until then. */
  write(bytes: Uint8Array, done: () => void): void;
  /** Sends no more; `done` when the peer will see that. */
  end(done: () => void): void;
  /** As many bytes may come as data() allowed last. */
  resume(): void;
  /** Ends it at once, with a reset where there is a connection. No handler is called any more. */
  reset(): void;
  /** Lets it end as it is: both sides are done. */
  close(): void;
}

export interface UdpHandlers {
  message(bytes: Uint8Array): void;
  /** The socket cannot be used: an errno name. ECONNREFUSED says that nobody listens there. */
  failed(code: string): void;
}

export interface UdpSocket {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** A listener of a forward. */
export interface Listener {
  close(): void;
}

export interface Sockets {
  tcp(address: string, port: number, handlers: TcpHandlers): TcpSocket;
  /** A connected socket: it hears its peer alone. */
  udp(address: string, port: number, handlers: UdpHandlers): UdpSocket;
  /** Accepts connections; `accept` returns the handlers of one, or null to refuse it. `failed` says why there is no listener. */
  listen(
    address: string,
    port: number,
    accept: (socket: TcpSocket) => TcpHandlers | null,
    failed: (code: string) => void,
  ): Listener;
  /** Addresses of the resolvers that the host uses now, each with its port. */
  resolvers(): { address: string; port: number }[];
  /** Every address that the host has now. */
  ownAddresses(): string[];
  /** Whether the host has a route for IPv6 beyond itself. */
  hasIpv6(): boolean;
}

/** What a frame leaves to be done, as in virtio_net_hdr (VIRTIO 1.2 §5.1.6). */
export interface Offload {
  /** The checksum at `checksumStart + checksumOffset` covers the pseudo-header alone. */
  needsChecksum: boolean;
  checksumStart: number;
  checksumOffset: number;
  /** Bytes of payload in a segment; 0: the frame is one. */
  segmentBytes: number;
  /** Bytes of headers before the payload. */
  headerBytes: number;
  ipv6: boolean;
}

/** What the guest's driver takes. */
export interface Offers {
  checksum: boolean;
  segments4: boolean;
  segments6: boolean;
}

/** Where frames for the guest go. */
export interface Port {
  readonly offers: Offers;
  /** False: there is no room now. Nothing is kept of the frame after the call. */
  send(frame: Uint8Array, offload: Offload | null): boolean;
}

/** Why frames and flows were refused or dropped, by a short word, counted. The words are few and fixed: a guest cannot make new ones. */
export class Counts {
  private readonly counts = new Map<string, number>();

  add(word: string): void {
    this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
  }

  get(word: string): number {
    return this.counts.get(word) ?? 0;
  }

  all(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }
}

/** A bound on what a partition's flows may hold. */
export class BufferBudget {
  readonly limit: number;
  private taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.taken;
  }

  take(bytes: number): boolean {
    if (bytes > this.limit - this.taken) return false;
    this.taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }
}
