@ What the board answers, register by register: GIC, PL011, PL031, PL061, and addresses where nothing is.
@ Not asked, as this machine has fewer of them: interrupts above 95, groups of interrupts, the MSI frame, MPIDR's other CPUs, PSCI 1.1.
@ Arm IHI 0048B §4; Arm DDI 0183, DDI 0224, DDI 0190; ARM DDI 0406C B3.12 (external aborts); Arm DEN 0022D §5.
        .include "common.inc"
        .equ    GICD, 0x08000000
        .equ    GICC, 0x08010000
        .equ    RTC, 0x09010000
        .equ    GPIO, 0x09030000
        .equ    WINDOW, 0x80000000              @ virtual: physical 0 up to 0x40000000

        .equ    READ, 0
        .equ    READ16, 1
        .equ    READ8, 2
        .equ    WRITE, 3
        .equ    WRITE8, 4
        .equ    TITLE, 5
        .equ    END, 6

        .macro  title text
        .word   TITLE, 9f - 8f, 0
8:      .asciz  "\text"
        .balign 4
9:
        .endm
        .macro  read addresses:vararg
        .irp    address, \addresses
        .word   READ, \address, 0
        .endr
        .endm
        .macro  write address, value
        .word   WRITE, \address, \value
        .endm

        .macro  psci function, first, second
        set     r0, \function
        set     r1, \first
        set     r2, \second
        mov     r3, #0
        .word   0xe1400070                      @ HVC #0
        show    r0, r0
        .endm

main:   push    {lr}
        set     r0, LEVEL1 + (WINDOW >> 18)
        set     r1, SECTION
        mov     r2, #0x400
1:      str     r1, [r0], #4
        add     r1, r1, #0x100000
        subs    r2, r2, #1
        bne     1b
        mcr     p15, 0, r2, c8, c7, 0           @ TLBIALL
        synchronise
        adrl    r6, table
        b       next

@ One row of the table at r6: what to do, a physical address, a value.
row:    add     r8, r7, #WINDOW
        expect  after
        cmp     r5, #WRITE
        bhs     3f
        cmp     r5, #READ16
        ldrlo   r9, [r8]
        ldrheq  r9, [r8]
        ldrbhi  r9, [r8]
        show    at, r7
        show    is, r9
        newline
        b       next
3:      streq   r9, [r8]
        strbhi  r9, [r8]
        dsb
        b       next
after:  show    at, r7
        newline
next:   ldm     r6!, {r5, r7, r9}
        cmp     r5, #END
        beq     last
        cmp     r5, #TITLE
        bne     row
        mov     r3, r6
4:      ldrb    r0, [r3], #1
        cmp     r0, #0
        beq     5f
        bl      put
        b       4b
5:      newline
        add     r6, r6, r7
        b       next

