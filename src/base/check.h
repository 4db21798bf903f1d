/* Always-on checks for our own mistakes. A failed check ends the process: for a firewall a crash is
 * fail-closed, a wrong "allow" is not. Never use it for what a peer, an operator or the world did. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void check_failed(const char *condition, const char *file, int line, const char *function);

/* malloc and realloc that never return NULL: out of memory ends the process (see above). Sizes that a
 * peer can influence are capped by the caller before they get here. */
void *check_alloc(size_t size);
void *check_calloc(size_t count, size_t size);
void *check_realloc(void *old, size_t size);
char *check_strdup(const char *text);
char *check_strndup(const char *text, size_t len);

#endif
