/* A ticket's content as it lies in Redis: JSON, byte for byte what was asked, so that the digest computed
 * from what was read back is the digest of what was asked.
 *
 *   {"agent":"bot","database":"app","role":"app_write","settings":[["search_path","public"]],
 *    "statements":[{"sql":"UPDATE …","types":[23,25]}],
 *    "runs":[{"statement":0,"values":["1",{"base64":"AAE=","format":1},null]}]}
 *
 * A value or an SQL text that is not UTF-8 is {"base64":…}; a format other than text adds "format"; a NULL
 * that has a format is {"null":true,"format":1}. Quiet. */
#ifndef APPROVAL_CONTENT_H
#define APPROVAL_CONTENT_H

#include "approval.h"

enum {
    CONTENT_BYTES_MAX = 16 << 20, /* of JSON: a ticket's share of Redis's memory */
};

void content_write(const struct ticket_content *content, struct bytes *to);

/* Everything read lives in the arena. False: not what content_write writes. */
bool content_read(struct view json, struct arena *arena, struct ticket_content *content);

#endif
