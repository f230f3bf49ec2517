@ Generic timer through the GIC, WFI, and PSCI. ARM DDI 0406C B8.1; Arm IHI 0048B §3, §4; Arm DEN 0022D.
        .include "common.inc"
        .equ    GICD, 0x08000000
        .equ    GICC, 0x08010000

        .macro  psci function, argument
        set     r0, \function
        set     r1, \argument
        mov     r2, #0
        mov     r3, #0
        .word   0xe1400070
        show    r0, r0
        .endm

main:   push    {lr}
        say     "PSCI: unknown function, CPU_ON of this CPU, AFFINITY_INFO, MIGRATE_INFO_TYPE"
        psci    0x8400ff00, 0
        psci    0x84000003, 0
        psci    0x84000004, 0
        psci    0x84000006, 0
        newline
        set     r6, GICD
        set     r7, GICC
        mov     r0, #1
        str     r0, [r6]                        @ GICD_CTLR
        mov     r1, #1 << 27 | 1 << 30
        str     r1, [r6, #0x100]                @ GICD_ISENABLER0: PPI 27 and 30
        mov     r1, #0xf0
        str     r1, [r7, #4]                    @ GICC_PMR
        str     r0, [r7]                        @ GICC_CTLR
        say     "masked: WFI goes on when the timer fires, and nothing is taken"
        mov     r1, #0x1000
        mcr     p15, 0, r1, c14, c3, 0          @ CNTV_TVAL
        mov     r1, #1
        mcr     p15, 0, r1, c14, c3, 1          @ CNTV_CTL
        isb
        cpsid   i
1:      wfi
        mrc     p15, 0, r2, c14, c3, 1
        tst     r2, #4
        beq     1b
        ldr     r3, [r7, #0x18]                 @ GICC_HPPIR
        show    ctl, r2
        show    hppir, r3
        newline
        say     "unmasked: IRQ"
        newline
        expect  2f
        set     r6, GICD
        set     r7, GICC
        cpsie   i
        nop
        nop
2:      cpsid   i
        set     r7, GICC
        ldr     r2, [r7, #0xc]                  @ GICC_IAR
        ldr     r3, [r7, #0x14]                 @ GICC_RPR
        show    iar, r2
        show    rpr, r3
        mov     r1, #2
        mcr     p15, 0, r1, c14, c3, 1          @ masked: the level falls
        isb
        str     r2, [r7, #0x10]                 @ GICC_EOIR
        ldr     r3, [r7, #0xc]
        show    then, r3
        newline
        say     "both timers: the higher priority first, then preemption"
        set     r6, GICD
        mov     r1, #0x80
        strb    r1, [r6, #0x400 + 27]
        mov     r1, #0x40
        strb    r1, [r6, #0x400 + 30]
        mov     r1, #0
        mcr     p15, 0, r1, c14, c3, 0
        mcr     p15, 0, r1, c14, c2, 0          @ CNTP_TVAL
        mov     r1, #1
        mcr     p15, 0, r1, c14, c3, 1
        isb
        ldr     r2, [r7, #0xc]
        mov     r1, #1
        mcr     p15, 0, r1, c14, c2, 1          @ CNTP_CTL
        isb
        ldr     r3, [r7, #0xc]
        ldr     r5, [r7, #0x14]
        show    first, r2
        show    second, r3
        show    rpr, r5
        newline
        mov     r1, #0
        mcr     p15, 0, r1, c14, c2, 1
        mcr     p15, 0, r1, c14, c3, 1
        isb
        str     r3, [r7, #0x10]
        str     r2, [r7, #0x10]
        say     "software interrupt to this CPU"
        newline
        expect  3f
        set     r6, GICD
        set     r1, 0x00010003                 @ target list 1, SGI 3
        str     r1, [r6, #0xf00]
        dsb
        cpsie   i
        nop
        nop
3:      cpsid   i
        set     r7, GICC
        ldr     r2, [r7, #0xc]
        str     r2, [r7, #0x10]
        show    iar, r2
        ldr     r2, [r7, #0xc]
        show    then, r2
        newline
        say     "the counter moves on, and CNTV_TVAL counts down"
        mrrc    p15, 1, r2, r3, c14
        mov     r1, #0x100
4:      subs    r1, r1, #1
        bne     4b
        mrrc    p15, 1, r5, r8, c14
        subs    r5, r5, r2
        sbcs    r8, r8, r3
        movcs   r0, #1
        movcc   r0, #0
        show    later, r0
        newline
        pop     {pc}
