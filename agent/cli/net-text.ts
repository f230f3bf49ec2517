// `net`, for a person: who talks to whom, what was refused and why, how much went over.

import { escapeText } from "../escape.ts";
import type { NetworkView } from "../view.ts";

const ROWS_MOST = 40;

/** A partition's network; null: it has none, or does not run. Names come from guests and servers: their characters are made safe. */
export function netText(view: NetworkView | null): string {
  if (view === null) return "no network, or it does not run";
  const { flows, names, refused, listening, drops, bytesLeft } = view;
  const nameOf = (address: string): string => {
    const name = names.find((each) => each.address === address)?.name;
    return name === undefined ? "" : ` (${escapeText(name, 80)})`;
  };
  const left = bytesLeft === null ? "" : `, ${sizeText(bytesLeft)} left today`;
  const lines = [`sent ${sizeText(view.sentBytes)}, received ${sizeText(view.receivedBytes)}${left}`];
  for (const { address, port, guestPort, failed } of listening) {
    lines.push(
      `forward ${address}:${port} → ${guestPort}${failed === null ? "" : `: does not listen, ${escapeText(failed, 40)}`}`,
    );
  }
  for (const { protocol, guestPort, peer, peerPort, state } of flows.slice(0, ROWS_MOST)) {
    lines.push(`${protocol} ${guestPort} → ${hostText(peer)}:${peerPort}${nameOf(peer)} ${state}`);
  }
  if (flows.length > ROWS_MOST) lines.push(`… and ${flows.length - ROWS_MOST} flows more`);
  for (const { what, why, count } of refused) {
    lines.push(`refused ${escapeText(what, 120)}, ${count === 1 ? "once" : `${count} times`}: ${escapeText(why, 160)}`);
  }
  const dropped = Object.entries(drops).filter(([word]) => word !== "refused");
  if (dropped.length > 0) lines.push(`dropped ${dropped.map(([word, count]) => `${word} ${count}`).join(", ")}`);
  return lines.join("\n");
}

function hostText(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function sizeText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} KB` : `${Math.round(bytes / 1_000_000)} MB`;
}
