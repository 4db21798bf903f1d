#include "work.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"

enum {
    TAKEOVERS_MOST = 10,  /* so many executors in a row may vanish with a ticket, before it is given up */
    BUSY_MOST = 5,        /* so often a ticket goes back because of locks, before it fails with that error */
    PAUSE_FIRST_MS = 500, /* … after pauses that double */
    PAUSE_MOST_MS = 30000,
    SETTLE_MS = 5000, /* to wait for an old session to be gone */
    FINISH_TRIES = 6, /* to tell Redis of an outcome; after that it is found out again */
    FINISH_PAUSE_MS = 100,
};

#define SYSTEM_ERROR "58000"

/* ---- the audit record --------------------------------------------------------------------------------- */

static void add_member(struct bytes *to, const char *key, const char *value)
{
    if (value == NULL)
        return;
    bytes_add_format(to, ",\"%s\":", key);
    text_add_json(to, view_of(value));
}

struct ending {
    const char *outcome; /* executed, failed, unknown; released: nothing took effect, it is tried again; lost: the
                          * same, but it is another's already */
    const char *xid;
    const struct ticket_result *results;
    size_t result_count;
    const struct ticket_error *error;
    const char *words;
};

static void add_ending(struct work *work, const struct ending *ending, struct bytes *to)
{
    add_member(to, "outcome", ending->outcome);
    add_member(to, "xid", ending->xid);
    uint64_t rows = 0;
    for (size_t i = 0; i < ending->result_count; i++)
        rows += ending->results[i].row_count;
    if (ending->result_count > 0) {
        add_member(to, "tag", ending->results[ending->result_count - 1].tag);
        bytes_add_format(to, ",\"rows\":%" PRIu64, rows);
    }
    if (ending->error != NULL) {
        add_member(to, "sqlstate", ending->error->sqlstate);
        add_member(to, "error", ending->error->message);
    }
    add_member(to, "words", ending->words);
    bytes_add_format(to, ",\"duration_us\":%" PRIu64, (pg_clock() - work->began) * 1000);
}

/* ending: NULL for the record that must be there before anything runs. */
static bool record(struct work *work, const struct ending *ending)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"execution\"");
    add_member(&body, "phase", ending ? "finished" : "started");
    add_member(&body, "ticket", work->id);
    add_member(&body, "digest", work->verified.digest);
    add_member(&body, "agent", told_text(work->told.ticket, "agent", &work->arena));
    add_member(&body, "database", work->lease.database);
    add_member(&body, "approver", work->verified.approver);
    add_member(&body, "executor", work->lease.executor);
    if (ending != NULL)
        add_ending(work, ending, &body);
    bool is_accepted = work->options->record(work->options->record_arg, bytes_view(&body), true) != 0;
    if (!is_accepted && ending != NULL)
        log_error("%s: its end (%s) could not be put on the record", work->id, ending->outcome);
    bytes_fini(&body);
    return is_accepted;
}

/* ---- endings ------------------------------------------------------------------------------------------ */

typedef enum lease_result report(struct work *work, const struct ending *ending, struct fault *fault);

static enum lease_result report_executed(struct work *work, const struct ending *ending, struct fault *fault)
{
    return lease_executed(&work->lease, fault);
}

static enum lease_result report_failed(struct work *work, const struct ending *ending, struct fault *fault)
{
    return lease_failed(&work->lease, ending->error, fault);
}

static enum lease_result report_unknown(struct work *work, const struct ending *ending, struct fault *fault)
{
    return lease_unknown(&work->lease, ending->words, fault);
}

/* Whatever Redis doesn't hear now, it finds out when the lease has run out: the database knows. */
static void end(struct work *work, const struct ending *ending, report *tell)
{
    struct fault fault;
    enum lease_result result = LEASE_RESULT_REDIS;
    record(work, ending); /* before anybody hears of it */
    for (int try = 0; result == LEASE_RESULT_REDIS && try < FINISH_TRIES; try++) {
        if (try > 0)
            poll(NULL, 0, FINISH_PAUSE_MS << try);
        result = tell(work, ending, &fault);
    }
    if (result == LEASE_RESULT_DONE)
        log_info("%s %s%s%s", work->id, ending->outcome, ending->words ? ": " : "", ending->words ? ending->words : "");
    else if (result == LEASE_RESULT_LOST)
        log_warn("%s %s, but somebody else has taken it over", work->id, ending->outcome);
    else
        log_error("%s %s, but Redis can't be told: %s", work->id, ending->outcome, fault.message);
}

