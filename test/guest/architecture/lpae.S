@ Long-descriptor translation: levels, table attributes, permissions, execution, regions, status codes, PAR, ASIDs. ARM DDI 0406C B3.6, B3.7, B3.13.
        .include "common.inc"
        .equ    TEST, 0x50000000                @ virtual address of what is tested: pages
        .equ    BLOCK, 0x50200000               @ … and blocks of 2 MiB
        .equ    TABLE1, 0x40180000              @ level 1
        .equ    TABLE1_HIGH, 0x40180040         @ TTBR1's
        .equ    TABLE2, 0x40181000              @ level 2 of the lowest GiB
        .equ    TABLE2_RAM, 0x40182000          @ … of the second
        .equ    TABLE2_THIRD, 0x40183000        @ … of the third, below a table with attributes
        .equ    TABLE3_CODE, 0x40184000         @ level 3: this program, read only, and its data
        .equ    TABLE3, 0x40185000              @ … of TEST
        .equ    TABLE3_BELOW, 0x40186000        @ … below a table of level 2 with attributes
        .equ    PAGES, 0x40200000
        .equ    PRIVILEGED, 0x701               @ valid, AF, inner shareable, AP = 0: PL1 reads and writes
        .equ    XN, 1 << 22                     @ of a descriptor's high word
        .equ    PXN, 1 << 21
        .equ    NG, 1 << 11
        .equ    EAE, 0x80000000

@ Descriptor \index of \table.
        .macro  entry table, index, low, high=0
        set     r0, \table + 8 * (\index)
        set     r2, \low
        set     r3, \high
        strd    r2, r3, [r0]
        .endm
        .macro  flush
        mov     r0, #0
        mcr     p15, 0, r0, c8, c7, 0
        synchronise
        .endm
        .macro  ttbcr value
        set     r0, \value
        mcr     p15, 0, r0, c2, c0, 2
        isb
        .endm
        .macro  ttbr number, low, high=0
        set     r0, \low
        set     r1, \high
        .if     \number
        mcrr    p15, 1, r0, r1, c2
        .else
        mcrr    p15, 0, r0, r1, c2
        .endif
        isb
        .endm
        .macro  sctlr set=0, clear=0
        mrc     p15, 0, r0, c1, c0, 0
        set     r1, \clear
        bic     r0, r0, r1
        set     r1, \set
        orr     r0, r0, r1
        mcr     p15, 0, r0, c1, c0, 0
        isb
        .endm
@ One instruction with r7 = address, and the exception it takes, if any.
        .macro  try address, instruction:vararg
        expect  9f
        set     r7, \address
        \instruction
        say     "done"
        newline
9:
        .endm
@ PAR after an address translation operation.
        .macro  par text, address, opc2
        set     r7, \address
        mcr     p15, 0, r7, c7, c8, \opc2
        isb
        mrrc    p15, 0, r5, r6, c7
        show    \text, r5
        show    high, r6
        newline
        .endm

main:   push    {lr}
        set     r0, TABLE1                      @ no descriptor anywhere
        set     r1, PAGES
        mov     r2, #0
1:      str     r2, [r0], #4
        cmp     r0, r1
        bne     1b
        entry   TABLE1, 0, TABLE2 + 3
        entry   TABLE1, 1, TABLE2_RAM + 3
        entry   TABLE2, 0, 0x40000000 + PRIVILEGED + 0x80  @ the vectors: read only
        entry   TABLE2, 0x40, 0x08000000 + PRIVILEGED
        entry   TABLE2, 0x48, 0x09000000 + PRIVILEGED
        entry   TABLE2_RAM, 0, TABLE3_CODE + 3
        entry   TABLE2_RAM, 1, PAGES + PRIVILEGED
        entry   TABLE2_RAM, 128, TABLE3 + 3
        set     r0, TABLE3_CODE
        set     r8, 0x40000000
        set     r5, 0x40010000
        set     r6, 0x40020000
        set     r9, 0x40200000
        mov     r3, #0
2:      set     r1, PRIVILEGED + 2
        orr     r2, r8, r1
        cmp     r8, r5
        blo     3f
        cmp     r8, r6
        orrlo   r2, r2, #0x80                   @ read only
