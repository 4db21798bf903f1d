/* The console's door: what is waiting, and one approver's word on it. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "approval.h"
#include "base/check.h"
#include "content.h"
#include "dial.h"
#include "state.h"
#include "told.h"

enum { LIST_MOST = 1000, STATES = TICKET_STATE_UNKNOWN + 1 };

struct queue {
    struct dial dial;
    struct bytes key;
};

struct queue *queue_open(const struct approval_redis *redis, struct view approval_key, struct fault *fault)
{
    struct queue *queue = check_calloc(1, sizeof *queue);
    bytes_add_view(&queue->key, approval_key);
    if (dial_init(&queue->dial, redis, fault))
        return queue;
    queue_close(queue);
    return NULL;
}

void queue_close(struct queue *queue)
{
    dial_fini(&queue->dial);
    if (queue->key.data != NULL)
        crypto_wipe(queue->key.data, queue->key.len);
    bytes_fini(&queue->key);
    free(queue);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* The content is shown only if it is what the digest says; otherwise somebody has written into Redis. */
static bool read_content(const struct told *told, struct arena *arena, struct ticket_content *content,
                         struct sha256 *digest)
{
    if (!crypto_unhex(told_field(told->ticket, "digest"), digest->byte, sizeof digest->byte) ||
        !content_read(told_field(told->ticket, "content"), arena, content))
        return false;
    struct sha256 right = ticket_digest(content);
    return crypto_same(right.byte, digest->byte, sizeof right.byte);
}

static const char *outcome_of(const struct told *told, struct arena *arena)
{
    struct ticket_result *results;
    size_t count;
    if (told->state == TICKET_STATE_FAILED)
        return told_text(told->run, "message", arena);
    if (told->state == TICKET_STATE_UNKNOWN)
        return told_text(told->run, "words", arena);
    if (told->state != TICKET_STATE_EXECUTED || !told_results(told, arena, &results, &count) || count == 0)
        return told_text(told->run, "note", arena); /* why it is back in the queue */
    if (count == 1)
        return results[0].tag;
    uint64_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += results[i].row_count;
    char text[96];
    snprintf(text, sizeof text, "%zu statements, %" PRIu64 " rows", count, rows);
    return arena_copy(arena, view_of(text));
}

/* What a list tells; more of it is there when the ticket is shown. */
static void read_ticket(const struct told *told, struct arena *arena, struct queue_ticket *to)
{
    struct told_decision decision;
    *to = (struct queue_ticket){.state = told->state};
    snprintf(to->id, sizeof to->id, "t%.*s", (int)told->number.len, told->number.data);
    to->created = told_time(told_number(told->ticket, "created"), arena);
    to->expires = told_time(told_number(told->ticket, "expires"), arena);
    to->digest = told_text(told->ticket, "digest", arena);
    to->client = told_text(told->ticket, "client", arena);
    to->session = told_text(told->ticket, "session", arena);
    to->application = told_text(told->ticket, "application", arena);
    to->reason = told_text(told->ticket, "reason", arena);
    to->policy = told_text(told->ticket, "policy", arena);
    to->rule = told_text(told->ticket, "rule", arena);
    to->operations = told_text(told->ticket, "operations", arena);
    to->relations = told_text(told->ticket, "relations", arena);
    to->previous = told_previous(told, arena);
    to->preview = told_text(told->run, "preview", arena);
    to->sql = told_text(told->ticket, "sql", arena);
    to->statement_count = told_number(told->ticket, "statements");
    to->run_count = told_number(told->ticket, "runs");
    to->record = told_number(told->ticket, "record");
    to->outcome = outcome_of(told, arena);
    to->approvals_wanted = (unsigned)told_number(told->ticket, "approvals");
    if (told_decision(told, arena, &decision)) {
        to->approver = decision.approver;
        to->words = decision.words;
        to->approvals = decision.approvals;
        to->decided = told_time(decision.time, arena);
    }
    to->content = (struct ticket_content){.agent = told_text(told->ticket, "agent", arena),
                                          .database = told_text(told->ticket, "database", arena)};
}

