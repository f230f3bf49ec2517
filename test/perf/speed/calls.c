// Call-heavy and string-heavy work in the manner of Dhrystone: small procedures that pass records by pointer, compare and copy
// strings of thirty characters through the C library, and branch on enumerations.

#include "speed.h"

#define ROUND_COUNT 4000000
#define WORD_BYTES 31

enum kind { FIRST, SECOND, THIRD, FOURTH, FIFTH };

struct record {
    struct record *partner;
    enum kind kind;
    enum kind next_kind;
    int amount;
    char word[WORD_BYTES];
};

static struct record records[2];
static int amounts[50];
static int table[50][50];
static int total;
static char last_letter;

static NEVER_INLINE int add(int a, int b)
{
    return a + b + 2;
}

static NEVER_INLINE enum kind letters_differ(char a, char b)
{
    if (a != b)
        return FIRST;
    last_letter = a;
    return SECOND;
}

static NEVER_INLINE int word_after(const char *a, const char *b)
{
    int at = 2;
    while (at <= 2)
        if (letters_differ(a[at], b[at + 1]) == FIRST)
            at++;
        else
            return 0;
    if (strcmp(a, b) <= 0)
        return 0;
    total += at;
    return 1;
}

static NEVER_INLINE enum kind kind_after(enum kind kind)
{
    switch (kind) {
    case FIRST:
        return FIFTH;
    case SECOND:
        return total > 100 ? FIRST : FOURTH;
    case THIRD:
        return SECOND;
    case FOURTH:
        return THIRD;
    default:
        return kind;
    }
}

static NEVER_INLINE void amount_raise(int *amount)
{
    int left = *amount + 10;
    while (left > *amount + 8)
        left--;
    *amount = left - 1;
}

static NEVER_INLINE void record_partner(struct record **partner)
{
    *partner = records[0].partner;
    records[0].amount = add(10, total & 0xff);
}

static NEVER_INLINE void record_advance(struct record *record)
{
    struct record *next = record->partner;
    *next = records[0];
    record->amount = 5;
    next->amount = record->amount;
    next->partner = record->partner;
    record_partner(&next->partner);
    if (next->kind == FIRST) {
        next->amount = 6;
        next->next_kind = kind_after(record->next_kind);
        next->partner = records[0].partner;
        next->amount = add(next->amount, 10);
    } else {
        *record = *record->partner;
    }
}

static NEVER_INLINE void table_fill(int *row, int (*rows)[50], int at, int value)
{
    int place = at + 5;
    row[place] = value;
    row[place + 1] = row[place];
    row[place + 30] = place;
    for (int n = place; n <= place + 1; n++)
        rows[place][n] = place;
    rows[place][place - 1]++;
    rows[place + 20][place] = row[place];
}

static uint32_t work(void)
{
    char word[WORD_BYTES], other[WORD_BYTES];
    uint32_t hash = SPEED_MIX_START;
    records[0] = (struct record){.partner = &records[1], .kind = FIRST, .next_kind = THIRD, .amount = 40};
    strcpy(records[0].word, "A PROGRAM OF RECORDS AND WORDS");
    strcpy(word, "THIRTY LETTERS MAKE UP, A WORD");
    for (int round = 0; round < ROUND_COUNT; round++) {
        int one = 2, two = 3, three = 0;
        total = round & 0x7f;
        strcpy(other, "THIRTY LETTERS MAKE UP, B WORD");
        other[24] = (char)('A' + (round & 3));
        enum kind kind = word_after(other, word) ? SECOND : FIRST;
        while (one < two) {
            three = 5 * one - two;
            three = add(one, two) + three;
            one++;
        }
        table_fill(amounts, table, one & 7, three);
        record_advance(&records[0]);
        for (char letter = 'A'; letter <= 'A' + (round & 3); letter++)
            if (kind == letters_differ(letter, 'C')) {
                kind = kind_after(kind);
                two = round;
            }
        two = two * one;
        one = two / 7;
        two = 7 * (two - three) - one;
        amount_raise(&one);
        if ((round & 0xfff) == 0)
            hash = speed_mix(hash, (uint32_t)(one ^ two ^ three ^ records[1].amount ^ last_letter ^ total));
    }
    for (int n = 0; n < 50; n++)
        hash = speed_mix(hash, (uint32_t)(amounts[n] + table[n][(n * 7) % 50]));
    return hash;
}

int main(void)
{
    return speed_run(work, 0x83187006);
}
