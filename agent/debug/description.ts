// Which registers there are, as GDB wants to be told ("Target Descriptions", standard features of ARM), and where each lies in the
// bytes of a `g` packet: end to end, in the order of their numbers.

const CORE_WORDS = 17; // r0 … r12, sp, lr, pc, cpsr
const DOUBLES = 32;

export interface RegisterPlace {
  offset: number;
  bytes: number;
}

const words = (count: number, from: number): RegisterPlace[] =>
  Array.from({ length: count }, (_, n) => ({ offset: from + n * 4, bytes: 4 }));
const doublesAt = CORE_WORDS * 4;
const fpscrAt = doublesAt + DOUBLES * 8;

/** By GDB's number. */
export const REGISTERS: RegisterPlace[] = [
  ...words(CORE_WORDS, 0),
  ...Array.from({ length: DOUBLES }, (_, n) => ({ offset: doublesAt + n * 8, bytes: 8 })),
  ...words(1, fpscrAt),
];
export const REGISTER_BYTES = fpscrAt + 4;

/** Offsets that who fills the bytes needs. */
export const REGISTER_PC_AT = 15 * 4;
export const REGISTER_CPSR_AT = 16 * 4;
export const REGISTER_DOUBLES_AT = doublesAt;
export const REGISTER_FPSCR_AT = fpscrAt;

const core = [
  ...Array.from({ length: 13 }, (_, n) => `<reg name="r${n}" bitsize="32" type="uint32"/>`),
  `<reg name="sp" bitsize="32" type="data_ptr"/>`,
  `<reg name="lr" bitsize="32"/>`,
  `<reg name="pc" bitsize="32" type="code_ptr"/>`,
  `<reg name="cpsr" bitsize="32"/>`,
];
const vfp = [
  ...Array.from({ length: DOUBLES }, (_, n) => `<reg name="d${n}" bitsize="64" type="ieee_double"/>`),
  `<reg name="fpscr" bitsize="32" type="int" group="float"/>`,
];

export const TARGET_XML = `<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
<architecture>arm</architecture>
<feature name="org.gnu.gdb.arm.core">
${core.join("\n")}
</feature>
<feature name="org.gnu.gdb.arm.vfp">
${vfp.join("\n")}
</feature>
</target>
`;
