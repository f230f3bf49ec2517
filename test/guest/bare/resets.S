@ A guest that resets itself at once, as a broken image would.

        .syntax unified
        .cpu    cortex-a7
        .arm
        ldr     r0, =0x84000009         @ PSCI SYSTEM_RESET
        .word   0xe1400070              @ hvc #0
        b       .
