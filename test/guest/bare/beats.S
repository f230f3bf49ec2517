@ A guest that mostly sleeps: every ten seconds its timer wakes it for 10,000 turns of a loop, 0.2 ms of virtual time.
@ Flat binary for RAM base + 0x10000, position-independent, no stack, no memory. ARM DDI 0406C B8.1; Arm IHI 0048B §4.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    GICD, 0x08000000
        .equ    GICC, 0x08010000
        .equ    TIMER_BIT, 1 << 27              @ the virtual timer's PPI
        .equ    ISTATUS, 1 << 2
        .equ    BEAT, 240000000                 @ 10 s of 24 MHz
        .equ    TURNS, 10000

start:  ldr     r6, =GICD
        ldr     r7, =GICC
        mov     r0, #1
        str     r0, [r6]                        @ GICD_CTLR
        ldr     r1, =TIMER_BIT
        str     r1, [r6, #0x100]                @ GICD_ISENABLER0
        mov     r1, #0xf0
        str     r1, [r7, #4]                    @ GICC_PMR
        str     r0, [r7]                        @ GICC_CTLR
        cpsid   i
beat:   ldr     r1, =BEAT
        mcr     p15, 0, r1, c14, c3, 0          @ CNTV_TVAL
        mov     r1, #1
        mcr     p15, 0, r1, c14, c3, 1          @ CNTV_CTL
        isb
1:      wfi
        mrc     p15, 0, r2, c14, c3, 1
        tst     r2, #ISTATUS
        beq     1b
        ldr     r3, =TURNS
2:      subs    r3, r3, #1
        bne     2b
        b       beat
        .ltorg
