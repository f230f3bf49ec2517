@ Tight integer loops for npm run bench: a mark on the console before and after each, then power-off. Instructions are counted
@ by the machine; the times between marks compare this machine with another.
@   crc    CRC-32 of a counter, bit by bit: registers only
@   table  CRC-32 of a counter by table: loads
@   sieve  primes below 8192, again and again: byte stores and loads
@ Flat binary for RAM base + 0x10000; the table lies at RAM base + 0x20000, the sieve at + 0x21000.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    UART, 0x09000000
        .equ    UARTCR, 0x30
        .equ    POLYNOMIAL, 0xedb88320
        .equ    TABLE, 0x40020000
        .equ    SIEVE, 0x40021000
        .equ    LIMIT, 8192

        ldr     r10, =UART
        ldr     r0, =0x301
        str     r0, [r10, #UARTCR]
        ldr     r9, =POLYNOMIAL

        ldr     r8, =TABLE              @ the table first, unmeasured
        mov     r7, #0
1:      mov     r1, r7
        mov     r2, #8
2:      lsrs    r1, r1, #1
        eorcs   r1, r1, r9
        subs    r2, r2, #1
        bne     2b
        str     r1, [r8, r7, lsl #2]
        add     r7, r7, #1
        cmp     r7, #256
        bne     1b

        ldr     r0, ='\n' << 24 | 'c' << 16 | 'r' << 8 | 'c'
        bl      mark
        mvn     r1, #0
        ldr     r3, =10000000
1:      eor     r1, r1, r3
        mov     r2, #8
2:      lsrs    r1, r1, #1
        eorcs   r1, r1, r9
        subs    r2, r2, #1
        bne     2b
        subs    r3, r3, #1
        bne     1b

        ldr     r0, ='\n' << 24 | 'b' << 16 | 'a' << 8 | 't'
        bl      mark
        mvn     r1, #0
        ldr     r3, =50000000
1:      eor     r4, r1, r3
        and     r4, r4, #255
        ldr     r4, [r8, r4, lsl #2]
        eor     r1, r4, r1, lsr #8
        subs    r3, r3, #1
        bne     1b

        ldr     r0, ='\n' << 24 | 'v' << 16 | 'e' << 8 | 's'
        bl      mark
        ldr     r8, =SIEVE
        ldr     r5, =2000
        ldr     r6, =LIMIT
4:      mov     r1, #0                  @ clear
        mov     r2, #0
1:      str     r1, [r8, r2]
        add     r2, r2, #4
        cmp     r2, r6
        bne     1b
        mov     r2, #2
        mov     r7, #1
2:      ldrb    r1, [r8, r2]
        cmp     r1, #0
        bne     3f
        adds    r3, r2, r2
        cmp     r3, r6
        bhs     3f
5:      strb    r7, [r8, r3]
        add     r3, r3, r2
        cmp     r3, r6
        blo     5b
3:      add     r2, r2, #1
        cmp     r2, r6
        bne     2b
        subs    r5, r5, #1
        bne     4b

        ldr     r0, ='\n' << 24 | 'd' << 16 | 'n' << 8 | 'e'
        bl      mark
        ldr     r0, =0x84000008         @ PSCI SYSTEM_OFF
        .word   0xe1400070              @ hvc #0
        b       .

mark:   mov     r2, #4                  @ the four bytes of r0, low first
1:      and     r1, r0, #255
        str     r1, [r10]
        lsr     r0, r0, #8
        subs    r2, r2, #1
        bne     1b
        bx      lr
        .ltorg
