// What every program of the speed bench has in common: a marker before the work and one after it, for the clock outside, with
// the guest's own time and whether the work's result was the right one.

#ifndef SPEED_H
#define SPEED_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NEVER_INLINE __attribute__((noinline))

static inline uint64_t speed_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

// One write a line: nothing waits in a buffer while the clock outside runs.
static inline void speed_line(const char *line)
{
    size_t length = strlen(line);
    if (write(1, line, length) != (ssize_t)length)
        _exit(3);
}

// Runs `work` once between the markers. A result other than `expected` makes the run no figure.
static inline int speed_run(uint32_t (*work)(void), uint32_t expected)
{
    char line[80];
    speed_line("speed-begin\n");
    uint64_t began = speed_now();
    uint32_t result = work();
    uint64_t took = speed_now() - began;
    if (result == expected)
        snprintf(line, sizeof line, "speed-end %llu ok\n", (unsigned long long)took);
    else
        snprintf(line, sizeof line, "speed-end %llu wrong %08x\n", (unsigned long long)took, (unsigned)result);
    speed_line(line);
    return result == expected ? 0 : 1;
}

// xorshift32 (Marsaglia, 2003): the same numbers everywhere.
static inline uint32_t speed_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

// FNV-1a over a word's bytes.
static inline uint32_t speed_mix(uint32_t hash, uint32_t word)
{
    for (int n = 0; n < 4; n++) {
        hash = (hash ^ (word & 0xff)) * 16777619u;
        word >>= 8;
    }
    return hash;
}

#define SPEED_MIX_START 2166136261u

#endif
