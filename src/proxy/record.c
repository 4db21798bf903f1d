#include "record.h"

#include <string.h>

#include "audit/audit.h"
#include "base/text.h"

/* Values longer than this stand in the record as their length and hash. */
enum { VALUE_KEPT = 16384 };

void record_prefix(struct session *session)
{
    const struct session_options *o = &session->options;
    struct bytes *to = &session->prefix;
    bytes_clear(to);
    audit_add_text(to, "agent", view_of(o->agent));
    audit_add_text(to, "session", view_of(o->id));
    audit_add_text(to, "client", view_of(o->client));
    if (o->tls != NULL)
        audit_add_text(to, "tls", view_of(o->tls));
    else
        audit_add_raw(to, "tls", view_of("null"));
    audit_add_text(to, "database", view_of(o->database));
    audit_add_number(to, "upstream_pid", o->upstream_pid);
}

static struct bytes *begin(struct session *session, const char *event)
{
    struct bytes *to = &session->desk->scratch;
    bytes_clear(to);
    bytes_add_text(to, "\"event\":\"");
    bytes_add_text(to, event);
    bytes_add_char(to, '"');
    bytes_add_view(to, bytes_view(&session->prefix));
    return to;
}

static uint64_t end(struct session *session)
{
    return session->port->record(session->arg, bytes_view(&session->desk->scratch));
}

static void add_hash(struct bytes *to, const char *key, struct sha256 hash)
{
    char hex[2 * CRYPTO_SHA256_SIZE + 1];
    crypto_hex(hash.byte, sizeof hash.byte, hex);
    audit_add_text(to, key, (struct view){hex, 2 * CRYPTO_SHA256_SIZE});
}

static void add_verdict(struct session *session, struct bytes *to, const struct judgement *judgement)
{
    audit_add_text(to, "verdict", view_of(verdict_name(judgement->verdict)));
    audit_add_text(to, "rule", view_of(judgement->rule));
    if (judgement->reason != NULL)
        audit_add_text(to, "reason", view_of(judgement->reason));
    if (judgement->would)
        audit_add_text(to, "would", view_of(verdict_name(judgement->would_verdict)));
    audit_add_text(to, "policy", view_of(rules_name(session->options.rules)));
    add_hash(to, "policy_hash", rules_hash(session->options.rules));
}

static void add_facts(struct bytes *to, const struct facts *facts)
{
    const struct statement *first = facts->statements;
    char shape[17];
    if (facts->count == 0)
        return;
    audit_add_text(to, "operation", view_of(operation_name(first->operation)));
    bytes_add_text(to, ",\"operations\":");
    rules_add_operations(to, first, facts->count);
    bytes_add_text(to, ",\"relations\":");
    rules_add_relations(to, first, facts->count);
    parser_fingerprint(first, shape);
    audit_add_text(to, "fingerprint", view_of(shape));
    if (facts->count > 1)
        audit_add_number(to, "statements", (int64_t)facts->count);
}

void record_text(struct session *session, struct prepared *prepared, const struct facts *facts,
                 const struct judgement *judgement)
{
    struct bytes *to = &prepared->record;
    bytes_clear(to);
    audit_add_text(to, "sql", (struct view){prepared->sql, prepared->sql_len});
    if (facts != NULL)
        add_facts(to, facts);
    add_verdict(session, to, judgement);
}

static void add_value(struct bytes *to, const struct ticket_value *value)
{
    if (value->is_null) {
        bytes_add_text(to, "null");
        return;
    }
    if (value->data.len > VALUE_KEPT) {
        bytes_add_format(to, "{\"bytes\":%zu", value->data.len);
        add_hash(to, "sha256", crypto_sha256(value->data));
        bytes_add_char(to, '}');
        return;
    }
    if (value->format == 0) {
        text_add_json(to, value->data);
        return;
    }
    bytes_add_text(to, "{\"binary\":\"");
    crypto_hex(value->data.data, value->data.len, bytes_room(to, 2 * value->data.len + 1));
    to->len += 2 * value->data.len;
    bytes_add_text(to, "\"}");
}

/* What the agent says of itself: kept as its claim, trusted by nobody. */
static void add_claim(struct session *session, struct bytes *to)
{
    if (session->application == NULL && session->reason == NULL)
        return;
    struct bytes claim = {0};
    if (session->application != NULL)
        audit_add_text(&claim, "application", view_of(session->application));
    if (session->reason != NULL)
        audit_add_text(&claim, "reason", view_of(session->reason));
    bytes_add_text(to, ",\"claim\":{");
    bytes_add(to, claim.data + 1, claim.len - 1); /* without the leading comma */
    bytes_add_char(to, '}');
    bytes_fini(&claim);
}

uint64_t record_statement(struct session *session, const char *event, const struct prepared *prepared,
                          const struct ticket_value *values, uint16_t value_count)
{
    struct bytes *to = begin(session, event);
    bytes_add_view(to, bytes_view(&prepared->record));
    if (value_count > 0) {
        bytes_add_text(to, ",\"parameters\":[");
        for (uint16_t i = 0; i < value_count; i++) {
            if (i > 0)
                bytes_add_char(to, ',');
            add_value(to, &values[i]);
        }
        bytes_add_char(to, ']');
    }
    add_claim(session, to);
    return end(session);
}

uint64_t record_refusal(struct session *session, const char *what, const char *rule, const char *reason)
{
    struct bytes *to = begin(session, "statement");
    audit_add_text(to, "message", view_of(what));
    audit_add_text(to, "verdict", view_of("deny"));
    audit_add_text(to, "rule", view_of(rule));
    audit_add_text(to, "reason", view_of(reason));
    return end(session);
}

void record_ticket(struct session *session, uint64_t of, const struct ticket_answer *answer)
{
    struct bytes *to = begin(session, "ticket");
    audit_add_number(to, "of", (int64_t)of);
    if (answer->ok) {
        audit_add_text(to, "ticket", view_of(answer->id));
        audit_add_text(to, "state", view_of(ticket_state_name(answer->state)));
        audit_add_raw(to, "new", view_of(answer->is_new ? "true" : "false"));
    } else {
        audit_add_text(to, "state", view_of("not opened"));
        audit_add_text(to, "error", view_of(answer->words ? answer->words : "the queue can't be reached"));
    }
    end(session);
}

void record_result(struct session *session, const struct reply *reply, const char *ticket)
{
    struct bytes *to = begin(session, "result");
    audit_add_number(to, "of", (int64_t)reply->record);
    if (reply->tag[0] != '\0')
        audit_add_text(to, "tag", view_of(reply->tag));
    if (reply->sqlstate[0] != '\0')
        audit_add_text(to, "sqlstate", view_of(reply->sqlstate));
    if (ticket != NULL)
        audit_add_text(to, "ticket", view_of(ticket));
    audit_add_number(to, "rows", (int64_t)reply->rows);
    audit_add_number(to, "bytes", (int64_t)reply->bytes);
    audit_add_number(to, "duration_us", session->port->now(session->arg) - reply->started);
    end(session);
}
