// Integer work in the manner of CoreMark: a list is sorted and searched, small matrices are multiplied, a state machine reads
// numbers from text, and a CRC runs over all results.

#include "speed.h"

#define ROUND_COUNT 4000
#define NODE_COUNT 256
#define SIDE 18
#define TEXT_BYTES 1200

struct node {
    struct node *next;
    int16_t key;
    int16_t value;
};

static struct node nodes[NODE_COUNT];

static NEVER_INLINE uint16_t crc16(uint32_t word, uint16_t crc)
{
    for (int n = 0; n < 32; n++) {
        uint16_t bit = (uint16_t)((word ^ crc) & 1);
        crc >>= 1;
        word >>= 1;
        if (bit)
            crc ^= 0xa001;
    }
    return crc;
}

static struct node *list_make(uint32_t seed)
{
    for (int n = 0; n < NODE_COUNT; n++) {
        uint32_t drawn = speed_random(&seed);
        nodes[n].key = (int16_t)drawn;
        nodes[n].value = (int16_t)(drawn >> 16);
        nodes[n].next = n + 1 < NODE_COUNT ? &nodes[n + 1] : NULL;
    }
    return nodes;
}

static int by_key(const struct node *a, const struct node *b)
{
    return a->key - b->key;
}

static int by_value(const struct node *a, const struct node *b)
{
    return a->value - b->value;
}

// Merge sort from the bottom up, by links alone.
static NEVER_INLINE struct node *list_sort(struct node *list, int (*compare)(const struct node *, const struct node *))
{
    for (int size = 1;; size *= 2) {
        struct node *rest = list, *tail = NULL;
        int merged = 0;
        list = NULL;
        while (rest) {
            struct node *left = rest, *right = rest;
            int left_count = 0, right_count = size;
            merged++;
            while (right && left_count < size) {
                right = right->next;
                left_count++;
            }
            while (left_count > 0 || (right_count > 0 && right)) {
                struct node *next;
                if (left_count > 0 && (right_count == 0 || !right || compare(left, right) <= 0)) {
                    next = left;
                    left = left->next;
                    left_count--;
                } else {
                    next = right;
                    right = right->next;
                    right_count--;
                }
                if (tail)
                    tail->next = next;
                else
                    list = next;
                tail = next;
            }
            rest = right;
        }
        tail->next = NULL;
        if (merged <= 1)
            return list;
    }
}

static NEVER_INLINE struct node *list_reverse(struct node *list)
{
    struct node *reversed = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static NEVER_INLINE const struct node *list_find(const struct node *list, int16_t value)
{
    while (list && list->value != value)
        list = list->next;
    return list;
}

static uint16_t list_work(uint32_t seed, uint16_t crc)
{
    struct node *list = list_sort(list_make(seed), by_key);
    for (int n = 0; n < NODE_COUNT; n += 16) {
        const struct node *found = list_find(list, nodes[n].value);
        crc = crc16(found ? (uint32_t)found->key : 0, crc);
        list = list_reverse(list);
    }
    list = list_sort(list, by_value);
    for (const struct node *node = list; node; node = node->next)
        crc = crc16((uint32_t)(node->key ^ node->value), crc);
    return crc;
}

static NEVER_INLINE void matrix_multiply(int32_t *product, const int16_t *a, const int16_t *b)
{
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            int32_t sum = 0;
            for (int n = 0; n < SIDE; n++)
                sum += a[row * SIDE + n] * b[n * SIDE + column];
            product[row * SIDE + column] = sum;
        }
}

static uint16_t matrix_work(uint32_t seed, uint16_t crc)
{
    static int16_t a[SIDE * SIDE], b[SIDE * SIDE];
    static int32_t product[SIDE * SIDE];
    for (int n = 0; n < SIDE * SIDE; n++) {
        a[n] = (int16_t)speed_random(&seed);
        b[n] = (int16_t)(speed_random(&seed) & 0xff);
    }
    matrix_multiply(product, a, b);
    int32_t sum = 0;
    for (int n = 0; n < SIDE * SIDE; n++) {
        sum += (product[n] >> 3) & 0x7f;
        if (product[n] > sum)
            sum += 10;
    }
    return crc16((uint32_t)sum, crc);
}

enum state { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCALE, INVALID, STATE_COUNT };

// Reads one number up to the comma; returns the state in which it ends.
static NEVER_INLINE enum state number_read(const char **text, uint32_t *seen)
{
    enum state state = START;
    const char *at = *text;
    for (; *at && *at != ','; at++) {
        char c = *at;
        int digit = c >= '0' && c <= '9';
        switch (state) {
        case START:
            state = digit ? WHOLE : c == '-' || c == '+' ? SIGN : c == '.' ? POINT : INVALID;
            break;
        case SIGN:
            state = digit ? WHOLE : c == '.' ? POINT : INVALID;
            break;
        case WHOLE:
            state = digit ? WHOLE : c == '.' ? POINT : c == 'e' ? EXPONENT : INVALID;
            break;
        case POINT:
        case FRACTION:
            state = digit ? FRACTION : c == 'e' && state == FRACTION ? EXPONENT : INVALID;
            break;
        case EXPONENT:
            state = digit ? SCALE : c == '-' || c == '+' ? EXPONENT_SIGN : INVALID;
            break;
        case EXPONENT_SIGN:
        case SCALE:
            state = digit ? SCALE : INVALID;
            break;
        default:
            break;
        }
        seen[state]++;
    }
    *text = *at ? at + 1 : at;
    return state;
}

static uint16_t state_work(uint32_t seed, uint16_t crc)
{
    static const char *const words[] = {"5012", "-874", "+122", "35.54400", ".1234500", "-110.700", "5.500e+3", "-.123e-2",
                                        "-87e+832", "T0.3e-1F", "-T.T++Tq", "1T3.4e4z", "3.4e-T^", "--12"};
    static char text[TEXT_BYTES + 16];
    uint32_t ends[STATE_COUNT] = {0}, seen[STATE_COUNT] = {0};
    char *fill = text;
    while (fill < text + TEXT_BYTES) {
        const char *word = words[speed_random(&seed) % (sizeof words / sizeof *words)];
        while (*word)
            *fill++ = *word++;
        *fill++ = ',';
    }
    *fill = 0;
    for (const char *at = text; *at;)
        ends[number_read(&at, seen)]++;
    for (int n = 0; n < STATE_COUNT; n++)
        crc = crc16(ends[n] << 16 | seen[n], crc);
    return crc;
}

static uint32_t work(void)
{
    uint32_t hash = SPEED_MIX_START;
    for (uint32_t round = 1; round <= ROUND_COUNT; round++) {
        uint16_t crc = list_work(round * 77, 0);
        crc = matrix_work(round * 99, crc);
        crc = state_work(round * 55, crc);
        hash = speed_mix(hash, crc);
    }
    return hash;
}

int main(void)
{
    return speed_run(work, 0x3cca4a08);
}
