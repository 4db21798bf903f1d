/* Commands that change something. Each is on the record, and the record on disk, before it is done: where
 * the log can't be written nothing is decided. A refused attempt is a record too. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command.h"

enum { DIGEST_LEAST = 8, WORDS_BYTES = 4096 };

/* ---- the record ----------------------------------------------------------------------------------------- */

static void record_start(struct bytes *body, const char *event, const struct officer *officer)
{
    bytes_add_format(body, "\"event\":\"%s\"", event);
    audit_add_text(body, "approver", view_of(officer->approver));
    audit_add_text(body, "client", view_of(officer->client));
}

/* Appends it and waits until it is on disk. 0: it isn't, and the answer says so. Frees the body. */
static uint64_t record_end(struct desk *desk, struct bytes *body, struct answer *answer)
{
    uint64_t seq = audit_append(desk->audit, bytes_view(body));
    bytes_fini(body);
    if (seq != 0 && audit_sync(desk->audit, seq))
        return seq;
    answer_fail(answer, "58030", "Nothing is decided that can't be recorded.", "the audit log can't be written");
    return 0;
}

/* ---- APPROVE, REJECT ------------------------------------------------------------------------------------ */

struct decision {
    bool is_approval;
    const char *ticket;
    const char *digest_start; /* what the approver said he saw; NULL: nothing */
    const char *words;        /* or NULL */
};

static const char *text_of(struct answer *answer, const struct word *word)
{
    return arena_copy(&answer->arena, word->text);
}

