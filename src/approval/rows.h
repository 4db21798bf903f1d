/* One run of a ticket: sends the statement with its values and collects what comes back, up to a size. */
#ifndef APPROVAL_ROWS_H
#define APPROVAL_ROWS_H

#include "pg.h"

/* True: *result is filled in, in the arena, but for the names of the columns' types: `modifiers` (one per
 * column) goes with type_oid for format_type(). `room`: bytes of rows that may still be kept; what is kept
 * is taken off. False: *error. */
bool rows_run(struct pg *pg, const struct ticket_statement *statement, const struct ticket_run *run, uint64_t *room,
              struct arena *arena, struct ticket_result *result, int **modifiers, struct ticket_error *error);

#endif
