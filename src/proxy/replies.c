#include "replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "words.h"

/* How many a thread keeps for the next messages: an ordinary extended query owes five. */
enum { REPLIES_KEPT = 256 };

/* No statement and no portal has this name: agents can't use names that begin with "sallyport", and we
 * never make one of it. */
static const char NOWHERE[] = "sallyport refused";

void reply_carries(struct session *session, struct reply *reply, struct prepared *prepared)
{
    reply->prepared = thing_hold(prepared);
    reply->has_effects = prepared->changes_names;
    session->effects_owed += reply->has_effects;
}

struct reply *reply_expect(struct session *session, enum owed_kind kind, enum reply_role role)
{
    struct reply *reply = session->desk->free_replies;
    if (reply != NULL) {
        session->desk->free_replies = reply->next_free;
        session->desk->free_count--;
    } else {
        reply = check_alloc(sizeof *reply);
    }
    memset(reply, 0, sizeof *reply);
    reply->owed.kind = kind;
    reply->role = role;
    if (owed_add(&session->owed, &reply->owed))
        return reply;
    reply_free(session, reply);
    return NULL;
}

void reply_free(struct session *session, struct reply *reply)
{
    if (reply->has_effects)
        session->effects_owed--;
    thing_drop(reply->prepared);
    thing_drop(reply->used);
    bytes_fini(&reply->words);
    if (session->desk->free_count >= REPLIES_KEPT) {
        free(reply);
        return;
    }
    reply->prepared = NULL;
    reply->used = NULL;
    reply->next_free = session->desk->free_replies;
    session->desk->free_replies = reply;
    session->desk->free_count++;
}

static void expect_refusal(struct session *session, enum owed_kind kind, const char *expected, struct bytes *words)
{
    struct reply *reply = reply_expect(session, kind, REPLY_ROLE_REFUSED);
    if (reply == NULL) {
        bytes_fini(words);
        return;
    }
    reply->expected = expected;
    reply->words = *words;
    *words = (struct bytes){0};
}

void reply_refuse_query(struct session *session, const char *rule, uint64_t record, struct bytes *words)
{
    struct bytes text = {0};
    words_add_stand_in(&text, rule, record);
    message_add_query(stream_make(&session->to_server), bytes_view(&text));
    bytes_fini(&text);
    expect_refusal(session, OWED_KIND_QUERY, "42601", words);
}

void reply_refuse_parse(struct session *session, struct view name, const char *rule, uint64_t record,
                        struct bytes *words)
{
    struct bytes text = {0};
    words_add_stand_in(&text, rule, record);
    message_add_parse(stream_make(&session->to_server), name, bytes_view(&text), NULL, 0);
    bytes_fini(&text);
    expect_refusal(session, OWED_KIND_PARSE, "42601", words);
}

void reply_refuse_name(struct session *session, char type, struct bytes *words)
{
    struct bytes *to = stream_make(&session->to_server);
    switch (type) {
    case 'B':
        message_add_bind(to, (struct view){0}, view_of(NOWHERE), NULL, 0, NULL, 0);
        expect_refusal(session, OWED_KIND_BIND, "26000", words);
        return;
    case 'E':
        message_add_execute(to, view_of(NOWHERE), 0);
        expect_refusal(session, OWED_KIND_EXECUTE, "34000", words);
        return;
    default: /* Close of what doesn't exist succeeds; its place, too, is taken by a Describe, which fails. */
        message_add_name(to, 'D', 'S', view_of(NOWHERE));
        expect_refusal(session, OWED_KIND_DESCRIBE_STATEMENT, "26000", words);
        return;
    }
}

void reply_refuse_function(struct session *session, struct bytes *words)
{
    message_add_function_call(stream_make(&session->to_server), 0);
    expect_refusal(session, OWED_KIND_FUNCTION, "42883", words);
}

void reply_flush(struct session *session)
{
    message_add_empty(stream_make(&session->to_server), 'H');
}
