#include "refuse.h"

#include <stdio.h>

#include "judge.h"
#include "record.h"
#include "replies.h"
#include "words.h"

uint64_t refuse_words(struct session *session, const char *what, const char *rule, const char *reason, const char *hint,
                      struct bytes *words)
{
    uint64_t record = record_refusal(session, what, rule, reason);
    struct judgement judgement = {
        .verdict = VERDICT_DENY, .rule = rule, .reason = reason, .hint = hint, .sqlstate = "42501", .position = -1};
    words_add_refusal(words, &judgement, (struct view){0}, record);
    return record;
}

void refuse_missing_words(struct bytes *words, const char *sqlstate, const char *what, struct view name)
{
    struct bytes message = {0};
    if (name.len == 0 && sqlstate[0] == '2')
        bytes_add_text(&message, "unnamed prepared statement does not exist");
    else
        bytes_add_format(&message, "%s \"%.*s\" does not exist", what, (int)name.len, name.data ? name.data : "");
    struct message_words error = {.severity = "ERROR", .sqlstate = sqlstate, .message = bytes_text(&message)};
    message_add_words(words, 'E', &error);
    bytes_fini(&message);
}

void refuse_verdict_words(const struct prepared *prepared, uint64_t record, struct bytes *words)
{
    struct judgement judgement;
    judge_words(prepared, &judgement);
    words_add_refusal(words, &judgement, (struct view){prepared->sql, prepared->sql_len}, record);
}

bool refuse_bad_name(struct session *session, char type, struct view name)
{
    if (name.len <= 63 && !view_starts(name, "sallyport"))
        return false;
    struct bytes words = {0};
    char what[32];
    snprintf(what, sizeof what, "message %c", type);
    uint64_t record = refuse_words(session, what, "reserved-name",
                                   "names of statements and portals have at most 63 bytes and don't begin with "
                                   "\"sallyport\"",
                                   "Choose another name.", &words);
    if (type == 'P')
        reply_refuse_parse(session, view_of("sallyport refused"), "reserved-name", record, &words);
    else
        reply_refuse_name(session, type, &words);
    return true;
}

enum { KEPT_MOST = 64 * 1024 * 1024 };

bool refuse_is_over(const struct session *session, size_t more)
{
    return session->kept + more > KEPT_MOST;
}

bool refuse_over_account(struct session *session, char type, size_t more, struct view name)
{
    if (!refuse_is_over(session, more))
        return false;
    struct bytes words = {0};
    uint64_t record =
        refuse_words(session, "prepared statement", "session-memory", REFUSE_TOO_MUCH_KEPT, REFUSE_CLOSE_SOME, &words);
    if (type == 'P')
        reply_refuse_parse(session, name, "session-memory", record, &words);
    else
        reply_refuse_name(session, type, &words);
    return true;
}
