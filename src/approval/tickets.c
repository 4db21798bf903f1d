/* The proxy's door: requests on an event loop. Each waits in `pending` until it is answered, in the order of
 * its deadlines; before the link is ready it hasn't been sent. A request leaves the list when it is answered,
 * and is freed when hiredis is done with it, too. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "approval.h"
#include "base/check.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "call.h"
#include "content.h"
#include "link.h"
#include "state.h"
#include "told.h"
#include "watch.h"

#define CAN_NOT_REACH   "the approval queue (Redis) can't be reached"
#define DOES_NOT_ANSWER "the approval queue (Redis) doesn't answer"

enum { ANSWER_MS = 5000, LIFETIME_MOST_S = 30 * 86400, SQL_SHORT = 2000 };

struct tickets {
    uv_loop_t *loop;
    struct redis_url url;
    struct link *link;
    struct watch *watch; /* NULL: nobody watches */
    struct list pending;
    uv_timer_t timer;
    uint64_t tokens;
};

struct request {
    struct list link;
    struct tickets *tickets;
    struct call call;
    struct link_waiter waiter;
    uint64_t token, deadline; /* the loop's time, ms */
    tickets_done *done;       /* NULL: nobody (any more) */
    void *arg;
    const char *refusal;    /* not sent at all: the answer that the loop will give; or NULL */
    bool is_sent, is_whole; /* whole: as EVAL */
    bool is_answered;       /* only hiredis still has it */
};

static void on_reply(void *arg, const redisReply *reply);

static void request_free(struct request *request)
{
    list_remove(&request->link);
    call_fini(&request->call);
    free(request);
}

/* Takes the request out of the list and tells whoever asked, once. */
static void answer(struct request *request, const struct ticket_answer *told)
{
    tickets_done *done = request->done;
    request->done = NULL;
    request->is_answered = true;
    list_remove(&request->link);
    if (done != NULL)
        done(request->arg, told);
}

static void refuse(struct request *request, const char *words)
{
    struct ticket_answer no = {.ok = false, .words = words};
    answer(request, &no);
}

/* ---- time-outs ---------------------------------------------------------------------------------------- */

static void arm(struct tickets *tickets);

static void on_timer(uv_timer_t *timer)
{
    struct tickets *tickets = timer->data;
    bool is_silent = false;
    uint64_t last = tickets->tokens; /* who is told may ask anew: that is for the next turn of the loop */
    uv_update_time(tickets->loop);
    while (!list_is_empty(&tickets->pending)) {
        struct request *first = list_entry(tickets->pending.next, struct request, link);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it doesn't see that answered requests are unlinked */
        if (first->deadline > uv_now(tickets->loop) || first->token > last)
            break;
        bool is_sent = first->is_sent;
        refuse(first, first->refusal ? first->refusal : is_sent ? DOES_NOT_ANSWER : CAN_NOT_REACH);
        is_silent = is_silent || is_sent;
        if (!is_sent)
            request_free(first);
    }
    /* A Redis that keeps its connection open and says nothing: a new connection is the better chance. */
    if (is_silent && link_is_ready(tickets->link))
        link_drop(tickets->link, "no answer in time");
    arm(tickets);
}

static void arm(struct tickets *tickets)
{
    if (list_is_empty(&tickets->pending)) {
        uv_timer_stop(&tickets->timer);
        return;
    }
    struct request *first = list_entry(tickets->pending.next, struct request, link);
    uint64_t now = uv_now(tickets->loop);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
    uv_timer_start(&tickets->timer, on_timer, first->deadline > now ? first->deadline - now : 0, 0);
}

/* ---- sending ------------------------------------------------------------------------------------------ */

static void send_request(struct request *request)
{
    struct bytes command = {0};
    call_write(&request->call, request->is_whole, &command);
    request->is_sent = true;
    link_send(request->tickets->link, bytes_view(&command), &request->waiter);
    bytes_fini(&command);
}

static struct request *request_new(struct tickets *tickets, const struct script *script, const char *key)
{
    struct request *request = check_calloc(1, sizeof *request);
    request->tickets = tickets;
    request->waiter = (struct link_waiter){on_reply, request};
    request->token = ++tickets->tokens;
    list_init(&request->link);
    call_init(&request->call, script, key);
    return request;
}

/* A refusal, too, comes from the loop. While the link pauses after a failure it tries again at once: where
 * Redis is still away the answer is quick, and where it is back nobody waits for the end of the pause. */
static void submit(struct request *request)
{
    struct tickets *tickets = request->tickets;
    link_hurry(tickets->link);
    bool is_soon = request->refusal != NULL;
    uv_update_time(tickets->loop); /* the loop's clock stands still while a callback takes its time */
    request->deadline = uv_now(tickets->loop) + (is_soon ? 0 : ANSWER_MS);
    list_append(is_soon ? tickets->pending.next : &tickets->pending, &request->link);
    arm(tickets);
    if (!is_soon && link_is_ready(tickets->link))
        send_request(request);
}

