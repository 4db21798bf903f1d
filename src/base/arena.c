#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BLOCK_SIZE = 8192 };

/* Newest first. Memory is handed out from the newest block only; a request that does not fit starts a new
 * block, so what is left in the older ones is lost until the next reset. */
struct arena_block {
    struct arena_block *older;
    size_t size, used;
    alignas(max_align_t) char memory[];
};

static struct arena_block *block_new(struct arena *a, size_t size)
{
    struct arena_block *block = check_alloc(sizeof *block + size);
    block->older = a->blocks;
    block->size = size;
    block->used = 0;
    a->blocks = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    CHECK(size <= SIZE_MAX / 4);
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = a->blocks;
    if (block == NULL || block->size - block->used < size)
        block = block_new(a, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    char *memory = block->memory + block->used;
    block->used += size;
    a->used += size;
    return memset(memory, 0, size);
}

char *arena_copy(struct arena *a, struct view v)
{
    char *copy = arena_alloc(a, v.len + 1);
    if (v.len > 0)
        memcpy(copy, v.data, v.len);
    return copy;
}

struct view arena_view(struct arena *a, struct view v)
{
    return (struct view){arena_copy(a, v), v.len};
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    for (struct arena_block *block = a->blocks, *older; block != NULL; block = older) {
        older = block->older;
        if (kept == NULL && block->size == BLOCK_SIZE)
            kept = block;
        else
            free(block);
    }
    if (kept != NULL) {
        kept->older = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
}

void arena_fini(struct arena *a)
{
    for (struct arena_block *block = a->blocks, *older; block != NULL; block = older) {
        older = block->older;
        free(block);
    }
    *a = (struct arena){0};
}
