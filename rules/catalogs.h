/* PostgreSQL's own tables and views. */
#ifndef RULES_CATALOGS_H
#define RULES_CATALOGS_H

#include "base/bytes.h"

bool catalogs_has(struct view name); /* name.len > 0 */

#endif
