#include "lease.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include "result.h"

static void begin(const struct lease *lease, struct call *call, const struct script *script)
{
    struct bytes key = {0};
    bytes_add_text(&key, KEY_RUN);
    bytes_add_view(&key, lease->number);
    call_init(call, script, bytes_text(&key));
    call_add(call, lease->number);
    call_text(call, lease->token);
    bytes_fini(&key);
}

static enum lease_result end(const struct lease *lease, struct call *call, struct fault *fault)
{
    redisReply *reply = dial_call(lease->dial, call, fault);
    call_fini(call);
    if (reply == NULL)
        return LEASE_RESULT_REDIS;
    bool is_done = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "ok") == 0;
    freeReplyObject(reply);
    return is_done ? LEASE_RESULT_DONE : LEASE_RESULT_LOST;
}

static void add_text(struct call *call, const char *name, const char *value)
{
    if (value != NULL)
        call_field(call, name, view_of(value));
}

bool lease_claim(struct lease *lease, const struct executor_database *databases, size_t count, redisReply **reply,
                 struct told *told, bool *is_recovery, struct arena *arena, struct fault *fault)
{
    uint8_t random[16];
    struct call call;
    crypto_random(random, sizeof random);
    crypto_hex(random, sizeof random, lease->token);
    call_init(&call, &script_claim, KEY_RUN "seen");
    call_text(&call, lease->token);
    call_text(&call, lease->executor);
    call_number(&call, lease->seconds * 1000000);
    for (size_t i = 0; i < count; i++)
        call_text(&call, databases[i].name);
    *reply = dial_call(lease->dial, &call, fault);
    call_fini(&call);
    if (*reply == NULL)
        return false;
    if (!told_read(*reply, told) || (*reply)->elements < 8) {
        freeReplyObject(*reply);
        *reply = NULL;
        return true;
    }
    *is_recovery = told->extra->type == REDIS_REPLY_STRING && strcmp(told->extra->str, "recover") == 0;
    lease->number = told->number;
    lease->database = arena_copy(arena, view_of((*reply)->element[7]->str));
    return true;
}

static void add_rows(struct call *call, const struct ticket_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "rows:%zu", i);
        add_text(call, name, results[i].rows);
    }
}

enum lease_result lease_prepare(const struct lease *lease, const struct transaction_identity *identity,
                                const struct ticket_result *results, size_t count, struct fault *fault)
{
    struct call call;
    struct bytes json = {0};
    result_write(results, count, &json);
    begin(lease, &call, &script_prepare);
    call_number(&call, lease->seconds * 1000000);
    call_text(&call, lease->database);
    add_text(&call, "database", lease->database);
    add_text(&call, "xid", identity->xid);
    add_text(&call, "system", identity->system);
    add_text(&call, "timeline", identity->timeline);
    add_text(&call, "pid", identity->pid);
    add_text(&call, "start", identity->start);
    call_field(&call, "result", bytes_view(&json));
    add_rows(&call, results, count);
    bytes_fini(&json);
    return end(lease, &call, fault);
}

static void begin_finish(const struct lease *lease, struct call *call, enum ticket_state outcome)
{
    begin(lease, call, &script_finish);
    call_text(call, lease->database);
    call_text(call, ticket_state_name(outcome));
}

enum lease_result lease_executed(const struct lease *lease, struct fault *fault)
{
    struct call call;
    begin_finish(lease, &call, TICKET_STATE_EXECUTED);
    return end(lease, &call, fault);
}

enum lease_result lease_failed(const struct lease *lease, const struct ticket_error *error, struct fault *fault)
{
    struct call call;
    begin_finish(lease, &call, TICKET_STATE_FAILED);
    add_text(&call, "sqlstate", error->sqlstate);
    add_text(&call, "message", error->message);
    add_text(&call, "detail", error->detail);
    add_text(&call, "hint", error->hint);
    return end(lease, &call, fault);
}

enum lease_result lease_unknown(const struct lease *lease, const char *words, struct fault *fault)
{
    struct call call;
    begin_finish(lease, &call, TICKET_STATE_UNKNOWN);
    add_text(&call, "words", words);
    return end(lease, &call, fault);
}

enum lease_result lease_postpone(const struct lease *lease, struct fault *fault)
{
    struct call call;
    begin(lease, &call, &script_postpone);
    return end(lease, &call, fault);
}

enum lease_result lease_release(const struct lease *lease, uint64_t pause_ms, bool was_busy, const char *note,
                                struct fault *fault)
{
    struct call call;
    begin(lease, &call, &script_release);
    call_text(&call, lease->database);
    call_number(&call, pause_ms * 1000);
    call_text(&call, was_busy ? "1" : "0");
    call_text(&call, note);
    return end(lease, &call, fault);
}
