/* A record as it is shown: a JSON line with its chain's name, a row of a table, or a line for people. */
#ifndef FORMAT_H
#define FORMAT_H

#include "audit/audit.h"

/* `line`: the record as it stands in the log. `more`: members to add, each with its leading comma, or
 * empty. Both together are one JSON object. False: they aren't. */
bool format_record(enum audit_format format, const char *chain, struct view line, struct view more, struct bytes *to);

void format_header(enum audit_format format, struct bytes *to); /* CSV's first row; nothing for the others */

#endif
