@ Sends 4096 bytes out of port 0 for ever, whatever the answer is, and never receives. Lies at RAM base.

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    BUFFER, 0x40010000

start:  mov     r0, #0
        ldr     r1, =BUFFER
        mov     r2, #4096
        bl      channel_send
        b       start

        .ltorg
        .include "channel.inc"