static bool is_hex(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

/* t42 [DIGEST abc…] ['words'] */
static bool read_decision(const struct words *words, struct answer *answer, struct decision *decision)
{
    size_t at = 0;
    decision->ticket = text_of(answer, &words->word[at++]);
    if (at + 1 < words->count && word_is(&words->word[at], "DIGEST")) {
        decision->digest_start = text_of(answer, &words->word[at + 1]);
        at += 2;
        if (strlen(decision->digest_start) < DIGEST_LEAST || !is_hex(decision->digest_start)) {
            answer_fail(answer, "22023", NULL, "after DIGEST comes the digest, or its first %d characters or more",
                        DIGEST_LEAST);
            return false;
        }
    }
    if (at < words->count && words->word[at].kind == WORD_KIND_TEXT)
        decision->words = text_of(answer, &words->word[at++]);
    if (at < words->count) {
        answer_fail(answer, "42601", "Words stand in quotes: APPROVE t42 'as discussed'; REJECT t42 'why'.",
                    "the rest of this command isn't understood");
        return false;
    }
    if (decision->words != NULL && strlen(decision->words) > WORDS_BYTES) {
        answer_fail(answer, "22023", NULL, "the words are longer than %d bytes", WORDS_BYTES);
        return false;
    }
    return true;
}

static uint64_t record_decision(struct desk *desk, const struct officer *officer, const struct decision *decision,
                                const struct queue_ticket *ticket, const char *refused, struct answer *answer)
{
    struct bytes body = {0};
    record_start(&body, refused == NULL ? "decision" : "decision-refused", officer);
    audit_add_text(&body, "ticket", view_of(decision->ticket));
    audit_add_text(&body, "decision", view_of(decision->is_approval ? "approve" : "reject"));
    if (ticket != NULL) {
        audit_add_text(&body, "agent", view_of(ticket->content.agent));
        audit_add_text(&body, "database", view_of(ticket->content.database));
        audit_add_text(&body, "digest", view_of(ticket->digest));
        audit_add_number(&body, "request", (int64_t)ticket->record);
    }
    if (decision->words != NULL)
        audit_add_text(&body, "words", view_of(decision->words));
    if (refused != NULL)
        audit_add_text(&body, "refused", view_of(refused));
    return record_end(desk, &body, answer);
}

static const char *became_of(enum ticket_state state)
{
    static const char *const words[] = {
        [TICKET_STATE_PARKED] = "was decided meanwhile",
        [TICKET_STATE_APPROVED] = "was approved",
        [TICKET_STATE_EXECUTING] = "is running",
        [TICKET_STATE_EXECUTED] = "was executed",
        [TICKET_STATE_FAILED] = "has failed",
        [TICKET_STATE_REJECTED] = "was rejected",
        [TICKET_STATE_EXPIRED] = "has expired",
        [TICKET_STATE_CANCELLED] = "was cancelled",
        [TICKET_STATE_UNKNOWN] = "has run, and nobody knows whether it took effect",
    };
    return words[state];
}

static void fail_decision(enum queue_result result, const struct decision *decision, const struct queue_ticket *ticket,
                          const struct fault *fault, struct answer *answer)
{
    switch (result) {
    case QUEUE_RESULT_DONE:
        break;
    case QUEUE_RESULT_NO_SUCH:
        answer_fail(answer, "42704", NULL, "there is no ticket %s", decision->ticket);
        break;
    case QUEUE_RESULT_NOT_PARKED:
        answer_fail(answer, "55000", "SHOW TICKET says what became of it.",
                    "ticket %s doesn't wait for a decision any more: it %s", decision->ticket,
                    became_of(ticket->state));
        break;
    case QUEUE_RESULT_CHANGED:
        answer_fail(answer, "55000", "Look at it again with SHOW TICKET.",
                    "ticket %s has another digest than the one given", decision->ticket);
        break;
    case QUEUE_RESULT_OWN:
        answer_fail(answer, "42501", NULL, "nobody decides about statements of his own");
        break;
    case QUEUE_RESULT_AGAIN:
        answer_fail(answer, "55000", "SHOW TICKET says who has approved it.",
                    "you have approved ticket %s already; another approver has to approve it too", decision->ticket);
        break;
    case QUEUE_RESULT_REDIS:
        answer_fail(answer, "58000", "Look at it with SHOW TICKET before trying again.",
                    "the decision could not be handed to Redis: %s", fault->message);
        break;
    }
}

/* Of a ticket that is parked: is his name among those who approved it? */
static bool has_approved(const struct queue_ticket *ticket, const char *approver)
{
    struct view rest = view_of(ticket->approver);
    while (rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        struct view name = {rest.data, comma != NULL ? (size_t)(comma - rest.data) : rest.len};
        size_t used = comma != NULL ? name.len + 2 : name.len; /* ", " */
        if (view_is(name, approver))
            return true;
        rest = (struct view){rest.data + used, rest.len - used};
    }
    return false;
}

/* What can be seen to be refused before anything is written. */
static enum queue_result foresee(const struct decision *decision, const struct officer *officer,
                                 const struct queue_ticket *ticket, bool found)
{
    if (!found)
        return QUEUE_RESULT_NO_SUCH;
    if (strcmp(officer->approver, ticket->content.agent) == 0)
        return QUEUE_RESULT_OWN;
    if (ticket->state != TICKET_STATE_PARKED)
        return QUEUE_RESULT_NOT_PARKED;
    if (decision->is_approval && has_approved(ticket, officer->approver))
        return QUEUE_RESULT_AGAIN;
    if (decision->digest_start != NULL &&
        strncasecmp(decision->digest_start, ticket->digest, strlen(decision->digest_start)) != 0)
        return QUEUE_RESULT_CHANGED;
    return QUEUE_RESULT_DONE;
}

static void refuse(struct desk *desk, const struct officer *officer, const struct decision *decision,
                   const struct queue_ticket *ticket, enum queue_result why, const struct fault *fault,
                   struct answer *answer)
{
    static const char *const reasons[] = {
        "", "no such ticket", "not parked", "another digest", "own statement", "approved already", "Redis"};
    if (record_decision(desk, officer, decision, why == QUEUE_RESULT_NO_SUCH ? NULL : ticket, reasons[why], answer))
        fail_decision(why, decision, ticket, fault, answer);
}

static void add_notice(struct answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_notice(struct answer *answer, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    answer->notice = answer_text(answer, text).data;
}

/* What the approval did is looked up once more, since others decide at the same time. */
static void tell_approval(struct desk *desk, const struct decision *decision, struct answer *answer)
{
    struct queue_ticket ticket = {0};
    struct fault fault = {0};
    bool found = false;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_show(desk->queue, decision->ticket, &answer->arena, &ticket, &found, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done || !found)
        add_notice(answer, "your approval of %s is recorded; SHOW TICKET %s says how it went", decision->ticket,
                   decision->ticket);
    else if (ticket.state == TICKET_STATE_PARKED)
        add_notice(answer, "%s has %u of %u approvals; another approver has to approve it too", decision->ticket,
                   ticket.approvals, ticket.approvals_wanted);
    else
        add_notice(answer, "%s is approved and will run once; SHOW TICKET %s says how it went", decision->ticket,
                   decision->ticket);
}

/* The ticket's digest is read first and the decision bound to it: should the ticket hold anything else by
 * then, Redis refuses. */
static void decide(struct desk *desk, const struct officer *officer, const struct decision *decision,
                   struct answer *answer)
{
    struct queue_ticket ticket = {0};
    struct fault fault = {0};
    bool found = false;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_show(desk->queue, decision->ticket, &answer->arena, &ticket, &found, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done) {
        answer_fail(answer, "58000", "Nothing was decided. Is Redis running?", "the queue can't be read: %s",
                    fault.message);
        return;
    }
    enum queue_result result = foresee(decision, officer, &ticket, found);
    if (result != QUEUE_RESULT_DONE) {
        refuse(desk, officer, decision, &ticket, result, &fault, answer);
        return;
    }
    if (record_decision(desk, officer, decision, &ticket, NULL, answer) == 0)
        return;
    pthread_mutex_lock(&desk->queue_lock);
    result = queue_decide(desk->queue, decision->ticket, decision->is_approval, officer->approver, decision->words,
                          ticket.digest, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (result != QUEUE_RESULT_DONE)
        refuse(desk, officer, decision, &ticket, result, &fault, answer);
    else if (decision->is_approval)
        tell_approval(desk, decision, answer);
    if (result == QUEUE_RESULT_DONE && officer->status == 'T')
        add_notice(answer, "%s%sthe decision stands at once: ROLLBACK won't undo it",
                   answer->notice != NULL ? answer->notice : "", answer->notice != NULL ? "; " : "");
}

COMMAND_HANDLER(decide_approve)
{
    struct decision decision = {.is_approval = true};
    answer->tag = "APPROVE";
    if (read_decision(words, answer, &decision))
        decide(desk, officer, &decision, answer);
}

COMMAND_HANDLER(decide_reject)
{
    struct decision decision = {.is_approval = false};
    answer->tag = "REJECT";
    if (!read_decision(words, answer, &decision))
        return;
    if (decision.words == NULL || decision.words[0] == '\0')
        answer_fail(answer, "42601", NULL, "say why, so that the agent can go on: REJECT %s 'why'", decision.ticket);
    else
        decide(desk, officer, &decision, answer);
}

/* ---- PAUSE, RESUME, RELOAD --------------------------------------------------------------------------------- */

static void fail_call(bool done, const struct fault *fault, struct answer *answer)
{
    if (!done)
        answer_fail(answer, "58000", "Is Redis running?", "Redis could not be told: %s", fault->message);
}

static bool is_agent(struct desk *desk, const char *name)
{
    bool found = false;
    pthread_mutex_lock(&desk->agents_lock);
    for (const char *const *at = desk->agents; *at != NULL && !found; at++)
        found = strcmp(*at, name) == 0;
    pthread_mutex_unlock(&desk->agents_lock);
    return found;
}

/* Also an agent that is in no configuration any more can be resumed, but none be paused that isn't there:
 * a misspelt name would pause nobody. */
static void pause_agent(struct desk *desk, const struct officer *officer, const struct words *words, bool is_pause,
                        struct answer *answer)
{
    const char *agent = text_of(answer, &words->word[0]);
    struct bytes body = {0};
    struct fault fault = {0};
    answer->tag = is_pause ? "PAUSE" : "RESUME";
    if (is_pause && !is_agent(desk, agent)) {
        bytes_fini(&body);
        answer_fail(answer, "42704", NULL, "there is no agent \"%s\" in the configuration", agent);
        return;
    }
    record_start(&body, is_pause ? "pause" : "resume", officer);
    audit_add_text(&body, "agent", view_of(agent));
    if (record_end(desk, &body, answer) == 0)
        return;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_pause(desk->queue, agent, is_pause, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    fail_call(done, &fault, answer);
}

COMMAND_HANDLER(decide_pause)
{
    pause_agent(desk, officer, words, true, answer);
}

COMMAND_HANDLER(decide_resume)
{
    pause_agent(desk, officer, words, false, answer);
}

/* Proxies hear of it through Redis; the console itself reads anew when the answer is back on its loop. */
COMMAND_HANDLER(decide_reload)
{
    struct bytes body = {0};
    struct fault fault = {0};
    answer->tag = "RELOAD";
    record_start(&body, "reload-asked", officer);
    if (record_end(desk, &body, answer) == 0)
        return;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_reload(desk->queue, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    answer->is_reload = done;
    fail_call(done, &fault, answer);
}
