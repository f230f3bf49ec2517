@ Sends back whatever comes to port 0. Lies at RAM base.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    RAM, 0x40000000
        .equ    BUFFER, RAM + 0x20000

start:  mov     r0, #1
        bl      channel_listen
        ldr     r8, =BUFFER
next:   mov     r0, #0
        mov     r1, r8
        mov     r2, #0x10000
        bl      channel_receive
        cmp     r0, #0
        blt     wait
        mov     r5, r0
retry:  mov     r0, #0
        mov     r1, r8
        mov     r2, r5
        bl      channel_send
        cmp     r0, #CHANNEL_FULL
        bne     next
        bl      channel_wait
        b       retry
wait:   bl      channel_wait
        b       next

        .ltorg
        .include "channel.inc"
