// CRC-32 (IEEE 802.3, reflected) of the same buffer, with a table and bit by bit.

#include "speed.h"

#define BUFFER_BYTES 65536
#define TABLE_ROUNDS 1600
#define BITWISE_ROUNDS 200

static uint8_t buffer[BUFFER_BYTES];
static uint32_t table[256];

static NEVER_INLINE uint32_t crc_table(uint32_t crc)
{
    crc = ~crc;
    for (int n = 0; n < BUFFER_BYTES; n++)
        crc = table[(crc ^ buffer[n]) & 0xff] ^ crc >> 8;
    return ~crc;
}

static NEVER_INLINE uint32_t crc_bitwise(uint32_t crc)
{
    crc = ~crc;
    for (int n = 0; n < BUFFER_BYTES; n++) {
        crc ^= buffer[n];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static uint32_t work(void)
{
    uint32_t crc = 0;
    for (int n = 0; n < TABLE_ROUNDS; n++)
        crc = crc_table(crc);
    for (int n = 0; n < BITWISE_ROUNDS; n++)
        crc = crc_bitwise(crc);
    return crc;
}

int main(void)
{
    uint32_t seed = 88172645u;
    for (int n = 0; n < BUFFER_BYTES; n++)
        buffer[n] = (uint8_t)speed_random(&seed);
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        table[n] = crc;
    }
    return speed_run(work, 0xf955f830);
}
