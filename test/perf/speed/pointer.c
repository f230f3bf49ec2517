// Follows one random cycle through all nodes of a 2 MiB table: every load's address is the load before.

#include "speed.h"

#define NODE_COUNT 65536
#define STEP_COUNT 120000000u

struct node {
    struct node *next;
    uint32_t value;
    uint32_t unused[6];
};

static struct node nodes[NODE_COUNT];

// Sattolo's shuffle: a permutation of a single cycle.
static void cycle_make(void)
{
    static uint32_t order[NODE_COUNT];
    uint32_t seed = 2463534242u;
    for (uint32_t n = 0; n < NODE_COUNT; n++)
        order[n] = n;
    for (uint32_t n = NODE_COUNT - 1; n > 0; n--) {
        uint32_t with = speed_random(&seed) % n;
        uint32_t held = order[n];
        order[n] = order[with];
        order[with] = held;
    }
    for (uint32_t n = 0; n < NODE_COUNT; n++) {
        nodes[n].next = &nodes[order[n]];
        nodes[n].value = speed_random(&seed);
    }
}

static uint32_t work(void)
{
    uint32_t sum = 0;
    const struct node *node = nodes;
    for (uint32_t n = 0; n < STEP_COUNT; n++) {
        sum = sum * 3 + node->value;
        node = node->next;
    }
    return sum ^ (uint32_t)(node - nodes);
}

int main(void)
{
    cycle_make();
    return speed_run(work, 0x9d412db4);
}
