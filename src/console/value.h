/* A parameter's value as text: what came as text is text, the binary forms of common types are read, and
 * of all others the bytes are shown in hexadecimal. Quiet. */
#ifndef CONSOLE_VALUE_H
#define CONSOLE_VALUE_H

#include "approval/approval.h"
#include "base/bytes.h"

void value_add(struct bytes *to, uint32_t type, const struct ticket_value *value);
/* "int4"; "type 12345" for those that aren't known here. */
void value_add_type(struct bytes *to, uint32_t type);

#endif
