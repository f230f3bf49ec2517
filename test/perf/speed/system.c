// What a kernel's entries cost: `system call`, `system process`, `system fault` and `system pipe`.

#include "speed.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define CALL_COUNT 2500000u
#define PROCESS_COUNT 1200u
#define FAULT_ROUNDS 60u
#define FAULT_PAGES 2048u
#define PAGE_BYTES 4096u
#define PIPE_COUNT 25000u

// getppid: the kernel's shortest answer that no C library keeps.
static uint32_t call_work(void)
{
    uint32_t parent = (uint32_t)getppid();
    uint32_t count = 0;
    for (uint32_t n = 0; n < CALL_COUNT; n++)
        count += (uint32_t)syscall(SYS_getppid) == parent;
    return count;
}

// fork, exec and wait: a static program that ends at once, with a status that says so.
static uint32_t process_work(void)
{
    char *const arguments[] = {"/speed/nothing", NULL};
    char *const environment[] = {NULL};
    uint32_t count = 0;
    for (uint32_t n = 0; n < PROCESS_COUNT; n++) {
        pid_t child = fork();
        int status = 0;
        if (child == 0) {
            execve(arguments[0], arguments, environment);
            _exit(127);
        }
        count += child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42;
    }
    return count;
}

// The first store to each page of a new mapping; unmapping is counted too.
static uint32_t fault_work(void)
{
    uint32_t count = 0;
    for (uint32_t round = 0; round < FAULT_ROUNDS; round++) {
        volatile uint8_t *pages = mmap(NULL, FAULT_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if ((void *)pages == MAP_FAILED)
            return 0;
        for (uint32_t n = 0; n < FAULT_PAGES; n++) {
            pages[n * PAGE_BYTES + (n & 0xff)] = 1;
            count += pages[n * PAGE_BYTES + (n & 0xff)] + pages[n * PAGE_BYTES + 0x800];
        }
        if (munmap((void *)pages, FAULT_PAGES * PAGE_BYTES) != 0)
            return 0;
    }
    return count;
}

// A byte to another process and back.
static uint32_t pipe_work(void)
{
    int there[2], back[2], status = 0;
    uint8_t byte = 0;
    if (pipe(there) != 0 || pipe(back) != 0)
        return 0;
    pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        close(back[0]);
        while (read(there[0], &byte, 1) == 1) {
            byte++;
            if (write(back[1], &byte, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    uint32_t count = 0;
    for (uint32_t n = 0; n < PIPE_COUNT; n++) {
        uint8_t sent = (uint8_t)n;
        count += write(there[1], &sent, 1) == 1 && read(back[0], &byte, 1) == 1 && byte == (uint8_t)(sent + 1);
    }
    close(there[1]);
    return waitpid(child, &status, 0) == child && status == 0 ? count : 0;
}

int main(int count, char **arguments)
{
    const char *which = count > 1 ? arguments[1] : "";
    if (strcmp(which, "call") == 0)
        return speed_run(call_work, CALL_COUNT);
    if (strcmp(which, "process") == 0)
        return speed_run(process_work, PROCESS_COUNT);
    if (strcmp(which, "fault") == 0)
        return speed_run(fault_work, FAULT_ROUNDS * FAULT_PAGES);
    if (strcmp(which, "pipe") == 0)
        return speed_run(pipe_work, PIPE_COUNT);
    return 2;
}