last:   say     "PSCI: AFFINITY_INFO of this CPU, of none, of a cluster"
        psci    0x84000004, 0, 0
        psci    0x84000004, 1, 0
        psci    0x84000004, 0, 1
        psci    0x84000004, 7, 1
        newline
        say     "CPU_ON of this CPU, of none"
        psci    0x84000003, 0, 0
        psci    0x84000003, 9, 0
        newline
        say     "MIGRATE, MIGRATE_INFO_TYPE, MIGRATE_INFO_UP_CPU"
        psci    0x84000005, 0, 0
        psci    0x84000006, 0, 0
        psci    0x84000007, 0, 0
        newline
        say     "CPU_SUSPEND: reserved bits, an affinity level, then standby until a timer whose interrupt is masked"
        psci    0x84000001, 0x00020000, 0
        psci    0x84000001, 0x80000000, 0
        psci    0x84000001, 0x01000000, 0
        set     r6, GICD
        set     r7, GICC
        mov     r1, #1
        str     r1, [r6]
        mov     r1, #1 << 27
        str     r1, [r6, #0x100]
        mov     r1, #0xf0
        str     r1, [r7, #4]                    @ GICC_PMR
        mov     r1, #1
        str     r1, [r7]
        set     r1, 0x1000
        mcr     p15, 0, r1, c14, c3, 0          @ CNTV_TVAL
        mov     r1, #1
        mcr     p15, 0, r1, c14, c3, 1          @ CNTV_CTL
        isb
        psci    0x84000001, 0xbeef, 0
        mrc     p15, 0, r2, c14, c3, 1
        show    timer, r2
        newline
        say     "features"
        psci    0x8400000a, 0x84000000, 0
        psci    0x8400000a, 0x84000001, 0
        psci    0x8400000a, 0x84000002, 0
        psci    0x8400000a, 0x84000003, 0
        psci    0x8400000a, 0x84000004, 0
        psci    0x8400000a, 0x84000005, 0
        psci    0x8400000a, 0x84000006, 0
        psci    0x8400000a, 0x84000007, 0
        psci    0x8400000a, 0x84000008, 0
        psci    0x8400000a, 0x84000009, 0
        psci    0x8400000a, 0x8400000a, 0
        psci    0x8400000a, 0x8400000e, 0
        psci    0x8400000a, 1337, 0
        newline
        pop     {pc}

table:
        title   "GICD"
        read    GICD, GICD + 8, GICD + 0xc, GICD + 0x20, GICD + 0x80, GICD + 0x84
        .word   READ8, GICD + 5, 0              @ GICD_TYPER: one CPU, no Security Extensions
        read    GICD + 0x100, GICD + 0x104, GICD + 0x180, GICD + 0x200, GICD + 0x280, GICD + 0x300, GICD + 0x380
        read    GICD + 0x400, GICD + 0x420, GICD + 0x800, GICD + 0x81c, GICD + 0x820, GICD + 0xc00, GICD + 0xc04, GICD + 0xc08
        read    GICD + 0xd00, GICD + 0xd04, GICD + 0xe00, GICD + 0xf00, GICD + 0xf10, GICD + 0xf20, GICD + 0xfb0
        read    GICD + 0xfd0, GICD + 0xfd4, GICD + 0xfd8, GICD + 0xfdc, GICD + 0xfe0, GICD + 0xfe4, GICD + 0xfe8, GICD + 0xfec
        read    GICD + 0xff0, GICD + 0xff4, GICD + 0xff8, GICD + 0xffc, GICD + 0x1000, GICD + 0xfffc
        title   "GICD written"
        write   GICD, 1
        write   GICD + 8, 0
        write   GICD + 0xfe8, 0
        read    GICD, GICD + 8, GICD + 0xfe8
        write   GICD, 0
        write   GICD + 0x100, -1
        write   GICD + 0x104, -1
        read    GICD + 0x100, GICD + 0x104
        write   GICD + 0x180, -1
        write   GICD + 0x184, -1
        read    GICD + 0x100, GICD + 0x104
        write   GICD + 0x200, -1
        write   GICD + 0x204, 0x0000ff00
        read    GICD + 0x200, GICD + 0x204
        write   GICD + 0x280, -1
        write   GICD + 0x284, -1
        read    GICD + 0x200, GICD + 0x204
        write   GICD + 0x300, -1
        write   GICD + 0x304, 0x0000ff00
        read    GICD + 0x300, GICD + 0x304
        write   GICD + 0x380, -1
        write   GICD + 0x384, -1
        read    GICD + 0x300, GICD + 0x304
        write   GICD + 0x400, 0xffffffff
        write   GICD + 0x420, 0x12345678
        .word   WRITE8, GICD + 0x421, 0xab
        read    GICD + 0x400, GICD + 0x420
        .word   READ8, GICD + 0x421, 0
        .word   READ16, GICD + 0x422, 0
        write   GICD + 0x820, -1
        read    GICD + 0x820
        write   GICD + 0xc00, 0
        write   GICD + 0xc04, -1
        write   GICD + 0xc08, -1
        read    GICD + 0xc00, GICD + 0xc04, GICD + 0xc08
        write   GICD + 0xc08, 0
        read    GICD + 0xc08
        write   GICD + 0xf20, 0x01010101
        read    GICD + 0xf10, GICD + 0xf20, GICD + 0x200
        write   GICD + 0xf10, -1
        read    GICD + 0xf10, GICD + 0xf20
        title   "GICC"
        read    GICC, GICC + 4, GICC + 8, GICC + 0xc, GICC + 0x14, GICC + 0x18
        read    GICC + 0xd0, GICC + 0xd4, GICC + 0xe0, GICC + 0xfc, GICC + 0x1000, GICC + 0x2000
        title   "GICC written"
        write   GICC, 0x201                     @ EnableGrp0, EOImode
        write   GICC + 4, -1
        write   GICC + 8, -1
        read    GICC, GICC + 4, GICC + 8
        write   GICC, 0
        write   GICC + 8, 0
        read    GICC + 8
        write   GICC + 4, 0x5a
        read    GICC + 4
        title   "an SGI to itself, in GICD_SGIR's three ways, by IAR"
        write   GICC + 4, 0xff
        write   GICC, 1
        write   GICD, 1
        write   GICD + 0x400, 0
        write   GICD + 0xf00, 0x02000001
        read    GICD + 0x200, GICC + 0x18, GICC + 0xc, GICC + 0xc, GICC + 0x14, GICD + 0x200, GICD + 0x300, GICC + 0xd0
        write   GICD + 0x380, 2
        read    GICD + 0x300, GICC + 0x14
        write   GICC + 0x10, 1
        read    GICD + 0x300, GICC + 0x14
        write   GICD + 0xf00, 0x01000001
        read    GICD + 0x200
        write   GICD + 0xf00, 0x00020001
        read    GICD + 0x200
        write   GICD + 0xf00, 0x00ff0001
        read    GICD + 0x200, GICC + 0xc
        write   GICC + 0x10, 1
        write   GICD, 0
        title   "PL031"
        read    RTC + 4, RTC + 0xc, RTC + 0x10, RTC + 0x14, RTC + 0x18, RTC + 0x1c, RTC + 0x20
        read    RTC + 0xfe0, RTC + 0xfe4, RTC + 0xfe8, RTC + 0xfec, RTC + 0xff0, RTC + 0xff4, RTC + 0xff8, RTC + 0xffc
        write   RTC + 8, 0x12345678
        read    RTC, RTC + 8
        write   RTC + 0xc, 0
        read    RTC + 0xc
        write   RTC + 4, 0x12345678
        read    RTC + 4, RTC + 0x14, RTC + 0x18
        write   RTC + 0x10, -1
        read    RTC + 0x10, RTC + 0x18
        write   RTC + 0x1c, 0x80000000
        read    RTC + 0x14, RTC + 0x18
        title   "PL011"
        read    UART, UART + 4, UART + 0x18, UART + 0x20, UART + 0x24, UART + 0x28, UART + 0x2c, UART + 0x34, UART + 0x38
        read    UART + 0x40, UART + 0x48, UART + 0x4c
        read    UART + 0xfe0, UART + 0xfe4, UART + 0xfe8, UART + 0xfec, UART + 0xff0, UART + 0xff4, UART + 0xff8, UART + 0xffc
        .word   READ8, UART + 0x18, 0
        .word   READ16, UART + 0xfe0, 0
        title   "PL061"
        read    GPIO, GPIO + 0x3fc, GPIO + 0x400, GPIO + 0x404, GPIO + 0x408, GPIO + 0x40c, GPIO + 0x410, GPIO + 0x414
        read    GPIO + 0x418, GPIO + 0x41c, GPIO + 0x420
        read    GPIO + 0xfe0, GPIO + 0xfe4, GPIO + 0xfe8, GPIO + 0xfec, GPIO + 0xff0, GPIO + 0xff4, GPIO + 0xff8, GPIO + 0xffc
        title   "virtio: 32 empty slots"
        read    0x0a000000, 0x0a000008, 0x0a003e00, 0x0a003e08
        title   "nothing there"
        read    0x08040000, 0x08080000, 0x080a0000, 0x09001000, 0x09011000, 0x09020018, 0x09031000, 0x09040000
        read    0x09050000, 0x09070000, 0x09080000, 0x0a004000, 0x0b000000, 0x0c000000, 0x0d000000, 0x0e000000
        read    0x10000000, 0x3efeffff & ~3, 0x3eff0000, 0x3efffffc, 0x3f000000, 0x3ffffffc
        write   0x0b000000, 0
        write   0x10000000, 0
        write   0x3f000000, 0
        .word   READ16, 0x10000002, 0
        .word   READ8, 0x3eff0001, 0
        .word   END, 0, 0
