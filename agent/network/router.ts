// What the guest's router answers itself, beside names and time: ARP, echoes, neighbours and routers, addresses by DHCP.

import type { Address, Prefix } from "./address.ts";
import { answerArp } from "./arp.ts";
import { checksumAdd, checksumOf, pseudoSum } from "./checksum.ts";
import { answerDhcp } from "./dhcp.ts";
import type { Link } from "./ethernet.ts";
import { echoReply, sendIcmp } from "./icmp.ts";
import type { IpOutput } from "./ip-output.ts";
import { PROTOCOL_ICMP6, PROTOCOL_UDP, type IpPacket } from "./ipv4.ts";
import type { Ipv6Packet } from "./ipv6.ts";
import * as nd from "./nd.ts";
import { BROADCAST, GATEWAY, GUEST, NAME_SERVER } from "./plan.ts";
import { udpBytes } from "./udp.ts";

export interface RouterOptions {
  /** The partition's name: its host name. */
  name: string;
  link: Link;
  output: IpOutput;
  prefix: Prefix;
  nameServer6: Address;
  ours6: readonly Address[];
  /** Whether there is a way out for IPv6. */
  routes6: () => boolean;
  isOurs: (address: Address) => boolean;
}

export class Router {
  private readonly options: RouterOptions;

  constructor(options: RouterOptions) {
    this.options = options;
  }

  /** An ARP packet. */
  arp(payload: Uint8Array): string | null {
    const answer = answerArp(payload, this.options.link, [GATEWAY, NAME_SERVER], GUEST);
    if (typeof answer === "string") return answer;
    if (answer !== null) this.options.output.send(answer);
    return null;
  }

  /** An ICMP message: an echo. Null, or the word for why it is dropped; so for all of these. */
  icmp(packet: IpPacket): string | null {
    const { payload, source, destination } = packet;
    if (payload.length < 8 || checksumOf(checksumAdd(payload, 0, payload.length)) !== 0) return "icmp-checksum";
    const reply = echoReply(payload, false);
    if (reply === null) return "icmp-type";
    // Beyond the gateway there is nobody who answers: that takes raw sockets.
    if (!this.options.isOurs(destination)) return "icmp-outside";
    sendIcmp(this.options.output, destination, source, reply);
    return null;
  }

  /** An ICMPv6 message: neighbours, routers, an echo. */
  icmp6(packet: Ipv6Packet, unchecked: boolean): string | null {
    const { payload, source, destination } = packet;
    const pseudo = pseudoSum(source, destination, PROTOCOL_ICMP6, payload.length);
    const wrong = !unchecked && checksumOf(checksumAdd(payload, 0, payload.length, pseudo)) !== 0;
    if (payload.length < 8 || wrong) return "icmp-checksum";
    if (payload[0] === nd.ROUTER_SOLICITATION || payload[0] === nd.NEIGHBOUR_SOLICITATION) {
      if (!nd.isValid(packet)) return "nd-invalid";
      if (payload[0] === nd.ROUTER_SOLICITATION) {
        this.advertise(source.some((byte) => byte !== 0) ? source : nd.ALL_NODES);
        return null;
      }
      const answer = nd.neighbourAnswer(packet, this.options.link, this.options.ours6);
      if (answer !== null) sendIcmp(this.options.output, answer.from, answer.to, answer.message, 255);
      return null;
    }
    const reply = echoReply(payload, true);
    if (reply === null) return "icmp-type";
    if (!this.options.isOurs(destination)) return "icmp-outside";
    sendIcmp(this.options.output, destination, source, reply);
    return null;
  }

  /** Says what the guest's router is and does. */
  advertise(to: Address): void {
    const router = {
      prefix: this.options.prefix,
      dns: this.options.nameServer6,
      mtu: this.options.output.mtu,
      routes: this.options.routes6(),
    };
    sendIcmp(this.options.output, nd.GATEWAY6, to, nd.advertisement(this.options.link, router), 255);
  }

  /** A DHCP client's message. */
  dhcp(data: Uint8Array): string | null {
    const hostName = this.options.name;
    const lease = { guest: GUEST, gateway: GATEWAY, dns: NAME_SERVER, mtu: this.options.output.mtu, hostName };
    const answer = answerDhcp(data, this.options.link.guest, lease);
    if (answer === null || typeof answer === "string") return answer;
    const envelope = { source: GATEWAY, destination: answer.everybody ? BROADCAST : GUEST, protocol: PROTOCOL_UDP };
    const bytes = udpBytes(67, 68, answer.message);
    const draft = this.options.output.draft(envelope, bytes.length, { everybody: answer.everybody });
    draft.frame.set(bytes, draft.at);
    this.options.output.finish(draft, envelope, 6);
    return null;
  }
}