static void on_ready(void *arg)
{
    struct tickets *tickets = arg;
    for (struct list *at = tickets->pending.next, *next; at != &tickets->pending; at = next) {
        next = at->next;
        struct request *request = list_entry(at, struct request, link);
        if (!request->is_sent && request->refusal == NULL)
            send_request(request);
    }
    if (tickets->watch != NULL)
        watch_refresh(tickets->watch);
}

static struct request *oldest(struct tickets *tickets, uint64_t most)
{
    list_each(at, &tickets->pending)
    {
        struct request *request = list_entry(at, struct request, link);
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
        if (request->token <= most)
            return request;
    }
    return NULL;
}

/* Whoever is told may ask anew or forget others meanwhile: look each time, and only at those of before. */
static void on_down(void *arg, const char *why)
{
    struct tickets *tickets = arg;
    char words[256];
    snprintf(words, sizeof words, CAN_NOT_REACH ": %s", why);
    uint64_t last = tickets->tokens;
    for (struct request *request; (request = oldest(tickets, last)) != NULL;) {
        bool is_sent = request->is_sent;
        refuse(request, words);
        if (!is_sent)
            request_free(request);
    }
    arm(tickets);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static bool read_outcome(const struct told *told, struct arena *arena, struct ticket_answer *to)
{
    struct told_decision decision;
    if (told_decision(told, arena, &decision)) {
        to->approver = decision.approver;
        to->words = decision.words;
    }
    if (told->state == TICKET_STATE_EXPIRED)
        to->words = decision.approver ? "it was approved, but could not be run in time" : NULL;
    if (told->state == TICKET_STATE_UNKNOWN)
        to->words = told_text(told->run, "words", arena);
    if (told->state == TICKET_STATE_FAILED)
        to->error = told_error(told, arena);
    if (told->state != TICKET_STATE_EXECUTED)
        return true;
    struct ticket_result *results;
    bool good = told_results(told, arena, &results, &to->result_count);
    to->results = good ? results : NULL;
    return good;
}

static bool read_answer(const redisReply *reply, struct arena *arena, struct ticket_answer *to)
{
    struct told told;
    *to = (struct ticket_answer){0};
    if (!told_read(reply, &told) || told.extra == NULL)
        return false;
    to->is_new = told.extra->integer != 0;
    to->state = told.state;
    snprintf(to->id, sizeof to->id, "t%.*s", (int)told.number.len, told.number.data);
    text_time((int64_t)told_number(told.ticket, "expires"), to->expires);
    to->previous = told_previous(&told, arena);
    to->ok = read_outcome(&told, arena, to);
    return to->ok;
}

static void on_answer(struct request *request, const redisReply *reply)
{
    struct arena arena = {0};
    struct ticket_answer told;
    if (reply->type == REDIS_REPLY_ERROR) {
        char words[256];
        snprintf(words, sizeof words, "the approval queue (Redis) refuses: %.200s", reply->str);
        log_error("%s: %s", request->call.script->name, words);
        refuse(request, words);
    } else if (request->done == NULL) {
        answer(request, NULL);
    } else if (reply->type == REDIS_REPLY_STRING) { /* instead of a ticket: why there is none */
        refuse(request, reply->str);
    } else if (read_answer(reply, &arena, &told)) {
        answer(request, &told);
    } else {
        log_error("%s: what the ticket holds in Redis can't be read", request->call.script->name);
        refuse(request, "what the ticket holds in Redis can't be read");
    }
    arena_fini(&arena);
}

static void on_reply(void *arg, const redisReply *reply)
{
    struct request *request = arg;
    struct tickets *tickets = request->tickets;
    if (reply != NULL && !request->is_answered && !request->is_whole && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        request->is_whole = true;
        send_request(request);
        return;
    }
    bool was_answered = request->is_answered;
    if (!was_answered && reply != NULL)
        on_answer(request, reply);
    else if (!was_answered)
        refuse(request, "the connection to the approval queue (Redis) was lost: send the statement again");
    request_free(request);
    if (!was_answered && tickets->link != NULL)
        arm(tickets);
}

/* ---- the door ----------------------------------------------------------------------------------------- */

struct tickets *tickets_open(uv_loop_t *loop, const struct approval_redis *redis, struct fault *fault)
{
    static const struct link_events events = {on_ready, on_down};
    struct redis_url url;
    if (!redis_url_parse(&url, redis, fault))
        return NULL;
    struct tickets *tickets = check_calloc(1, sizeof *tickets);
    tickets->loop = loop;
    tickets->url = url;
    list_init(&tickets->pending);
    uv_timer_init(loop, &tickets->timer);
    tickets->timer.data = tickets;
    tickets->link = link_open(loop, &url, &events, tickets);
    return tickets;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void tickets_close(struct tickets *tickets)
{
    struct link *link = tickets->link;
    if (tickets->watch != NULL)
        watch_close(tickets->watch);
    tickets->watch = NULL;
    while (!list_is_empty(&tickets->pending))
        on_down(tickets, "shutting down");
    tickets->link = NULL;
    link_close(link);
    crypto_wipe(tickets->url.password, sizeof tickets->url.password);
    uv_close((uv_handle_t *)&tickets->timer, on_timer_closed);
}

bool tickets_is_connected(const struct tickets *tickets)
{
    return link_is_ready(tickets->link);
}

static void add_field(struct call *call, const char *name, const char *value)
{
    if (value != NULL)
        call_field(call, name, view_of(value));
}

static void add_number(struct call *call, const char *name, uint64_t value)
{
    call_text(call, name);
    call_number(call, value);
}

static void add_context(struct call *call, const struct ticket_context *context)
{
    add_field(call, "session", context->session);
    add_field(call, "client", context->client);
    add_field(call, "application", context->application);
    add_field(call, "reason", context->reason);
    add_field(call, "policy", context->policy);
    add_field(call, "policy_hash", context->policy_hash);
    add_field(call, "rule", context->rule);
    add_field(call, "operations", context->operations_json);
    add_field(call, "relations", context->relations_json);
    add_number(call, "approvals", context->approvals ? context->approvals : 1);
    add_number(call, "record", context->record);
}

/* What a list of tickets shows, so that it needn't fetch the content of each. */
static void add_brief(struct call *call, const struct ticket_content *content)
{
    struct view sql = content->statement_count > 0 ? content->statements[0].sql : view_of("");
    if (sql.len > SQL_SHORT) {
        sql.len = SQL_SHORT;
        while (sql.len > 0 && (sql.data[sql.len] & 0xc0) == 0x80) /* within a character */
            sql.len--;
    }
    call_field(call, "sql", sql);
    add_number(call, "statements", content->statement_count);
    add_number(call, "runs", content->run_count);
}

uint64_t tickets_park(struct tickets *tickets, const struct ticket_content *content,
                      const struct ticket_context *context, tickets_done *done, void *arg)
{
    struct request *request = request_new(tickets, &script_park, KEY_TICKET "next");
    struct sha256 digest = ticket_digest(content);
    char hex[2 * CRYPTO_SHA256_SIZE + 1];
    crypto_hex(digest.byte, sizeof digest.byte, hex);
    uint64_t seconds = context->expires_seconds < LIFETIME_MOST_S ? context->expires_seconds : LIFETIME_MOST_S;
    struct bytes json = {0};
    content_write(content, &json);
    call_text(&request->call, hex);
    call_number(&request->call, seconds * 1000000);
    call_field(&request->call, "content", bytes_view(&json));
    add_field(&request->call, "agent", content->agent);
    add_field(&request->call, "database", content->database);
    add_brief(&request->call, content);
    add_context(&request->call, context);
    request->done = done;
    request->arg = arg;
    uint64_t token = request->token;
    bool fits = json.len <= CONTENT_BYTES_MAX;
    bytes_fini(&json);
    if (!fits)
        request->refusal = "the statement with its parameters is larger than a ticket may be (16 MiB)";
    submit(request);
    return token;
}

void tickets_forget(struct tickets *tickets, uint64_t token)
{
    list_each(at, &tickets->pending)
    {
        struct request *request = list_entry(at, struct request, link);
        if (request->token != token)
            continue;
        request->done = NULL;
        if (!request->is_sent) { /* nobody wants this ticket any more */
            request_free(request);
            arm(tickets);
        }
        return;
    }
}

/* A command about one ticket whose answer nobody waits for. */
static struct request *about(struct tickets *tickets, const struct script *script, const char *id)
{
    struct view number = ticket_number(id);
    CHECK(number.len > 0);
    char key[64];
    snprintf(key, sizeof key, KEY_TICKET "%s", number.data);
    struct request *request = request_new(tickets, script, key);
    call_add(&request->call, number);
    return request;
}

void tickets_delivered(struct tickets *tickets, const char *id)
{
    struct request *request = about(tickets, &script_deliver, id);
    /* With its whole text: a NOSCRIPT would let a request for the same content, sent behind it, overtake it. */
    request->is_whole = true;
    submit(request);
}

void tickets_cancel(struct tickets *tickets, const char *id, const char *agent)
{
    struct request *request = about(tickets, &script_cancel, id);
    call_text(&request->call, agent);
    submit(request);
}

void tickets_watch(struct tickets *tickets, const struct tickets_news *news, void *arg)
{
    CHECK(tickets->watch == NULL);
    tickets->watch = watch_open(tickets->loop, &tickets->url, tickets->link, news, arg);
}

void tickets_publish(struct tickets *tickets, const char *process, struct view sessions_json, unsigned seconds)
{
    struct bytes key = {0};
    bytes_add_format(&key, KEY_TICKET "sessions:%s", process);
    struct request *request = request_new(tickets, &script_publish, bytes_text(&key));
    call_text(&request->call, process);
    call_number(&request->call, seconds ? seconds : 1);
    call_add(&request->call, sessions_json);
    submit(request);
    bytes_fini(&key);
}
