@ Exceptions: entry, return state, banked registers. ARM DDI 0406C B1.8, B1.9, B9.3.
        .include "common.inc"

main:   push    {lr}
        say     "undefined, ARM"
        newline
        expect  1f
        udf     #1
1:      say     "supervisor call, ARM"
        newline
        expect  1f
        svc     #5
1:      say     "undefined, Thumb"
        newline
        expect  2f
        adr     r0, 1f + 1
        bx      r0
        .thumb
        .balign 4
1:      udf     #1
        .arm
        .balign 4
2:      say     "supervisor call, Thumb, in an IT block"
        newline
        expect  2f
        adr     r0, 1f + 1
        bx      r0
        .thumb
        .balign 4
1:      movs    r0, #0
        itte    eq
        moveq   r1, #1
        svceq   #1
        movne   r1, #2
        nop
        .arm
        .balign 4
2:      say     "data abort, Thumb, second instruction of an IT block"
        newline
        expect  2f
        set     r2, 0x7fff0000
        adr     r0, 1f + 1
        bx      r0
        .thumb
        .balign 4
1:      movs    r0, #1
        itet    ne
        movne   r1, #1
        moveq   r1, #2
        ldrne.w r3, [r2, #4]
        nop
        .arm
        .balign 4
2:      say     "undefined, Thumb-2, in an IT block"
        newline
        expect  2f
        adr     r0, 1f + 1
        bx      r0
        .thumb
        .balign 4
1:      movs    r0, #1
        ite     ne
        udfne.w #1
        udfeq.w #2
        .arm
        .balign 4
2:      say     "not executed: conditional undefined and supervisor call"
        newline
        movs    r0, #0
        svcne   #1
        .word   0x17f000f1                      @ udfne
        say     "user mode: cps does nothing, mrs shows flags, coprocessor 15 is undefined"
        newline
        expect  2f
        cps     #0x1f                           @ system mode shares the user registers
        set     sp, 0x40008000
        cps     #MODE_SVC
        adr     lr, 1f
        mov     r0, #0x10
        orr     r0, r0, #0xa0000000
        msr     spsr_cxsf, r0
        movs    pc, lr
1:      cpsid   i
        mrs     r5, cpsr
        show    cpsr, r5
        set     r5, 0x5000001f
        msr     cpsr_fc, r5
        mrs     r5, cpsr
        show    cpsr, r5
        newline
        mrc     p15, 0, r0, c1, c0, 0
        nop
2:      say     "banked stack pointers"
        cps     #0x11
        mov     r8, #0x88
        mov     sp, #0x11
        cps     #0x12
        mov     sp, #0x12
        cps     #0x17
        mov     sp, #0x17
        cps     #0x1b
        mov     sp, #0x1b
        cps     #0x1f
        mov     sp, #0x1f
        mov     lr, #0x1e
        mov     r8, #0x80
        cps     #MODE_SVC
        cps     #0x11
        mov     r7, r8
        mov     r6, sp
        cps     #0x12
        mov     r5, sp
        cps     #0x17
        mov     r4, sp
        cps     #0x1b
        mov     r3, sp
        cps     #0x1f
        mov     r2, sp
        mov     r1, r8
        cps     #MODE_SVC
        show    fiq8, r7
        show    fiq, r6
        show    irq, r5
        show    abt, r4
        show    und, r3
        show    usr, r2
        show    usr8, r1
        newline
        say     "stm and ldm with user registers, from fiq mode"
        set     r7, DATA
        cps     #0x11
        set     r9, DATA
        mov     r8, #0x99
        stmia   r9, {r8, sp, lr}^
        nop
        mov     r10, #0x44
        str     r10, [r9, #4]
        ldmia   r9, {r8, sp}^
        nop
        mov     r6, r8
        cps     #MODE_SVC
        ldmia   r7, {r0, r1, r2}
        show    r8, r0
        show    sp, r1
        show    lr, r2
        show    fiq8, r6
        cps     #0x1f
        mov     r3, sp
        cps     #MODE_SVC
        show    usr, r3
        newline
        .irp    mode, 0x11, 0x12, 0x17, 0x1b    @ stacks again
        cps     #\mode
        set     sp, 0x4000a000 + (\mode & 15) * 0x400
        .endr
        cps     #0x1f
        set     sp, 0x40008000
        cps     #MODE_SVC
        say     "srs and rfe"
        set     r0, 0x60000012
        cps     #0x12
        mov     lr, #0x1234
        msr     spsr_cxsf, r0
        srsdb   sp!, #0x13
        cps     #MODE_SVC
        pop     {r1, r2}
        show    lr, r1
        show    spsr, r2
        newline
        adr     r1, 1f + 1
        mrs     r2, cpsr
        orr     r2, r2, #0x80000020             @ N, Thumb
        push    {r1, r2}
        rfeia   sp!
        .thumb
        .balign 4
1:      mrs     r5, cpsr
        bx      pc
        nop
        .arm
        show    cpsr, r5
        newline
        say     "exception return through ldm with ^"
        adr     r1, 1f
        push    {r1}
        mrs     r2, cpsr
        orr     r2, r2, #0x30000000
        msr     spsr_cxsf, r2
        ldmia   sp!, {pc}^
        nop
1:      mrs     r5, cpsr
        show    cpsr, r5
        newline
        say     "exclusive monitor: cleared by clrex and by an exception return"
        set     r7, DATA
        ldrex   r1, [r7]
        strex   r2, r1, [r7]
        strex   r3, r1, [r7]
        show    first, r2
        show    second, r3
        ldrex   r1, [r7]
        clrex
        strex   r2, r1, [r7]
        show    clrex, r2
        newline
        say     "alignment: ldrd, ldm, ldrex and a checked ldr"
        newline
        .macro  unaligned instruction:vararg
        expect  9f
        set     r7, DATA + 2
        mov     r0, #0xaa
        \instruction
9:
        .endm
        unaligned ldm r7, {r0, r1}
        unaligned ldrd r0, r1, [r7]
        unaligned ldrex r0, [r7]
        unaligned stm r7!, {r0, r1}
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, #2
        mcr     p15, 0, r0, c1, c0, 0
        isb
        unaligned ldr r0, [r7]
        unaligned strh r0, [r7, #1]
        mrc     p15, 0, r0, c1, c0, 0
        bic     r0, r0, #2
        mcr     p15, 0, r0, c1, c0, 0
        isb
        pop     {pc}
