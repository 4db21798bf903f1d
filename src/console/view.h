/* A ticket as people read it: everything that will run and everything that is known about it, with
 * nothing hidden in it. Quiet. */
#ifndef CONSOLE_VIEW_H
#define CONSOLE_VIEW_H

#include "answer.h"
#include "approval/approval.h"

/* The statement on one line, shortened; with a note when there are more of them. */
struct view view_statement(struct answer *answer, const struct queue_ticket *ticket);

/* "parked"; "parked, 1 of 2" where more than one approval is wanted. */
struct view view_state(struct answer *answer, const struct queue_ticket *ticket);

/* "2026-11-23 17:49" of a time with its fractions: for lists, UTC like all times. */
struct view view_minute(struct answer *answer, const char *time);

/* A JSON array of texts as "a, b". */
struct view view_list(struct answer *answer, const char *json);

/* Rows item, value. */
void view_ticket(struct answer *answer, const struct queue_ticket *ticket);

#endif
