@ A guest of a few hundred bytes for tests of the host: it reads its console and does what the byte says; others it echoes.
@   q  power off    r  reset    p  announce a panic, then reset    w  arm the watchdog and stay silent
@   s  spin for ever    i  sleep for ever (WFI)    l  write 20,000 lines
@ Flat binary for RAM base + 0x10000, position-independent, no stack, no memory. Registers: r4 UART, r5 byte.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    UART, 0x09000000
        .equ    UARTDR, 0x00
        .equ    UARTFR, 0x18
        .equ    UARTCR, 0x30
        .equ    FR_RXFE, 1 << 4
        .equ    FR_TXFF, 1 << 5
        .equ    WATCHDOG, 0x090d0000
        .equ    PSCI_SYSTEM_OFF, 0x84000008
        .equ    PSCI_SYSTEM_RESET, 0x84000009

start:  ldr     r4, =UART
        ldr     r0, =0x301              @ UARTEN, TXE, RXE
        str     r0, [r4, #UARTCR]
        adr     r0, ready
        bl      print
next:   ldr     r0, [r4, #UARTFR]
        tst     r0, #FR_RXFE
        bne     next
        ldr     r5, [r4, #UARTDR]
        and     r5, r5, #0xff
        cmp     r5, #'q'
        beq     off
        cmp     r5, #'r'
        beq     reset
        cmp     r5, #'p'
        beq     panic
        cmp     r5, #'w'
        beq     bite
        cmp     r5, #'s'
        beq     .
        cmp     r5, #'i'
        beq     sleep
        cmp     r5, #'l'
        beq     lines
        bl      put
        b       next

put:    ldr     r1, [r4, #UARTFR]       @ waits for room: what it writes is never lost
        tst     r1, #FR_TXFF
        bne     put
        str     r5, [r4, #UARTDR]
        bx      lr

print:  mov     r6, lr
        mov     r7, r0
1:      ldrb    r5, [r7], #1
        cmp     r5, #0
        bxeq    r6
        bl      put
        b       1b

off:    ldr     r0, =PSCI_SYSTEM_OFF
        .word   0xe1400070              @ hvc #0
panic:  adr     r0, message
        bl      print
reset:  ldr     r0, =PSCI_SYSTEM_RESET
        .word   0xe1400070              @ hvc #0

bite:   ldr     r0, =WATCHDOG
        ldr     r1, =24000              @ a millisecond, twice
        str     r1, [r0]
        mov     r1, #3
        str     r1, [r0, #8]
        b       .

sleep:  wfi
        b       sleep

lines:  ldr     r8, =20000
1:      adr     r0, line
        bl      print
        subs    r8, r8, #1
        bne     1b
        b       next

        .ltorg
ready:  .asciz  "ready\n"
message: .asciz "Kernel panic - not syncing: asked for\n"
line:   .asciz  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"
        .align  2
