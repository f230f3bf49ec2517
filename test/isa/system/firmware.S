@ Firmware of the system-level random tests, at address 0 of the machine and of qemu-system-arm -M virt alike.
@ For each sequence it loads every register of every mode from a table, enters the sequence, and dumps all of it afterwards.
@ Exceptions are logged and then skipped: execution goes on behind the instruction, outside any IT block, and a Supervisor
@ Call comes back in Supervisor mode, which is how sequences regain privilege.
@ Layout of a state and addresses: see system-program.ts.

        .syntax unified
        .cpu    cortex-a7
        .fpu    vfpv4
        .arm
        .equ    VARIABLES, 0x40101000
        .equ    COUNT, 0
        .equ    STATE, 4
        .equ    OUTPUT, 8
        .equ    ENTRY, 12
        .equ    LOGGED, 16
        .equ    RESULTS, 20
        .equ    RESULT_BYTES, 24
        .equ    SEMIHOSTING, 28
        .equ    HANDLE, 32
        .equ    TTBCR, 48                       @ what the MMU is started with; EAE: long descriptors
        .equ    TTBR0, 52
        .equ    TTBR1, 56
        .equ    SCRATCH, 0x40102000
        .equ    SCRATCH_WORDS, 128
        .equ    TRAMPOLINE, 0x40100800          @ jumps to the entry variable without a register
        .equ    LOG_MAX, 16
        @ offsets in a state
        .equ    S_CPSR, 60
        .equ    S_FPSCR, 64
        .equ    S_ENTRY, 68
        .equ    S_FIQ, 72
        .equ    S_SVC, 104
        .equ    S_ABT, 116
        .equ    S_UND, 128
        .equ    S_IRQ, 140
        .equ    S_LOGGED, 152
        .equ    S_DOUBLES, 160
        .equ    S_SCRATCH, 416
        .equ    S_LOG, 928
        .equ    S_BYTES, 928 + 32 * LOG_MAX
        .equ    DACR_START, 0x0000000d          @ domain 0 client, 1 manager, others none

        b       boot
        b       undefined
        b       supervisor
        b       prefetch
        b       data
        b       hypervisor
        b       interrupt
        b       fast
leave:  svc     #0                              @ at 0x20: where every sequence ends

        .macro  vector name, number
\name:  mcr     p15, 0, r0, c13, c0, 4          @ TPIDRPRW
        mcr     p15, 0, r1, c13, c0, 2          @ TPIDRURW
        mcr     p15, 0, r2, c13, c0, 3          @ TPIDRURO
        mov     r2, #\number
        b       log
        .endm
        vector  undefined, 1
        vector  supervisor, 2
        vector  prefetch, 3
        vector  data, 4
        vector  hypervisor, 5
        vector  interrupt, 6
        vector  fast, 7

log:    cmp     r2, #2
        bne     1f
        ldr     r0, =leave + 4
        cmp     lr, r0
        beq     dump