static void read_whole_ticket(const struct told *told, struct arena *arena, struct queue_ticket *to)
{
    struct sha256 digest;
    struct ticket_content content;
    read_ticket(told, arena, to);
    if (read_content(told, arena, &content, &digest))
        to->content = content;
    else
        to->outcome = "its content is not what its digest says: it can't be decided on, nor run";
}

static redisReply *call_and_end(struct queue *queue, struct call *call, struct fault *fault)
{
    redisReply *reply = dial_call(&queue->dial, call, fault);
    call_fini(call);
    return reply;
}

bool queue_list(struct queue *queue, unsigned states, size_t limit, struct arena *arena, struct queue_ticket **tickets,
                size_t *count, size_t *more, struct fault *fault)
{
    struct call call;
    call_init(&call, &script_list, NULL);
    call_number(&call, limit == 0 || limit > LIST_MOST ? LIST_MOST : limit);
    for (unsigned state = 0; state < STATES; state++)
        if (states == 0 || (states & (1u << state)))
            call_text(&call, ticket_state_name((enum ticket_state)state));
    redisReply *reply = call_and_end(queue, &call, fault);
    if (reply == NULL)
        return false;
    *count = 0;
    *tickets = arena_alloc(arena, reply->elements * sizeof **tickets);
    *more = reply->elements > 0 ? told_count(reply->element[0]) : 0;
    struct told told;
    for (size_t i = 1; i < reply->elements; i++)
        if (told_read(reply->element[i], &told))
            read_ticket(&told, arena, &(*tickets)[(*count)++]);
    freeReplyObject(reply);
    return true;
}

/* NULL: a fault, or (with *found false) no such ticket. */
static redisReply *show(struct queue *queue, struct view number, struct told *told, bool *found, struct fault *fault)
{
    struct call call;
    *found = false;
    call_init(&call, &script_show, NULL);
    call_add(&call, number);
    redisReply *reply = call_and_end(queue, &call, fault);
    if (reply == NULL)
        return NULL;
    *found = told_read(reply, told);
    return reply;
}

bool queue_show(struct queue *queue, const char *id, struct arena *arena, struct queue_ticket *ticket, bool *found,
                struct fault *fault)
{
    struct told told;
    struct view number = ticket_number(id);
    *found = false;
    if (number.len == 0)
        return true;
    redisReply *reply = show(queue, number, &told, found, fault);
    if (reply == NULL)
        return false;
    if (*found)
        read_whole_ticket(&told, arena, ticket);
    freeReplyObject(reply);
    return true;
}

/* ---- deciding ----------------------------------------------------------------------------------------- */

static enum queue_result result_of(const redisReply *reply, struct fault *fault)
{
    static const struct {
        const char *word;
        enum queue_result result;
    } words[] = {
        {"done", QUEUE_RESULT_DONE},       {"none", QUEUE_RESULT_NO_SUCH}, {"not parked", QUEUE_RESULT_NOT_PARKED},
        {"changed", QUEUE_RESULT_CHANGED}, {"own", QUEUE_RESULT_OWN},      {"again", QUEUE_RESULT_AGAIN},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, words[i].word) == 0)
            return words[i].result;
    fault_set(fault, "Redis gives an answer that the script can't give");
    return QUEUE_RESULT_REDIS;
}

static enum queue_result decide(struct queue *queue, const struct seal *seal, const char *digest, struct fault *fault)
{
    struct call call;
    struct bytes record = {0}, key = {0};
    bytes_add_text(&key, KEY_OK);
    bytes_add_view(&key, seal->id);
    seal_write(seal, bytes_view(&queue->key), &record);
    call_init(&call, &script_decide, bytes_text(&key));
    call_add(&call, seal->id);
    call_text(&call, seal->approve ? "approve" : "reject");
    call_text(&call, seal->approver);
    call_text(&call, digest);
    call_add(&call, bytes_view(&record));
    bytes_fini(&key);
    bytes_fini(&record);
    redisReply *reply = call_and_end(queue, &call, fault);
    if (reply == NULL)
        return QUEUE_RESULT_REDIS;
    enum queue_result result = result_of(reply, fault);
    freeReplyObject(reply);
    return result;
}

