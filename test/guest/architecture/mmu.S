@ Short-descriptor translation, permissions, domains, faults, TLB maintenance. ARM DDI 0406C B3.5, B3.7, B3.10, B3.13.
        .include "common.inc"
        .equ    TEST, 0x50000000                @ virtual address of what is tested
        .equ    LEVEL2, 0x40180000

@ Level 1 entry \slot MiB above TEST gets \value.
        .macro  level1 slot, value
        set     r0, LEVEL1 + (TEST >> 18) + 4 * \slot
        set     r1, \value
        str     r1, [r0]
        .endm
@ Level 2 entry \index of TEST's table.
        .macro  level2 index, value
        set     r0, LEVEL2 + 4 * \index
        set     r1, \value
        str     r1, [r0]
        .endm
        .macro  flush
        mov     r0, #0
        mcr     p15, 0, r0, c8, c7, 0
        synchronise
        .endm
        .macro  dacr value
        set     r0, \value
        mcr     p15, 0, r0, c3, c0, 0
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

main:   push    {lr}
        say     "faults of the first level"
        newline
        flush
        try     TEST, ldr r0, [r7]
        try     TEST, str r0, [r7]
        level1  0, LEVEL2 + 1 + (3 << 5)        @ page table, domain 3: no access
        level1  1, 0x40200000 + 0x0c02 + (2 << 5)
        flush
        say     "no access to the domain, page and section"
        newline
        level2  0, 0x40200000 + 0x032
        flush
        try     TEST, ldr r0, [r7]
        try     TEST + 0x100000, str r0, [r7]
        say     "reserved domain access 2"
        newline
        dacr    0x00000081
        try     TEST, ldrb r0, [r7]
        say     "client: second level faults"
        newline
        dacr    0x00000051
        level2  0, 0x40200000 + 0x032
        level2  1, 0
        level2  2, 0x40202000 + 0x012           @ AP 1: privileged only
        level2  3, 0x40203000 + 0x022           @ AP 2: user reads
        level2  4, 0x40204000 + 0x212           @ AP 5: privileged reads
        level2  5, 0x40205000 + 0x222           @ AP 6: all read
        level2  6, 0x40206000 + 0x232           @ AP 7: all read
        level2  7, 0x40207000 + 0x002           @ AP 0: nobody
        level2  8, 0x40208000 + 0x033           @ XN
        flush
        try     TEST, ldr r0, [r7]
        try     TEST + 0x1004, ldr r0, [r7]
        try     TEST + 0x1008, strh r0, [r7]
        say     "permissions: privileged read, write, user read, write"
        newline
        .irp    page, 0, 2, 3, 4, 5, 6, 7
        say     "page \page"
        newline
        try     TEST + 0x1000 * \page, ldr r0, [r7]
        try     TEST + 0x1000 * \page, str r0, [r7]
        try     TEST + 0x1000 * \page, ldrt r0, [r7]
        try     TEST + 0x1000 * \page, strt r0, [r7]
        .endr
        say     "manager: no permission is checked"
        newline
        dacr    0x000000d1
        try     TEST + 0x7000, str r0, [r7]
        try     TEST + 0x4000, strt r0, [r7]
        dacr    0x00000051
        try     TEST + 0x7000, str r0, [r7]
        say     "execution: never, not mapped, of a page and a section"
        newline
        try     TEST + 0x8000, bx r7
        try     TEST + 0x1000, bx r7
        try     0x60000000, bx r7
        level1  1, 0x40200000 + 0x0c12 + (2 << 5)
        flush
        dacr    0x00000061
        try     TEST + 0x100000, bx r7
        dacr    0x00000051
        level1  2, LEVEL2 + 0x400 + 1 + (3 << 5)
        set     r0, LEVEL2 + 0x400             @ a large page: sixteen equal entries, at 0x40210000
        set     r1, 0x40210000 + 0x031
        mov     r2, #16
