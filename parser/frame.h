/* The walk's state and its stack. A frame is a node that waits to be visited, with what it inherits from the
 * way down to it: the WITH names in scope, the operation that a relation named there undergoes, row locks.
 * The stack lies in the arena; the C stack doesn't grow with the tree. */
#ifndef PARSER_FRAME_H
#define PARSER_FRAME_H

#include "draft.h"
#include "scope.h"

struct Node;
struct List;

/* Row locks of one query level (FOR UPDATE …) on their way to the FROM items that they lock. */
struct row_locks {
    const struct List *clauses; /* of LockingClause; NULL: every relation is locked */
    bool matched;               /* some relation was */
};

enum frame_role {
    FRAME_ROLE_ROOT,   /* the statement itself */
    FRAME_ROLE_INNER,  /* what EXPLAIN, PREPARE, DECLARE, COPY hold */
    FRAME_ROLE_NESTED, /* anything deeper */
    FRAME_ROLE_LOCKS,  /* no node: after a query level, were its row locks matched? */
};

struct frame {
    const struct Node *node; /* or a List, whose element `at` is next */
    const struct scope *scope;
    struct row_locks *locks; /* NULL: none reach here */
    int depth, at;
    enum operation operation; /* that a RangeVar undergoes here */
    enum frame_role role;
};

struct walk {
    struct draft *draft;
    struct arena *arena;
    struct frame *frames;
    size_t count, cap;
    long budget;  /* comparisons of names left; bounds what a text of many names can cost */
    int position; /* the last one known, for errors */
};

void frame_init(struct walk *w, struct draft *draft, struct frame *room, size_t cap);

/* Pushes `node` (NULL is fine) to be visited in the surroundings of `in`, one level down. Last pushed, first
 * visited: push in reverse order. */
void frame_push(struct walk *w, const struct frame *in, const void *node);

bool frame_pop(struct walk *w, struct frame *frame);

/* Is this frame the statement itself, or what it holds? Then it speaks for the statement. */
bool frame_is_main(const struct frame *in);

/* The operation of the statement node at `in`: the statement's own if it is its root, and so on. */
void frame_set_operation(struct walk *w, struct frame *in, enum operation operation);

#endif