static void end_failed(struct work *work, const struct ticket_error *error, const char *xid)
{
    end(work, &(struct ending){.outcome = "failed", .error = error, .xid = xid}, report_failed);
}

static uint64_t pause_after(const struct work *work)
{
    uint64_t tries = told_number(work->told.run, "tries");
    uint64_t pause = (uint64_t)PAUSE_FIRST_MS << (tries < 10 ? tries : 10);
    return pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
}

/* Nothing took effect, and it wasn't the statement's fault. */
static void release(struct work *work, const struct ticket_error *error, bool was_busy)
{
    struct fault fault;
    if (was_busy && told_number(work->told.run, "busy") + 1 >= BUSY_MOST) {
        end_failed(work, error, NULL);
        return;
    }
    record(work, &(struct ending){.outcome = "released", .error = error});
    enum lease_result result = lease_release(&work->lease, pause_after(work), was_busy, error->message, &fault);
    log_warn("%s not run, to be tried again: %s", work->id, error->message);
    if (result == LEASE_RESULT_REDIS)
        log_warn("%s: %s", work->id, fault.message);
}

static void postpone(struct work *work)
{
    struct fault fault;
    if (lease_postpone(&work->lease, &fault) == LEASE_RESULT_REDIS)
        log_warn("%s: %s", work->id, fault.message);
}

/* COMMIT's answer didn't come, or an executor died around it: the database knows. */
static void settle(struct work *work, const struct transaction_identity *identity, struct ending *ending)
{
    const char *words = NULL;
    struct ticket_error aborted = {.sqlstate = "40000", .message = "the transaction was rolled back at its end"};
    ending->xid = identity->xid;
    switch (witness_settle(work->witness, identity, SETTLE_MS, &work->arena, &words)) {
    case WITNESS_FATE_COMMITTED:
        ending->outcome = "executed";
        end(work, ending, report_executed);
        return;
    case WITNESS_FATE_ABORTED:
        release(work, ending->error ? ending->error : &aborted, true);
        return;
    case WITNESS_FATE_UNKNOWN:
        *ending = (struct ending){.outcome = "unknown", .words = words, .xid = identity->xid};
        end(work, ending, report_unknown);
        return;
    case WITNESS_FATE_LATER:
        log_warn("%s: whether it took effect can't be found out yet: %s", work->id, words);
        postpone(work);
        return;
    }
}

/* ---- running ------------------------------------------------------------------------------------------ */

/* Not prepared, as far as is known here, so never committed. It was on the record as started, and so is its end;
 * Redis needn't hear of it: when the lease is over, the next one finds it. */
static void roll_back(struct work *work, struct transaction *transaction, const char *outcome, const char *words)
{
    transaction_end(transaction);
    record(work, &(struct ending){.outcome = outcome, .xid = transaction->identity.xid, .words = words});
    log_warn("%s rolled back (%s): %s", work->id, outcome, words);
}

/* Everything has run; now the order matters, and DESIGN ("Exactly once") says why. */
static void commit(struct work *work, struct transaction *transaction, const char *label)
{
    struct fault fault;
    struct ticket_error error;
    size_t count = work->verified.content.run_count;
    if (!witness_flush(work->witness, &transaction->identity, label, &work->arena, &error)) {
        transaction_end(transaction);
        release(work, &error, false);
        return;
    }
    switch (lease_prepare(&work->lease, &transaction->identity, transaction->results, count, &fault)) {
    case LEASE_RESULT_DONE:
        break;
    case LEASE_RESULT_LOST:
        roll_back(work, transaction, "lost", "its lease ran out before it could be committed");
        return;
    case LEASE_RESULT_REDIS:
        roll_back(work, transaction, "released", fault.message);
        return;
    }
    struct ending ending = {.outcome = "executed",
                            .xid = transaction->identity.xid,
                            .results = transaction->results,
                            .result_count = count};
    if (transaction_commit(transaction)) {
        end(work, &ending, report_executed);
        return;
    }
    transaction_end(transaction);
    settle(work, &transaction->identity, &ending);
}

