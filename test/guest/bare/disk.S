@ A guest that keeps its disk (virtio-block, slot 0) busy, one request at a time and one after the other, as its first console byte says.
@   r  read 4 KiB    w  write 4 KiB    f  flush    d  discard 4 KiB    z  write 4 KiB of zeroes: each sleeps (WFI) until it is done
@   p  read 4 KiB, and spin until it is done
@ It goes through the disk from its beginning to its end again and again. A request that fails ends it: it says "error" and sleeps.
@ Flat binary for RAM base + 0x10000. VIRTIO 1.2 §2.7, §4.2.2, §5.2.
@ Registers: r4 UART, r5 byte, r8 queue, r9 device, r10 requests so far, r11 request type, r12 1 = spins, r3 sector

        .syntax unified
        .cpu    cortex-a7
        .arm
        .equ    UART, 0x09000000
        .equ    UARTDR, 0x00
        .equ    UARTFR, 0x18
        .equ    UARTCR, 0x30
        .equ    FR_RXFE, 1 << 4
        .equ    FR_TXFF, 1 << 5
        .equ    GICD, 0x08000000
        .equ    GICC, 0x08010000
        .equ    DEVICE, 0x0a000000
        .equ    FEATURES, 1 << 9 | 1 << 13 | 1 << 14    @ FLUSH, DISCARD, WRITE_ZEROES
        .equ    QUEUE, 0x40040000                       @ descriptors; the rings behind them
        .equ    DRIVER_RING, 0x80
        .equ    DEVICE_RING, 0x100
        .equ    HEADER, 0x200
        .equ    STATUS, 0x210
        .equ    RANGE, 0x220
        .equ    DATA, 0x1000
        .equ    SIZE, 8
        .equ    SECTORS, 8

start:  ldr     r4, =UART
        ldr     r0, =0x301              @ UARTEN, TXE, RXE
        str     r0, [r4, #UARTCR]
        ldr     r0, =GICD               @ SPI 16 may wake a WFI; it is never taken
        mov     r1, #1
        str     r1, [r0]
        mov     r1, #1 << 16
        str     r1, [r0, #0x104]
        ldr     r0, =GICC
        mov     r1, #0xff
        str     r1, [r0, #4]
        mov     r1, #1
        str     r1, [r0]

        ldr     r9, =DEVICE
        mov     r0, #0
        str     r0, [r9, #0x70]
        mov     r0, #3                  @ ACKNOWLEDGE, DRIVER
        str     r0, [r9, #0x70]
        mov     r0, #0
        str     r0, [r9, #0x14]
        str     r0, [r9, #0x24]
        ldr     r1, [r9, #0x10]
        ldr     r2, =FEATURES
        and     r1, r1, r2
        str     r1, [r9, #0x20]
        mov     r0, #1
        str     r0, [r9, #0x24]
        str     r0, [r9, #0x20]         @ VERSION_1
        mov     r0, #11                 @ FEATURES_OK
        str     r0, [r9, #0x70]
        ldr     r8, =QUEUE
        mov     r0, #0
        str     r0, [r9, #0x30]
        mov     r1, #SIZE
        str     r1, [r9, #0x38]
        str     r8, [r9, #0x80]
        str     r0, [r9, #0x84]
        add     r1, r8, #DRIVER_RING
        str     r1, [r9, #0x90]
        str     r0, [r9, #0x94]
        add     r1, r8, #DEVICE_RING
        str     r1, [r9, #0xa0]
        str     r0, [r9, #0xa4]
        mov     r1, #1
        str     r1, [r9, #0x44]
        mov     r0, #15                 @ DRIVER_OK
        str     r0, [r9, #0x70]
        mov     r10, #0
        mov     r3, #0
        mov     r12, #0
        adr     r0, ready
        bl      print

key:    ldr     r0, [r4, #UARTFR]
        tst     r0, #FR_RXFE
        bne     key
        ldr     r5, [r4, #UARTDR]
        and     r5, r5, #0xff
        mvn     r11, #0
        cmp     r5, #'r'
        moveq   r11, #0
        cmp     r5, #'p'
        moveq   r11, #0
        moveq   r12, #1
        cmp     r5, #'w'
        moveq   r11, #1
        cmp     r5, #'f'
        moveq   r11, #4
        cmp     r5, #'d'
        moveq   r11, #11
        cmp     r5, #'z'
        moveq   r11, #13
        cmn     r11, #1
        beq     key

next:   add     r0, r8, #HEADER         @ {type, 0, sector}
        mov     r1, #0
        str     r11, [r0]
        str     r1, [r0, #4]
        str     r3, [r0, #8]
        str     r1, [r0, #12]
        mov     r2, #16
        mov     r6, #1                  @ NEXT
        mov     r7, #1
        cmp     r11, #4
        moveq   r7, #2                  @ a flush has no data
        str     r0, [r8]                @ descriptor 0
        str     r1, [r8, #4]
        str     r2, [r8, #8]
        strh    r6, [r8, #12]
        strh    r7, [r8, #14]
        add     r0, r8, #DATA
        mov     r2, #SECTORS * 512
        cmp     r11, #0
        moveq   r6, #3                  @ NEXT, WRITE
        cmp     r11, #11
        blt     1f
        add     r0, r8, #RANGE          @ {sector, count, flags}
        mov     r2, #16
        str     r3, [r0]
        str     r1, [r0, #4]
        mov     r7, #SECTORS
        str     r7, [r0, #8]
        str     r1, [r0, #12]
        str     r1, [r8, #HEADER + 8]
1:      str     r0, [r8, #16]           @ descriptor 1
        str     r1, [r8, #20]
        str     r2, [r8, #24]
        strh    r6, [r8, #28]
        mov     r7, #2
        strh    r7, [r8, #30]
        add     r0, r8, #STATUS
        mov     r2, #1
        mov     r6, #2                  @ WRITE
        str     r0, [r8, #32]           @ descriptor 2
        str     r1, [r8, #36]
        str     r2, [r8, #40]
        strh    r6, [r8, #44]
        strh    r1, [r8, #46]
        mov     r2, #0xff
        strb    r2, [r0]
        add     r0, r8, #DRIVER_RING
        and     r2, r10, #SIZE - 1
        add     r2, r0, r2, lsl #1
        strh    r1, [r2, #4]            @ head 0
        add     r10, r10, #1
        strh    r10, [r0, #2]
        str     r1, [r9, #0x50]         @ notify

wait:   add     r0, r8, #DEVICE_RING
        ldrh    r1, [r0, #2]
        lsl     r2, r10, #16
        cmp     r1, r2, lsr #16
        beq     done
        cmp     r12, #1
        beq     wait
        wfi
        bl      quiet
        b       wait

done:   bl      quiet
        ldrb    r1, [r8, #STATUS]
        cmp     r1, #0
        bne     failed
        add     r3, r3, #SECTORS
        ldr     r1, [r9, #0x100]        @ capacity
        add     r2, r3, #SECTORS
        cmp     r2, r1
        movhi   r3, #0
        b       next

quiet:  ldr     r0, [r9, #0x60]         @ acknowledges the interrupt
        str     r0, [r9, #0x64]
        bx      lr

failed: adr     r0, error
        bl      print
sleep:  wfi
        b       sleep

put:    ldr     r1, [r4, #UARTFR]
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

        .ltorg
ready:  .asciz  "ready\n"
error:  .asciz  "error\n"
        .align  2
