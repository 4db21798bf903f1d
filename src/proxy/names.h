/* Names: what the names of prepared statements (or of portals) stand for, as the server sees it now and as
 * it will see it when it has answered everything that was sent.
 *
 * Parse, Bind and Close change what a name stands for, but only once the server has done them, and an
 * error skips those behind it. So a change is first *announced*, when its message is sent, and later
 * *confirmed* or *withdrawn*, when it is answered or skipped. A search finds the latest announced change,
 * else what is known. While there is something older that the name could go on standing for, the outcome is
 * open, and the finder is told that it is uncertain. The unnamed is used by nearly every message, so for it
 * this holds only over a Sync: within one batch, who skips the change skips the finder's message, too.
 *
 * Values are counted references to `struct thing`; a name holds one, an announced change another. */
#ifndef NAMES_H
#define NAMES_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"

/* The first member of what a name can stand for. */
struct thing {
    unsigned references;
    void (*free)(struct thing *thing);
};

void *thing_hold(void *thing); /* NULL is allowed, in both */
void thing_drop(void *thing);

struct name_slot;

struct names {
    struct map slots;
    struct name_slot *unnamed; /* kept out of the map: it is the common one */
    unsigned batch;            /* counts Syncs */
};

/* Embedded in the reply that is owed for the message. Zero: changes nothing. */
struct name_change {
    struct list link;
    struct name_slot *slot;
    struct thing *value;      /* NULL: the name will stand for nothing */
    bool fails_destructively; /* unnamed: a failure, too, takes away what was there */
    unsigned batch;
};

void names_announce(struct names *names, struct view name, void *value, struct name_change *change);
void names_confirm(struct names *names, struct name_change *change);
void names_withdraw(struct names *names, struct name_change *change, bool failed); /* failed: tried; else skipped */

/* Sync was sent: from here on, nothing is skipped with what came before. */
void names_sync(struct names *names);

void *names_find(struct names *names, struct view name, bool *is_uncertain);
/* The server has forgotten it, or everything that is known: DEALLOCATE, end of transaction. */
void names_forget(struct names *names, struct view name);
void names_forget_all(struct names *names);
/* It knows it by another way than an announced change: SQL's PREPARE. */
void names_learn(struct names *names, struct view name, void *value);
void names_fini(struct names *names); /* no change is announced any more */

#endif