3:      strd    r2, r3, [r0], #8
        add     r8, r8, #0x1000
        cmp     r8, r9
        bne     2b
        sctlr   0, 1                            @ the MMU is off: addresses stay what they are
        set     r0, 0xff440c04
        mcr     p15, 0, r0, c10, c2, 0          @ MAIR0
        set     r0, 0x00bb77ee
        mcr     p15, 0, r0, c10, c2, 1          @ MAIR1
        ttbcr   EAE
        ttbr    0, TABLE1
        ttbr    1, TABLE1_HIGH
        flush
        sctlr   1
        say     "registers"
        mrc     p15, 0, r1, c10, c2, 0
        show    mair0, r1
        mrc     p15, 0, r1, c10, c2, 1
        show    mair1, r1
        mrc     p15, 0, r1, c2, c0, 2
        show    ttbcr, r1
        mrrc    p15, 0, r5, r6, c2
        show    ttbr0, r5
        show    high, r6
        mrc     p15, 0, r1, c0, c1, 4
        and     r1, r1, #15
        show    vmsa, r1
        newline
        say     "translation faults of each level"
        newline
        try     0x80000000, ldr r0, [r7]
        try     BLOCK, str r0, [r7]
        try     TEST, ldr r0, [r7]
        try     TEST, bx r7
        entry   TABLE3, 0, PAGES + PRIVILEGED   @ at level 3 bit 1 must be set
        flush
        try     TEST, ldrb r0, [r7]
        say     "access flag, page and block"
        newline
        entry   TABLE3, 0, PAGES + 0x303
        entry   TABLE2_RAM, 129, PAGES + 0x301
        flush
        try     TEST, ldr r0, [r7]
        try     BLOCK, str r0, [r7]
        try     TEST, bx r7
        say     "permissions: privileged read, write, user read, write"
        newline
        .irp    ap, 0, 1, 2, 3
        entry   TABLE3, \ap, PAGES + 0x1000 * \ap + 0x703 + (\ap << 6)
        entry   TABLE2_RAM, 129 + \ap, PAGES + 0x701 + (\ap << 6)
        .endr
        flush
        .irp    ap, 0, 1, 2, 3
        say     "page and block \ap"
        newline
        try     TEST + 0x1000 * \ap, ldr r0, [r7]
        try     TEST + 0x1000 * \ap, str r0, [r7]
        try     TEST + 0x1000 * \ap, ldrt r0, [r7]
        try     TEST + 0x1000 * \ap, strt r0, [r7]
        try     BLOCK + 0x200000 * \ap, str r0, [r7]
        try     BLOCK + 0x200000 * \ap, ldrt r0, [r7]
        .endr
        say     "what a table forbids: writing, user; execution, PL1's"
        newline
        entry   TABLE3_BELOW, 0, PAGES + 0x743
        .irp    index, 0, 1, 2, 3
        entry   TABLE2_RAM, 140 + \index, TABLE3_BELOW + 3, 1 << (29 + 1 - \index)
        .endr
        flush
        set     r0, PAGES
        set     r1, 0xe12fff1e                  @ bx lr
        str     r1, [r0]
        mcr     p15, 0, r0, c7, c5, 0
        synchronise
        .irp    index, 0, 1, 2, 3
        say     "table \index"
        newline
        try     0x51800000 + 0x200000 * \index, ldrt r0, [r7]
        try     0x51800000 + 0x200000 * \index, strt r0, [r7]
        try     0x51800000 + 0x200000 * \index, ldr r0, [r7]
        set     r0, PAGES
        set     r1, 0xe12fff1e
        str     r1, [r0]
        try     0x51800000 + 0x200000 * \index, blx r7
        .endr
        say     "of level 1, over two levels"
        newline
        entry   TABLE1, 2, TABLE2_THIRD + 3, 1 << 30
        entry   TABLE2_THIRD, 0, TABLE3_BELOW + 3, 1 << 29
        flush
        try     0x80000000, ldr r0, [r7]
        try     0x80000000, str r0, [r7]
        try     0x80000000, ldrt r0, [r7]
        say     "execution: XN and PXN of pages and blocks"
        newline
        entry   TABLE3, 8, PAGES + 0x703, XN
        entry   TABLE3, 9, PAGES + 0x703, PXN
        entry   TABLE3, 10, PAGES + 0x743
        entry   TABLE2_RAM, 150, PAGES + 0x701, XN
        entry   TABLE2_RAM, 151, PAGES + 0x701, PXN
        flush
        try     TEST + 0x8000, blx r7
        try     TEST + 0x9000, blx r7
        try     TEST + 0xa000, blx r7
        try     0x52c00000, blx r7
        try     0x52e00000, blx r7
        say     "what user mode may write, PL1 must not execute: UWXN; what may be written at all: WXN"
        newline
        entry   TABLE3, 11, PAGES + 0x703
        entry   TABLE3, 12, PAGES + 0x783
        entry   TABLE3, 13, PAGES + 0x7c3
        flush
        sctlr   1 << 20
        flush
        .irp    page, 10, 11, 12, 13
        try     TEST + 0x1000 * \page, blx r7
        .endr
        sctlr   1 << 19, 1 << 20
        flush
        .irp    page, 10, 11, 12, 13
        try     TEST + 0x1000 * \page, blx r7
        .endr
        sctlr   0, 1 << 19
        flush
        say     "address translation: read, write, user read, user write"
        newline
        entry   TABLE3, 14, PAGES + 0x703 + (3 << 2)
        entry   TABLE2_RAM, 152, PAGES + 0x4c1 + (6 << 2)
        entry   TABLE3, 15, 0x00000703, 0x60    @ 0x60_0000_0000
        flush
        .irp    opc2, 0, 1, 2, 3
        par     page, TEST + 0xe123, \opc2
        par     block, 0x53012345, \opc2
        par     absent, TEST + 0x1ff000, \opc2
        .endr
        par     above, TEST + 0xf456, 0
        sctlr   0, 1
        mcr     p15, 0, r7, c7, c8, 0
        isb
        mrrc    p15, 0, r5, r6, c7
        sctlr   1
        bic     r5, r5, #0x180                  @ SH: QEMU says non-shareable, the manual outer shareable
        show    off, r5
        show    high, r6
        newline
        say     "external aborts: above all memory"
        newline
        try     TEST + 0xf000, ldr r0, [r7]
        try     TEST + 0xf000, str r0, [r7]
        try     TEST + 0xf000, bx r7
        say     "alignment"
        newline
        try     TEST + 0x2, ldrd r0, r1, [r7]
        try     TEST + 0x2, ldm r7, {r0, r1}
        say     "regions: T0SZ = T1SZ = 1"
        newline
        entry   TABLE1_HIGH, 0, 0x40000000 + PRIVILEGED
        entry   TABLE1_HIGH, 1, TABLE2_THIRD + 3
        entry   TABLE2_THIRD, 511, PAGES + PRIVILEGED
        entry   TABLE2_THIRD, 0, PAGES + PRIVILEGED
        set     r0, PAGES + 0x3000
        set     r1, 0x600df00d
        str     r1, [r0]
        ttbcr   EAE + 1 + (1 << 16)
        flush
        set     r7, 0x80203000
        ldr     r1, [r7]
        show    block, r1
        set     r7, 0xffe03000
        ldr     r1, [r7]
        show    page, r1
        newline
        try     0x7fffffff, ldrb r0, [r7]
        try     0xc0200000, ldr r0, [r7]
        say     "T1SZ = 2: between the regions there is nothing, and TTBR1 begins at level 2"
        newline
        ttbr    1, TABLE2_THIRD
        ttbcr   EAE + 1 + (2 << 16)
        flush
        set     r7, 0xc0003000
        ldr     r1, [r7]
        show    first, r1
        set     r7, 0xffe03000
        ldr     r1, [r7]
        show    last, r1
        newline
        try     0x80203000, ldr r0, [r7]
        try     0xbfffffff, ldrb r0, [r7]
        try     0xc0200000, ldr r0, [r7]
        say     "T1SZ = 7, T0SZ = 0"
        newline
        ttbr    1, TABLE2_THIRD + 0xf80         @ sixteen descriptors
        ttbcr   EAE + (7 << 16)
        flush
        set     r7, 0xffe03000
        ldr     r1, [r7]
        show    last, r1
        newline
        try     0xfe000000, ldr r0, [r7]
        try     0xfdffffff, ldrb r0, [r7]
        say     "EPD1"
        newline
        ttbcr   EAE + (7 << 16) + (1 << 23)
        flush
        try     0xffe03000, ldr r0, [r7]
        ttbcr   EAE
        flush
        say     "a block changes, and TLBIMVA of any of its addresses is enough"
        entry   TABLE2_RAM, 170, PAGES + PRIVILEGED
        flush
        set     r7, 0x55403000
        set     r8, 0x55503000
        ldr     r1, [r7]
        ldr     r2, [r8]
        entry   TABLE2_RAM, 170, 0x40400000 + PRIVILEGED
        synchronise
        set     r9, 0x555ff000
        mcr     p15, 0, r9, c8, c7, 1
        synchronise
        ldr     r5, [r7]
        show    after, r5
        newline
        say     "address spaces: TTBR0's ASID, then TTBR1's"
        entry   TABLE3, 16, PAGES + 0x703 + NG
        set     r0, PAGES + 0x4000
        mov     r1, #4
        str     r1, [r0]
        ttbr    0, TABLE1, 1 << 16
        flush
        set     r7, TEST + 0x10000
        ldr     r5, [r7]
        ttbr    0, TABLE1, 2 << 16
        entry   TABLE3, 16, PAGES + 0x4000 + 0x703 + NG
        synchronise
        ldr     r6, [r7]
        ttbcr   EAE + (1 << 22)
        ttbr    1, 0, 1 << 16
        mov     r1, #1
        mcr     p15, 0, r1, c8, c7, 2           @ TLBIASID
        synchronise
        ldr     r1, [r7]
        show    one, r5
        show    two, r6
        show    flushed, r1
        newline
        ttbcr   EAE
        pop     {pc}
