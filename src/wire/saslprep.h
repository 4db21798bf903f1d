/* How a password's spelling is evened out before it is hashed (RFC 4013). */
#ifndef WIRE_SASLPREP_H
#define WIRE_SASLPREP_H

#include "base/bytes.h"

/* Appends what PostgreSQL would hash for this password: ASCII as it is; other UTF-8 prepared; and the raw
 * bytes where it is not UTF-8 or has something in it that SASLprep prohibits. */
void saslprep(struct view password, struct bytes *to);

#endif
