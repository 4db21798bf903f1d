/* For the tests of the room base: what a crash says, and memory whose end is an end. */
#ifndef TESTS_BASE_SUPPORT_H
#define TESTS_BASE_SUPPORT_H

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"

/* Runs `act` in a child. Returns the signal that ended it, 0 if none did; `said` is what it wrote to standard
 * error, as much as fits. */
static inline int crash_of(void (*act)(void), char *said, size_t size)
{
    int pipes[2], status = 0;
    if (pipe(pipes) != 0)
        abort();
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    close(pipes[1]);
    size_t len = 0;
    char rest[256];
    for (ssize_t got = 1; got > 0;) {
        bool fits = len + 1 < size;
        got = read(pipes[0], fits ? said + len : rest, fits ? size - 1 - len : sizeof rest);
        len += fits && got > 0 ? (size_t)got : 0;
    }
    said[len] = '\0';
    close(pipes[0]);
    if (waitpid(child, &status, 0) != child)
        abort();
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A failed check ends the process with SIGABRT. */
static inline bool fails_check(void (*act)(void))
{
    char said[512];
    return crash_of(act, said, sizeof said) == SIGABRT && strstr(said, "check failed") != NULL;
}

/* A copy of v (at most a page) that ends where a page without access begins: a read behind its end is a
 * crash, whoever does it. */
struct guarded {
    char *pages;
    struct view view;
};

static inline struct guarded guarded_new(struct view v)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || v.len > page || mprotect(pages + page, page, PROT_NONE) != 0)
        abort();
    char *data = pages + page - v.len;
    if (v.len > 0)
        memcpy(data, v.data, v.len);
    return (struct guarded){pages, {data, v.len}};
}

static inline void guarded_free(struct guarded *g)
{
    munmap(g->pages, 2 * (size_t)sysconf(_SC_PAGESIZE));
}

/* Numbers that look random and are the same in each run (xorshift64). */
static inline uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