1:      ldr     r0, =VARIABLES
        ldr     r1, [r0, #LOGGED]
        cmp     r1, #LOG_MAX
        bge     dump
        add     r1, r1, #1
        str     r1, [r0, #LOGGED]
        ldr     r0, [r0, #OUTPUT]
        add     r0, r0, #S_LOG - 32
        add     r0, r0, r1, lsl #5
        str     r2, [r0]
        str     lr, [r0, #4]
        mrs     r1, spsr
        str     r1, [r0, #8]
        mrs     r1, cpsr
        str     r1, [r0, #12]
        mov     r1, #0
        str     r1, [r0, #16]
        str     r1, [r0, #20]
        str     r1, [r0, #24]
        cmp     r2, #3
        bne     1f
        mrc     p15, 0, r1, c5, c0, 1           @ IFSR
        str     r1, [r0, #16]
        and     r1, r1, #15
        cmp     r1, #2                          @ BKPT: anything else has no code to go on with
        bne     dump
1:      cmp     r2, #4
        bne     1f
        mrc     p15, 0, r1, c5, c0, 0           @ DFSR
        str     r1, [r0, #16]
        mrc     p15, 0, r1, c6, c0, 0           @ DFAR
        str     r1, [r0, #20]
        @ The instruction: lr - 8 of a data abort, - 4 of a prefetch abort; an undefined one ends at lr, or is in its middle
1:      mrs     r0, spsr
        tst     r0, #0x20
        bne     thumb
        cmp     r2, #4
        subeq   lr, lr, #4
        b       back
thumb:  cmp     r2, #2
        beq     back
        sub     r1, lr, #2                      @ undefined
        cmp     r2, #3
        subeq   r1, lr, #4
        subgt   r1, lr, #8
        ldrh    r0, [r1]
        add     lr, r1, #2
        lsr     r0, r0, #11
        cmp     r0, #0x1c
        addgt   lr, lr, #2
back:   mrs     r0, spsr
        bic     r0, r0, #0x06000000             @ IT
        bic     r0, r0, #0xfc00
        cmp     r2, #2
        biceq   r0, r0, #0x1f
        orreq   r0, r0, #0x13
        msr     spsr_fsxc, r0
        mrc     p15, 0, r0, c13, c0, 4
        mrc     p15, 0, r1, c13, c0, 2
        mrc     p15, 0, r2, c13, c0, 3
        movs    pc, lr

        @ ---- after a sequence: in any exception mode, SPSR is the CPSR it ended with
dump:   mrs     r2, spsr
        cps     #0x13
        ldr     r0, =VARIABLES
        ldr     r0, [r0, #OUTPUT]
        str     r2, [r0, #S_CPSR]
        mrc     p15, 0, r1, c13, c0, 4
        str     r1, [r0]
        mrc     p15, 0, r1, c13, c0, 2
        str     r1, [r0, #4]
        mrc     p15, 0, r1, c13, c0, 3
        str     r1, [r0, #8]
        str     r3, [r0, #12]
        str     r4, [r0, #16]
        str     r5, [r0, #20]
        str     r6, [r0, #24]
        str     r7, [r0, #28]
        cps     #0x1f
        add     r1, r0, #32
        stm     r1, {r8-r14}
        cps     #0x11
        add     r1, r0, #S_FIQ
        stmia   r1!, {r8-r14}
        mrs     r2, spsr
        str     r2, [r1]
        .macro  save mode, offset
        cps     #\mode
        str     sp, [r0, #\offset]
        str     lr, [r0, #\offset + 4]
        mrs     r2, spsr
        str     r2, [r0, #\offset + 8]
        .endm
        save    0x17, S_ABT
        save    0x1b, S_UND
        save    0x12, S_IRQ
        save    0x13, S_SVC
        ldr     r1, =VARIABLES
        ldr     r2, [r1, #LOGGED]
        str     r2, [r0, #S_LOGGED]
        mov     r2, #1
        str     r2, [r0, #S_ENTRY]
        bl      calm
        vmrs    r2, fpscr
        str     r2, [r0, #S_FPSCR]
        mov     r2, #0
        vmsr    fpscr, r2
        add     r1, r0, #S_DOUBLES
        vstmia  r1!, {d0-d15}
        vstmia  r1!, {d16-d31}
        ldr     r2, =SCRATCH
        bl      copy
        ldr     r1, =VARIABLES
        ldr     r2, =S_BYTES
        add     r0, r0, r2
        str     r0, [r1, #OUTPUT]
        ldr     r0, [r1, #STATE]
        add     r0, r0, r2
        str     r0, [r1, #STATE]

        @ ---- before a sequence
next:   ldr     r1, =VARIABLES
        ldr     r0, [r1, #COUNT]
        subs    r0, r0, #1
        bmi     done
        str     r0, [r1, #COUNT]
        mov     r0, #0
        str     r0, [r1, #LOGGED]
        ldr     r0, [r1, #STATE]
        ldr     r2, [r0, #S_ENTRY]
        str     r2, [r1, #ENTRY]
        ldr     r1, =SCRATCH
        ldr     r2, =S_SCRATCH
        add     r2, r0, r2
        bl      copy
        ldr     r1, [r0, #S_FPSCR]
        vmsr    fpscr, r1
        add     r1, r0, #S_DOUBLES
        vldmia  r1!, {d0-d15}
        vldmia  r1!, {d16-d31}
        clrex
        .macro  restore mode, offset
        cps     #\mode
        ldr     sp, [r0, #\offset]
        ldr     lr, [r0, #\offset + 4]
        ldr     r2, [r0, #\offset + 8]
        msr     spsr_fsxc, r2
        .endm
        restore 0x13, S_SVC
        restore 0x17, S_ABT
        restore 0x1b, S_UND
        restore 0x12, S_IRQ
        cps     #0x11
        add     r1, r0, #S_FIQ
        ldm     r1!, {r8-r14}
        ldr     r2, [r1]
        msr     spsr_fsxc, r2
        cps     #0x1f
        add     r1, r0, #32
        ldm     r1, {r8-r14}
        ldr     r1, [r0, #S_CPSR]
        msr     cpsr_fsxc, r1                   @ mode, masks and flags; state comes with the jump
        ldm     r0, {r0-r7}
        ldr     pc, =TRAMPOLINE

        @ ---- helpers (SVC mode; r0 is kept)
copy:   mov     r3, #SCRATCH_WORDS / 8          @ r2 to r1
1:      ldm     r2!, {r4-r11}
        stm     r1!, {r4-r11}
        subs    r3, r3, #1
        bne     1b
        bx      lr
calm:   mrc     p15, 0, r1, c1, c0, 0           @ what sequences may have changed
        bic     r1, r1, #2
        mcr     p15, 0, r1, c1, c0, 0
        ldr     r1, =DACR_START
        mcr     p15, 0, r1, c3, c0, 0
        mov     r1, #0x40000000
        vmsr    fpexc, r1
        mov     r1, #0
        mcr     p15, 0, r1, c8, c7, 0
        isb
        bx      lr

boot:   mov     r0, #0x00f00000
        mcr     p15, 0, r0, c1, c0, 2
        isb
        ldr     r2, =VARIABLES
        ldr     r1, [r2, #TTBR0]
        mcr     p15, 0, r1, c2, c0, 0
        ldr     r0, [r2, #TTBCR]
        mcr     p15, 0, r0, c2, c0, 2
        cmp     r0, #0
        bpl     1f
        mov     r3, #0x00050000                 @ ASID 5
        mcrr    p15, 0, r1, r3, c2
        ldr     r1, [r2, #TTBR1]
        mcrr    p15, 1, r1, r3, c2
        ldr     r0, =0x04bb44ff                 @ MAIR0: write-back, non-cacheable, write-through, device
        mcr     p15, 0, r0, c10, c2, 0
1:      bl      calm
        mrc     p15, 0, r0, c1, c0, 0
        orr     r0, r0, #1
        mcr     p15, 0, r0, c1, c0, 0
        isb
        b       next

        @ ---- the end: semihosting writes the results where the variables ask for it; then power off
done:   ldr     r4, =VARIABLES
        ldr     r0, [r4, #SEMIHOSTING]
        cmp     r0, #0
        beq     off
        mov     r0, #1                          @ SYS_OPEN
        adr     r1, console
        svc     0x123456
        mov     r5, r0
        ldr     r6, [r4, #RESULTS]
        ldr     r7, [r4, #RESULT_BYTES]
        add     r8, r4, #HANDLE
        stm     r8, {r5-r7}
        mov     r0, #5                          @ SYS_WRITE
        mov     r1, r8
        svc     0x123456
off:    ldr     r0, =0x84000008
        hvc     #0
        b       .
        .align  2
console:
        .word   name, 4, 3
name:   .asciz  ":tt"
        .align  2
        .ltorg
