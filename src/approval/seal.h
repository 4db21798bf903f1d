/* An approver's decision as it lies in Redis, with an HMAC-SHA-256 under the approval key, which the console
 * and the executor have and nobody else. It covers everything that the decision was about: the ticket's
 * number, digest, times and number of approvals needed, and the decision's own who, what, when and words.
 * So a record can't be moved to another ticket, nor a ticket's lifetime be stretched under it. Quiet. */
#ifndef APPROVAL_SEAL_H
#define APPROVAL_SEAL_H

#include "approval.h"

struct seal {
    /* the ticket */
    struct view id; /* "42" */
    struct sha256 digest;
    uint64_t created, expires, approvals;
    /* the decision */
    bool approve;
    const char *approver, *words; /* words: NULL if there are none */
    uint64_t time;
};

/* Appends the record, JSON on one line, signed. */
void seal_write(const struct seal *seal, struct view key, struct bytes *to);

/* Reads the decision's members of `seal` (the ticket's stay as they are) and the signature it carries. False: not
 * a record. It says nothing yet about the signature. */
bool seal_read(struct view record, struct arena *arena, struct seal *seal, struct sha256 *mac);

/* Was this decision about this ticket signed with this key? */
bool seal_is_good(const struct seal *seal, struct view key, const struct sha256 *mac);

#endif
