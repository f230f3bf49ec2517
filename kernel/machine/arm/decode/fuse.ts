// Compare and branch as one micro-operation: the last two instructions of a loop, nearly always. The pair costs one dispatch
// instead of two and the branch is decided from the operands at hand, not from the flags in memory.

import { Op, RECORD_BYTES } from "./micro-operation";

/** Fused form of a comparison and a conditional branch, or NOP. */
function fusedOp(compare: Op, branch: Op): Op {
  const condition = <u32>branch - <u32>Op.B_EQ;
  if (compare == Op.TSTI) return condition == 0 ? Op.TSTI_B_EQ : condition == 1 ? Op.TSTI_B_NE : Op.NOP;
  let place: u32;
  if (condition <= 3)
    place = condition; // EQ NE CS CC
  else if (condition >= 8 && condition <= 13)
    place = condition - 4; // HI LS GE LT GT LE
  else return Op.NOP;
  return <Op>((compare == Op.CMPI ? <u32>Op.CMPI_B_EQ : <u32>Op.CMP_B_EQ) + place);
}

/** Looks at the records [first, end) of a block: when they close with compare, conditional branch, fall, the comparison takes over
 *  the branch's link and target, and the branch's record stays behind it, never executed.
 *  The comparison's operands are n and the immediate (CMPI, TSTI) or n and m (CMP); a fused record needs room for the target,
 *  which it finds in the branch's record. */
export function fuseCompareBranch(first: u32, end: u32): void {
  const branch = end - 2 * RECORD_BYTES;
  const compare = branch - RECORD_BYTES;
  if (compare < first) return;
  const op = <Op>load<u16>(compare);
  if (op != Op.CMPI && op != Op.CMP && !(op == Op.TSTI && load<u8>(compare, 5) == 0)) return;
  const next = <u32>load<u16>(branch);
  if (next < <u32>Op.B_EQ || next > <u32>Op.B_LE) return;
  // A guarded comparison may be skipped, and then the branch must still run.
  for (let record = first; record < compare; record += RECORD_BYTES) {
    const before = <u32>load<u16>(record);
    if (before >= <u32>Op.GUARD_EQ && before <= <u32>Op.GUARD_LE && record + load<u32>(record, 8) > compare) return;
  }
  const fused = fusedOp(op, <Op>next);
  if (fused != Op.NOP) store<u16>(compare, <u16>fused);
}
