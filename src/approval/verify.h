/* Is this ticket what was approved, by somebody who may? The executor asks before anything runs, and believes
 * nothing that merely lies in Redis. Quiet. */
#ifndef APPROVAL_VERIFY_H
#define APPROVAL_VERIFY_H

#include "told.h"

struct verified {
    struct ticket_content content; /* what may be run */
    char digest[2 * CRYPTO_SHA256_SIZE + 1];
    const char *approver; /* all of them */
};

/* NULL: it is, and *to is filled in, in the arena. Else why not. */
const char *verify_ticket(const struct told *told, struct view approval_key, struct arena *arena, struct verified *to);

#endif
