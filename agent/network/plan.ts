// Who is who in a guest's network: the same in each, for no guest sees another's.

import { parseAddress } from "./address.ts";

export const GUEST = parseAddress("10.0.2.15")!;
export const GATEWAY = parseAddress("10.0.2.2")!;
export const NAME_SERVER = parseAddress("10.0.2.3")!;
export const NOBODY = parseAddress("0.0.0.0")!;
export const SUBNET_BROADCAST = parseAddress("10.0.2.255")!;
export const BROADCAST = parseAddress("255.255.255.255")!;
export const GATEWAY_CARD = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);
export const MTU = 1500;
