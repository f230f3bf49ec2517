@ Sends messages out of port 0 and waits for each to come back. The words at RAM base + 0x8000 say how many bytes a message has, how many rounds
@ there are, and, at the end, how many came back unchanged. Then the power goes off. Lies at RAM base.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    PSCI_SYSTEM_OFF, 0x84000008
        .equ    RAM, 0x40000000
        .equ    CONTROL, RAM + 0x8000   @ {bytes, rounds, good}
        .equ    OUT, RAM + 0x10000
        .equ    IN, RAM + 0x20000

start:  mov     r0, #1
        bl      channel_listen
        ldr     r4, =CONTROL
        ldr     r5, [r4]                @ bytes
        ldr     r6, [r4, #4]            @ rounds left
        mov     r7, #0                  @ good
        ldr     r8, =OUT
        ldr     r9, =IN

round:  str     r6, [r8]                @ each message is another one
        add     r0, r8, r5
        strb    r6, [r0, #-1]
        mov     r0, #0
        mov     r1, r8
        mov     r2, r5
        bl      channel_send
        cmp     r0, #0
        blt     off
again:  mov     r0, #0
        mov     r1, r9
        mov     r2, #0x10000
        bl      channel_receive
        cmp     r0, #CHANNEL_EMPTY
        bne     1f
        bl      channel_wait
        b       again
1:      cmp     r0, r5
        bne     off
        ldr     r0, [r9]
        ldr     r1, [r8]
        cmp     r0, r1
        bne     off
        add     r0, r9, r5
        ldrb    r0, [r0, #-1]
        and     r1, r6, #0xff
        cmp     r0, r1
        bne     off
        add     r7, r7, #1
        subs    r6, r6, #1
        bne     round

off:    str     r7, [r4, #8]
        ldr     r0, =PSCI_SYSTEM_OFF
        .word   0xe1400070              @ hvc #0
        b       .

        .ltorg
        .include "channel.inc"