/* What the approver puts a name to must be readable and whole, and what was shown. */
static enum queue_result seal_ticket(const struct told *told, struct arena *arena, const char *digest,
                                     struct seal *seal, struct fault *fault)
{
    struct ticket_content content;
    char hex[2 * CRYPTO_SHA256_SIZE + 1];
    if (!read_content(told, arena, &content, &seal->digest)) {
        fault_set(fault, "t%.*s: its content is not what its digest says", (int)told->number.len, told->number.data);
        return QUEUE_RESULT_CHANGED;
    }
    crypto_hex(seal->digest.byte, sizeof seal->digest.byte, hex);
    if (digest != NULL && !view_is(view_of(digest), hex))
        return QUEUE_RESULT_CHANGED;
    seal->id = told->number;
    seal->created = told_number(told->ticket, "created");
    seal->expires = told_number(told->ticket, "expires");
    seal->approvals = told_number(told->ticket, "approvals");
    seal->time = told->now;
    return strcmp(content.agent, seal->approver) == 0 ? QUEUE_RESULT_OWN : QUEUE_RESULT_DONE;
}

enum queue_result queue_decide(struct queue *queue, const char *id, bool approve, const char *approver,
                               const char *words, const char *digest, struct fault *fault)
{
    struct told told;
    struct arena arena = {0};
    bool found;
    struct view number = ticket_number(id);
    if (number.len == 0)
        return QUEUE_RESULT_NO_SUCH;
    redisReply *reply = show(queue, number, &told, &found, fault);
    if (reply == NULL)
        return QUEUE_RESULT_REDIS;
    enum queue_result result = QUEUE_RESULT_NO_SUCH;
    if (found) {
        struct seal seal = {.approve = approve, .approver = approver, .words = words};
        char hex[2 * CRYPTO_SHA256_SIZE + 1];
        result = seal_ticket(&told, &arena, digest, &seal, fault);
        crypto_hex(seal.digest.byte, sizeof seal.digest.byte, hex);
        if (result == QUEUE_RESULT_DONE)
            result = decide(queue, &seal, hex, fault);
    }
    freeReplyObject(reply);
    arena_fini(&arena);
    return result;
}

/* ---- to everybody ------------------------------------------------------------------------------------- */

static bool done(redisReply *reply)
{
    if (reply == NULL)
        return false;
    freeReplyObject(reply);
    return true;
}

bool queue_pause(struct queue *queue, const char *agent, bool paused, struct fault *fault)
{
    struct call call;
    call_init(&call, &script_pause, KEY_OK "paused");
    call_text(&call, paused ? "1" : "0");
    call_text(&call, agent);
    return done(call_and_end(queue, &call, fault));
}

bool queue_reload(struct queue *queue, struct fault *fault)
{
    struct call call;
    call_init(&call, &script_reload, KEY_OK "reload");
    return done(call_and_end(queue, &call, fault));
}

bool queue_paused(struct queue *queue, struct arena *arena, const char ***agents, size_t *count, struct fault *fault)
{
    struct call call;
    call_init(&call, &script_paused, NULL);
    redisReply *reply = call_and_end(queue, &call, fault);
    if (reply == NULL)
        return false;
    *count = reply->elements;
    *agents = arena_alloc(arena, *count * sizeof **agents);
    for (size_t i = 0; i < *count; i++)
        (*agents)[i] = arena_copy(arena, (struct view){reply->element[i]->str, reply->element[i]->len});
    freeReplyObject(reply);
    return true;
}

/* Each process has published an array; what isn't one is left out. */
bool queue_sessions(struct queue *queue, struct arena *arena, const char **json, struct fault *fault)
{
    struct call call;
    call_init(&call, &script_sessions, NULL);
    redisReply *reply = call_and_end(queue, &call, fault);
    if (reply == NULL)
        return false;
    json_t *all = json_array();
    for (size_t i = 0; i < reply->elements; i++) {
        json_t *some = json_loadb(reply->element[i]->str, reply->element[i]->len, 0, NULL);
        if (json_is_array(some))
            json_array_extend(all, some);
        json_decref(some);
    }
    char *text = json_dumps(all, JSON_COMPACT);
    CHECK(text != NULL);
    *json = arena_copy(arena, view_of(text));
    free(text);
    json_decref(all);
    freeReplyObject(reply);
    return true;
}
