/* What a ticket's runs gave, as it lies in Redis: one JSON array that tells of all runs, and the rows of
 * each run in a field of their own ("rows:0", …), already in the form that ticket_result has. Quiet. */
#ifndef APPROVAL_RESULT_H
#define APPROVAL_RESULT_H

#include "approval.h"

/* [{"tag":"UPDATE 3","rows":3,"dropped":false,"columns":[{"name":"id","type":"integer","oid":23}]},…] */
void result_write(const struct ticket_result *results, size_t count, struct bytes *to);

/* The rows of each result stay NULL. Lives in the arena. */
bool result_read(struct view json, struct arena *arena, struct ticket_result **results, size_t *count);

#endif
