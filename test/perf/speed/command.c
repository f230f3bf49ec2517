// `command WORK CHECK`: runs a shell command between the markers. The work is right when CHECK, which no clock counts, ends
// with 0.

#include "speed.h"
#include <stdlib.h>

static const char *command;
static const char *check;

int main(int count, char **arguments)
{
    char line[80];
    if (count != 3)
        return 2;
    command = arguments[1];
    check = arguments[2];
    speed_line("speed-begin\n");
    uint64_t began = speed_now();
    int status = system(command);
    uint64_t took = speed_now() - began;
    // The clock outside stops here: what follows on the line may take its time.
    snprintf(line, sizeof line, "speed-end %llu ", (unsigned long long)took);
    speed_line(line);
    if (status == 0 && system(check) == 0) {
        speed_line("ok\n");
        return 0;
    }
    snprintf(line, sizeof line, "wrong %08x\n", (unsigned)status);
    speed_line(line);
    return 1;
}