1:      str     r1, [r0], #4
        subs    r2, r2, #1
        bne     1b
        flush
        say     "large page"
        set     r7, TEST + 0x20f004
        set     r8, 0x4021f004
        set     r1, 0x12345678
        str     r1, [r7]
        ldr     r2, [r8]
        show    seen, r2
        newline
        say     "accesses across a page boundary"
        newline
        level2  9, 0x40203000 + 0x032           @ not adjacent in physical memory
        level2  10, 0x40206000 + 0x032
        flush
        set     r7, TEST + 0xa000
        set     r1, 0x44332211
        str     r1, [r7, #-2]
        ldr     r2, [r7, #-2]
        ldrh    r3, [r7, #-2]
        ldrh    r5, [r7]
        ldr     r6, [r7, #-1]
        show    word, r2
        show    low, r3
        show    high, r5
        show    shifted, r6
        newline
        level2  10, 0
        flush
        try     TEST + 0x9ffe, ldr r0, [r7]
        try     TEST + 0x9ffe, str r0, [r7]
        mov     r5, #0x55
        mov     r6, #0x66
        try     TEST + 0x9ffc, ldmia r7!, {r5, r6}
        show    r7, r7                          @ r5 is UNKNOWN now (B1.9.8)
        newline
        try     TEST + 0x9ff8, stmia r7!, {r5, r6, r8}
        show    r7, r7
        try     TEST + 0x9ffc, ldrd r0, r1, [r7]
        try     TEST + 0x9ffd, strh r0, [r7, #2]!
        show    r7, r7
        newline
        say     "a change is seen after TLBIMVA"
        level2  11, 0x40202000 + 0x032
        flush
        set     r7, TEST + 0xb000
        set     r8, 0x40202000
        set     r9, 0x40205000
        mov     r1, #1
        str     r1, [r8]
        mov     r1, #2
        str     r1, [r9]
        ldr     r5, [r7]
        level2  11, 0x40205000 + 0x032
        dsb
        mcr     p15, 0, r7, c8, c7, 1
        synchronise
        ldr     r6, [r7]
        show    before, r5
        show    after, r6
        newline
        say     "address spaces: the same page under two ASIDs, and TLBIASID"
        level2  12, 0x40202000 + 0x832          @ not global
        mov     r1, #1
        mcr     p15, 0, r1, c13, c0, 1
        isb
        flush
        set     r7, TEST + 0xc000
        ldr     r5, [r7]
        mov     r1, #2
        mcr     p15, 0, r1, c13, c0, 1
        isb
        level2  12, 0x40205000 + 0x832
        synchronise
        ldr     r6, [r7]
        show    one, r5
        show    two, r6
        mov     r1, #1
        mcr     p15, 0, r1, c13, c0, 1
        isb
        mcr     p15, 0, r1, c8, c7, 2
        synchronise
        ldr     r6, [r7]
        show    flushed, r6
        newline
        mov     r1, #0
        mcr     p15, 0, r1, c13, c0, 1
        isb
        say     "TTBCR.N = 1: the upper half comes from TTBR1"
        set     r0, 0x40200000 + 0x4000        @ TTBR1's table: a copy, and one entry of its own
        set     r1, LEVEL1
        mov     r2, #0x4000
1:      ldr     r3, [r1], #4
        str     r3, [r0], #4
        subs    r2, r2, #4
        bne     1b
        set     r0, 0x40204000 + (0x90000000 >> 18)
        set     r1, 0x40200000 + SECTION
        str     r1, [r0]
        set     r0, 0x40204000
        mcr     p15, 0, r0, c2, c0, 1
        mov     r1, #1
        mcr     p15, 0, r1, c2, c0, 2
        isb
        flush
        set     r7, 0x90002000
        ldr     r5, [r7]
        show    seen, r5
        newline
        try     0xa0000000, ldr r0, [r7]
        mov     r1, #0
        mcr     p15, 0, r1, c2, c0, 2
        isb
        flush
        try     0x90002000, ldr r0, [r7]
        say     "access flag"
        newline
        mrc     p15, 0, r1, c1, c0, 0
        orr     r1, r1, #1 << 29                @ SCTLR.AFE
        mcr     p15, 0, r1, c1, c0, 0
        isb
        level2  13, 0x40202000 + 0x022          @ AP[0] = 0: not accessed
        level2  14, 0x40202000 + 0x232          @ AP[2:1] = 3: all read
        flush
        try     TEST + 0xd000, ldr r0, [r7]
        try     TEST + 0xe000, ldr r0, [r7]
        try     TEST + 0xe000, str r0, [r7]
        mrc     p15, 0, r1, c1, c0, 0
        bic     r1, r1, #1 << 29
        mcr     p15, 0, r1, c1, c0, 0
        isb
        say     "code written through another mapping runs after maintenance"
        level2  15, 0x40202000 + 0x032
        flush
        set     r7, TEST + 0xf000
        set     r8, 0x40202000
        set     r0, 0xe3a00001                 @ mov r0, #1
        str     r0, [r8]
        set     r0, 0xe12fff1e                 @ bx lr
        str     r0, [r8, #4]
        bl      maintain
        blx     r7
        mov     r5, r0
        set     r0, 0xe3a00002                 @ mov r0, #2
        str     r0, [r8]
        bl      maintain
        blx     r7
        show    first, r5
        show    second, r0
        newline
        pop     {pc}

maintain:
        mov     r0, #0
        dsb
        mcr     p15, 0, r0, c7, c5, 0           @ ICIALLU
        mcr     p15, 0, r0, c7, c5, 6           @ BPIALL
        synchronise
        bx      lr