static void run(struct work *work, struct transaction *transaction, const char *label)
{
    const struct ticket_content *content = &work->verified.content;
    enum transaction_result result =
        transaction_begin(transaction, work->database->write, label, content, &work->limits, &work->arena);
    if (result == TRANSACTION_RESULT_GOOD)
        result = transaction_run(transaction, content, &work->limits, &work->arena);
    switch (result) {
    case TRANSACTION_RESULT_GOOD:
        commit(work, transaction, label);
        return;
    case TRANSACTION_RESULT_ESCAPED:
        transaction_end(transaction);
        end(work,
            &(struct ending){
                .outcome = "unknown", .words = transaction->error.message, .xid = transaction->identity.xid},
            report_unknown);
        return;
    case TRANSACTION_RESULT_FAILED:
        transaction_end(transaction);
        end_failed(work, &transaction->error, transaction->identity.xid);
        return;
    case TRANSACTION_RESULT_BUSY:
    case TRANSACTION_RESULT_UNABLE:
        transaction_end(transaction);
        release(work, &transaction->error, result == TRANSACTION_RESULT_BUSY);
        return;
    }
}

/* Executors that took this ticket and were never heard of again: most likely it is what ended them. */
static bool is_deadly(const struct work *work)
{
    return told_number(work->told.run, "takeovers") >= TAKEOVERS_MOST;
}

/* Nothing of it took effect: nobody got as far as preparing it. */
static bool was_given_up(struct work *work)
{
    char message[160];
    struct ticket_error error = {.sqlstate = SYSTEM_ERROR, .message = message};
    if (!is_deadly(work))
        return false;
    snprintf(message, sizeof message,
             "gave up after %d attempts: each executor that tried to run it ended before it could say how it went",
             TAKEOVERS_MOST);
    end_failed(work, &error, NULL);
    return true;
}

void work_run(struct work *work)
{
    work->began = pg_clock();
    const char *wrong = verify_ticket(&work->told, work->options->approval_key, &work->arena, &work->verified);
    if (wrong != NULL) {
        struct ticket_error error = {
            .sqlstate = SYSTEM_ERROR, .message = "the approval does not verify", .detail = wrong};
        log_error("%s: the approval does not verify: %s", work->id, wrong);
        end_failed(work, &error, NULL);
        return;
    }
    if (was_given_up(work))
        return;
    if (!record(work, NULL)) {
        release(work, &(struct ticket_error){.message = "the audit log can't be written"}, false);
        return;
    }
    char label[48];
    struct transaction transaction = {0};
    snprintf(label, sizeof label, "%s/%.8s", work->id, work->lease.token);
    run(work, &transaction, label);
    transaction_end(&transaction);
}

/* The one who had it before has prepared it, and may or may not have committed. */
void work_recover(struct work *work)
{
    work->began = pg_clock();
    const struct redisReply *left = work->told.run;
    struct transaction_identity identity = {
        .xid = told_text(left, "xid", &work->arena),
        .system = told_text(left, "system", &work->arena),
        .timeline = told_text(left, "timeline", &work->arena),
        .pid = told_text(left, "pid", &work->arena),
        .start = told_text(left, "start", &work->arena),
    };
    const char *digest = told_text(work->told.ticket, "digest", &work->arena);
    struct told_decision decision;
    told_decision(&work->told, &work->arena, &decision);
    work->verified.approver = decision.approver;
    snprintf(work->verified.digest, sizeof work->verified.digest, "%s", digest ? digest : "");
    struct ending ending = {0};
    struct ticket_result *results;
    if (told_results(&work->told, &work->arena, &results, &ending.result_count))
        ending.results = results;
    if (is_deadly(work)) {
        char words[160];
        snprintf(words, sizeof words,
                 "gave up after %d attempts to find out whether it took effect: each executor ended over it",
                 TAKEOVERS_MOST);
        end(work, &(struct ending){.outcome = "unknown", .words = words, .xid = identity.xid}, report_unknown);
        return;
    }
    if (identity.xid && identity.system && identity.timeline && identity.pid && identity.start) {
        settle(work, &identity, &ending);
        return;
    }
    ending = (struct ending){.outcome = "unknown", .words = "what it left in Redis is not whole"};
    end(work, &ending, report_unknown);
}
