// Hypervisor calls of the vendor range (SMCCC, Arm DEN 0028, owner 6): event channels. devices/README describes them for guests.
//
// What concerns the guest's own pending bits is done here. What concerns another partition goes to the host: the call puts its question,
// run() returns, and hypercallAnswer() sets the registers before the guest goes on. Addresses are physical, as everywhere in a hypervisor
// call: the MMU is the guest's affair.

import {
  CALL_CHANNEL_ACKNOWLEDGE,
  CALL_CHANNEL_ENABLE,
  CALL_CHANNEL_INFO,
  CALL_CHANNEL_NOTIFY,
  CALL_CHANNEL_PENDING,
  CALL_CHANNEL_RECEIVE,
  CALL_CHANNEL_SEND,
  CALL_CHANNEL_VERSION,
  CHANNEL_PORT_COUNT,
} from "../../abi/layout";
import { CHANNEL_BAD_ADDRESS, CHANNEL_BAD_PORT } from "../../abi/reasons";
import {
  channelAcknowledge,
  channelAnswered,
  channelAsk,
  channelAsked,
  channelEnable,
  channelPending,
  channelPresent,
} from "../devices/channel";
import { WORK_CALL, work } from "../devices/work";
import { ramAt } from "../pages";
import { register, setRegister } from "./state";

const SUCCESS: u32 = 0;
const NOT_SUPPORTED: u32 = <u32>-1;
const VERSION: u32 = 0x0001_0000;

/** Function `call`, arguments from r1 on. Returns the answer for r0; other results are in their registers. */
export function hypercall(call: u32): u32 {
  if (!channelPresent()) return NOT_SUPPORTED;
  work(WORK_CALL);
  const argument = register(1);
  switch (call) {
    case CALL_CHANNEL_VERSION:
      return VERSION;
    case CALL_CHANNEL_PENDING:
      setRegister(1, channelPending());
      return SUCCESS;
    case CALL_CHANNEL_ACKNOWLEDGE:
      channelAcknowledge(argument);
      return SUCCESS;
    case CALL_CHANNEL_ENABLE:
      setRegister(1, channelEnable(argument));
      return SUCCESS;
    case CALL_CHANNEL_INFO:
    case CALL_CHANNEL_NOTIFY:
      if (argument >= CHANNEL_PORT_COUNT) return <u32>-(<i32>CHANNEL_BAD_PORT);
      channelAsk(call, argument, 0, 0);
      return NOT_SUPPORTED; // until the host answers: one that does not know channels never will
    case CALL_CHANNEL_SEND:
    case CALL_CHANNEL_RECEIVE: {
      if (argument >= CHANNEL_PORT_COUNT) return <u32>-(<i32>CHANNEL_BAD_PORT);
      const length = register(3);
      const at = ramAt(register(2), length);
      if (!at) return <u32>-(<i32>CHANNEL_BAD_ADDRESS);
      channelAsk(call, argument, at, length);
      return NOT_SUPPORTED;
    }
    default:
      return NOT_SUPPORTED;
  }
}

/** The host's answer to the question: r0, and r1 for CALL_CHANNEL_INFO. */
export function hypercallAnswer(status: i32, value: u32): void {
  const call = channelAsked();
  const written: u32 = call == CALL_CHANNEL_RECEIVE && status > 0 ? status : 0;
  if (!channelAnswered(written)) return;
  setRegister(0, status);
  if (call == CALL_CHANNEL_INFO) setRegister(1, value);
}
