#include "words.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

const struct judgement words_unrecorded = {
    .verdict = VERDICT_DENY,
    .rule = "audit-unavailable",
    .reason = "the audit log can't be written, and nothing runs unrecorded",
    .hint = "Tell the operator; ROLLBACK still works.",
    .sqlstate = "58030",
    .position = -1,
};

/* PostgreSQL counts positions in characters, from 1. */
static uint32_t character_position(struct view sql, int offset)
{
    uint32_t position = 1;
    if (offset < 0 || (size_t)offset > sql.len || sql.len == 0)
        return 0;
    for (int i = 0; i < offset; i++)
        position += ((unsigned char)sql.data[i] & 0xc0) != 0x80;
    return position;
}

static void add_member(struct bytes *to, const char *key, const char *value)
{
    bytes_add_format(to, ",\"%s\":", key);
    if (value == NULL || value[0] == '\0')
        bytes_add_text(to, "null");
    else
        text_add_json(to, view_of(value));
}

static void add_detail(struct bytes *to, const char *verdict, const char *rule, const char *reason, const char *ticket,
                       const char *expires, bool retryable)
{
    bytes_add_format(to, "{\"verdict\":\"%s\"", verdict);
    add_member(to, "rule", rule);
    add_member(to, "reason", reason);
    add_member(to, "ticket", ticket);
    bytes_add_format(to, ",\"retryable\":%s", retryable ? "true" : "false");
    add_member(to, "expires", expires);
    bytes_add_char(to, '}');
}

void words_add_refusal(struct bytes *to, const struct judgement *judgement, struct view sql, uint64_t record)
{
    struct bytes message = {0}, detail = {0};
    bytes_add_format(&message, "sallyport refused this statement: %s", judgement->reason);
    add_detail(&detail, "deny", judgement->rule, judgement->reason, NULL, NULL, false);
    if (record != 0) {
        detail.len--;
        bytes_add_format(&detail, ",\"record\":%llu}", (unsigned long long)record);
    }
    struct message_words words = {
        .severity = "ERROR",
        .sqlstate = judgement->sqlstate ? judgement->sqlstate : "42501",
        .message = bytes_text(&message),
        .detail = bytes_text(&detail),
        .hint = judgement->hint ? judgement->hint : "The policy does not allow this; sending it again will not help.",
        .position = character_position(sql, judgement->position),
    };
    message_add_words(to, 'E', &words);
    bytes_fini(&message);
    bytes_fini(&detail);
}

/* How each state is told; %1$s is the ticket, %2$s who decided, %3$s their words. */
static const struct {
    enum ticket_state state;
    const char *sqlstate, *message, *hint;
    bool retryable;
} tellings[] = {
    {TICKET_STATE_PARKED, "SP001", "this write waits for approval as ticket %1$s",
     "A DBA has to approve it. Send the identical statement again later: it gets the result once the write is approved "
     "and has run. Do not change the statement, or it is a new request.",
     true},
    {TICKET_STATE_APPROVED, "SP001", "this write was approved as ticket %1$s and is about to run",
     "Send the identical statement again in a moment to get the result.", true},
    {TICKET_STATE_EXECUTING, "SP001", "this write was approved as ticket %1$s and is running",
     "Send the identical statement again in a moment to get the result.", true},
    {TICKET_STATE_REJECTED, "SP002", "this write was rejected (ticket %1$s) by %2$s: %3$s",
     "Do not send it again unchanged; it stays rejected until the ticket expires.", false},
    {TICKET_STATE_EXPIRED, "SP003", "nobody decided on this write in time: ticket %1$s has expired",
     "Send the statement again to open a new ticket.", true},
    {TICKET_STATE_CANCELLED, "SP003", "ticket %1$s for this write was cancelled",
     "Send the statement again to open a new ticket.", true},
    {TICKET_STATE_UNKNOWN, "SP004", "whether this write took effect is not known (ticket %1$s): %3$s",
     "A person has to find out. Do not send it again: it could take effect twice.", false},
};

static void add_failure(struct bytes *to, const struct ticket_answer *answer)
{
    char note[128];
    snprintf(note, sizeof note, "The write ran as ticket %s and failed; nothing was changed.", answer->id);
    struct message_words words = {
        .severity = "ERROR",
        .sqlstate = answer->error.sqlstate ? answer->error.sqlstate : "XX000",
        .message = answer->error.message ? answer->error.message : "the approved write failed",
        .detail = answer->error.detail ? answer->error.detail : note,
        .hint = answer->error.hint ? answer->error.hint : note,
    };
    message_add_words(to, 'E', &words);
}

static void add_unopened(struct bytes *to, const struct ticket_answer *answer, const char *rule)
{
    struct bytes detail = {0}, message = {0};
    const char *why = answer->words ? answer->words : "the approval queue can't be reached";
    bytes_add_format(&message, "this write needs approval, and no ticket was opened: %s", why);
    add_detail(&detail, "park", rule, why, NULL, NULL, true);
    struct message_words words = {
        .severity = "ERROR",
        .sqlstate = "58000",
        .message = bytes_text(&message),
        .detail = bytes_text(&detail),
        .hint = "Reads go on. Send the statement again later.",
    };
    message_add_words(to, 'E', &words);
    bytes_fini(&detail);
    bytes_fini(&message);
}

void words_add_ticket(struct bytes *to, const struct ticket_answer *answer, const char *rule, const char *reason)
{
    if (!answer->ok) {
        add_unopened(to, answer, rule);
        return;
    }
    if (answer->state == TICKET_STATE_FAILED) {
        add_failure(to, answer);
        return;
    }
    for (size_t i = 0; i < sizeof tellings / sizeof *tellings; i++) {
        if (tellings[i].state != answer->state)
            continue;
        struct bytes message = {0}, detail = {0};
        const char *who = answer->approver ? answer->approver : "a DBA";
        const char *said = answer->words && answer->words[0] ? answer->words : "no words were given";
        for (const char *at = tellings[i].message; *at != '\0'; at++) {
            if (at[0] == '%' && at[1] >= '1' && at[1] <= '3') {
                bytes_add_text(&message, at[1] == '1' ? answer->id : at[1] == '2' ? who : said);
                at += 3; /* over "1$s" */
            } else {
                bytes_add_char(&message, *at);
            }
        }
        bool decided = answer->state == TICKET_STATE_REJECTED || answer->state == TICKET_STATE_UNKNOWN;
        add_detail(&detail, "park", rule, decided ? said : reason, answer->id, answer->expires, tellings[i].retryable);
        detail.len--;
        bytes_add_format(&detail, ",\"state\":\"%s\"}", ticket_state_name(answer->state));
        struct message_words words = {
            .severity = "ERROR",
            .sqlstate = tellings[i].sqlstate,
            .message = bytes_text(&message),
            .detail = bytes_text(&detail),
            .hint = tellings[i].hint,
        };
        message_add_words(to, 'E', &words);
        bytes_fini(&message);
        bytes_fini(&detail);
        return;
    }
    CHECK(!"a state has no words");
}

void words_add_stand_in(struct bytes *to, const char *rule, uint64_t record)
{
    bytes_add_format(to, "sallyport refused: rule %s, record %llu", rule, (unsigned long long)record);
}
