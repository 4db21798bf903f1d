#include "verify.h"

#include <string.h>

#include "content.h"

static const char *check_content(const struct told *told, struct arena *arena, struct verified *to,
                                 struct sha256 *digest)
{
    struct sha256 stored;
    if (!content_read(told_field(told->ticket, "content"), arena, &to->content))
        return "its content can't be read";
    *digest = ticket_digest(&to->content);
    crypto_hex(digest->byte, sizeof digest->byte, to->digest);
    if (!crypto_unhex(told_field(told->ticket, "digest"), stored.byte, sizeof stored.byte) ||
        !crypto_same(stored.byte, digest->byte, sizeof stored.byte))
        return "its content is not what its digest says";
    if (!view_is(told_field(told->ticket, "agent"), to->content.agent) ||
        !view_is(told_field(told->ticket, "database"), to->content.database))
        return "it was filed under another agent or database than its content names";
    if (to->content.run_count == 0)
        return "there is nothing to run in it";
    return NULL;
}

/* One decision. Each approver counts once, whatever the fields are called. */
static const char *check_seal(const struct seal *seal, const struct sha256 *mac, struct view key,
                              const struct verified *to, const char *const *names, size_t count)
{
    if (!seal_is_good(seal, key, mac))
        return "a decision's signature is not the approval key's, or for another ticket";
    if (!seal->approve)
        return "it was rejected";
    if (strcmp(seal->approver, to->content.agent) == 0)
        return "the agent approved its own request";
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], seal->approver) == 0)
            return "one approver's decision is there twice";
    return NULL;
}

const char *verify_ticket(const struct told *told, struct view approval_key, struct arena *arena, struct verified *to)
{
    enum { APPROVERS_MOST = 64 };
    const char *names[APPROVERS_MOST];
    size_t count = 0;
    struct sha256 digest = {{0}}, mac;
    const char *wrong = check_content(told, arena, to, &digest);
    struct seal seal = {.id = told->number,
                        .digest = digest,
                        .created = told_number(told->ticket, "created"),
                        .expires = told_number(told->ticket, "expires"),
                        .approvals = told_number(told->ticket, "approvals")};
    bool is_record;
    for (size_t at = 0; wrong == NULL && told_next_seal(told, &at, arena, &seal, &mac, &is_record);) {
        wrong = is_record ? check_seal(&seal, &mac, approval_key, to, names, count) : "a decision can't be read";
        if (wrong == NULL && count == APPROVERS_MOST)
            wrong = "it has too many decisions";
        if (wrong == NULL)
            names[count++] = seal.approver;
    }
    if (wrong == NULL && (count == 0 || count < seal.approvals))
        wrong = "it has too few approvals";
    if (wrong == NULL && told->now >= seal.expires)
        wrong = "it has expired";
    struct told_decision decision;
    told_decision(told, arena, &decision);
    to->approver = decision.approver ? decision.approver : "";
    return wrong;
}
