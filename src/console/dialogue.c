/* Simple protocol:    a text is read whole, then its calls run one after the other; the first error ends it.
 * Extended protocol:  a prepared statement is a text with at most one call, a portal one execution of it,
 *                     which keeps its answer so that it can be fetched in parts.
 *
 * After an error in an extended message everything up to Sync is skipped, as a server does. */
#include "dialogue.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/check.h"
#include "base/map.h"
#include "base/text.h"
#include "call.h"
#include "portal.h"

enum { NAMES_MOST = 256 /* prepared statements, and portals, of one approver */ };

struct dialogue {
    struct guest *guest;
    struct officer officer; /* with the transaction status */
    bool is_skipping;

    struct arena text; /* of the simple query under way */
    struct call *calls;
    size_t call_count, call_at;
    struct answer answer;

    struct map statements, portals;
    struct portal *running; /* the extended Execute under way; NULL: a simple one */
    uint32_t max_rows;
    const struct call *job; /* what runs in the thread pool */
};

/* ---- words to the client ------------------------------------------------------------------------------- */

static struct bytes *output(struct dialogue *d)
{
    return guest_output(d->guest);
}

static void fall_into_error(struct dialogue *d)
{
    if (d->officer.status == 'T')
        d->officer.status = 'E';
}

static void say_ready(struct dialogue *d)
{
    message_add_ready(output(d), d->officer.status);
    guest_flush(d->guest);
}

/* An error in an extended message. */
static void fail(struct dialogue *d, const char *sqlstate, const char *message, const char *hint)
{
    answer_add_error(output(d), "ERROR", sqlstate, message, hint);
    fall_into_error(d);
    d->is_skipping = true;
    guest_flush(d->guest);
}

static void break_off(struct dialogue *d)
{
    guest_end(d->guest, "08P01", "a message is malformed", NULL);
}

/* ---- prepared statements and portals --------------------------------------------------------------------- */

static void forget_all(struct guest *guest)
{
    struct dialogue *d = guest->dialogue;
    size_t at = 0;
    struct view name;
    void *value;
    while (map_next(&d->statements, &at, &name, &value))
        prepared_drop(value);
    at = 0;
    while (map_next(&d->portals, &at, &name, &value))
        portal_free(value);
    map_fini(&d->statements);
    map_fini(&d->portals);
    answer_fini(&d->answer);
    arena_fini(&d->text);
    free(d);
}

/* ---- running --------------------------------------------------------------------------------------------- */

static struct answer *job_answer(struct dialogue *d)
{
    return d->running != NULL ? &d->running->answer : &d->answer;
}

static void job_work(void *arg)
{
    struct dialogue *d = arg;
    d->job->command->run(&d->guest->house->desk, &d->officer, d->job->command, &d->job->words, job_answer(d));
}

static void job_done(void *arg);

/* May this call run at all, now? NULL: yes. */
static const struct call_fault *job_refusal(struct dialogue *d, const struct call *call)
{
    static const struct call_fault aborted = {
        "25P02", "current transaction is aborted, commands ignored until end of transaction block", NULL};
    return d->officer.status == 'E' && (call->command->flags & COMMAND_ENDS_BLOCK) == 0 ? &aborted : NULL;
}

/* Its answer comes to job_done; or the connection is ended. */
static void job_start(struct dialogue *d, const struct call *call, struct portal *portal)
{
    struct guest *guest = d->guest;
    if (house_approver(guest->house, view_of(guest->user)) == NULL) {
        guest_end(guest, "57P01", "you are not an approver any more", NULL);
        return;
    }
    d->running = portal;
    d->job = call;
    answer_init(job_answer(d), call->command->columns);
    guest->has_job = true;
    net_conn_pause(guest->conn);
    net_work(guest->house->loop, job_work, job_done, d);
}

static void say_notice(struct dialogue *d, const struct answer *answer)
{
    struct message_words notice = {.severity = "NOTICE", .sqlstate = "00000", .message = answer->notice};
    struct message_words warning = {.severity = "WARNING", .sqlstate = "F0000", .message = answer->warning};
    if (answer->notice != NULL)
        message_add_words(output(d), 'N', &notice);
    if (answer->warning != NULL)
        message_add_words(output(d), 'N', &warning);
}

/* RELOAD's second half: here, on the loop. */
static void reload(struct dialogue *d, struct answer *answer)
{
    struct fault fault;
    if (answer->is_reload && !house_reload(d->guest->house, &fault)) {
        char why[2048];
        struct bytes warning = {0};
        fault_text(&fault, why, sizeof why);
        bytes_add_text(&warning, "the configuration is wrong, and stays as it was: ");
        text_add_visible(&warning, view_of(why), false);
        answer->warning = answer_text(answer, bytes_text(&warning)).data;
        bytes_fini(&warning);
    }
    answer->is_reload = false;
}

static void execute_send(struct dialogue *d)
{
    struct portal *portal = d->running;
    portal->sent = answer_add_rows(output(d), &portal->answer, portal->sent, d->max_rows);
    if (portal->sent < portal->answer.row_count)
        message_add_empty(output(d), 's'); /* PortalSuspended */
    else
        answer_add_tag(output(d), &portal->answer);
}

static void execute_done(struct dialogue *d, struct answer *answer)
{
    if (answer->is_failed)
        fail(d, answer->error.sqlstate, answer->error.message, answer->error.hint);
    else
        execute_send(d);
    d->running = NULL;
}

static void query_next(struct dialogue *d);

static void query_done(struct dialogue *d, struct answer *answer)
{
    if (answer->is_failed) {
        message_add_words(output(d), 'E', &answer->error);
        fall_into_error(d);
        d->call_at = d->call_count;
    } else {
        if (answer->columns != NULL)
            answer_add_columns(output(d), answer->columns, NULL, 0);
        answer_add_rows(output(d), answer, 0, 0);
        answer_add_tag(output(d), answer);
    }
    answer_fini(answer);
    query_next(d);
}

static void job_done(void *arg)
{
    struct dialogue *d = arg;
    struct guest *guest = d->guest;
    if (!guest_job_done(guest))
        return;
    struct answer *answer = job_answer(d);
    reload(d, answer);
    if (answer->status != 0 && !answer->is_failed)
        d->officer.status = answer->status;
    say_notice(d, answer);
    if (d->running != NULL)
        execute_done(d, answer);
    else
        query_done(d, answer);
    if (guest->state == GUEST_STATE_CLOSED || guest->has_job)
        return;
    guest_flush(guest);
    net_conn_resume(guest->conn);
}

/* ---- the simple protocol ---------------------------------------------------------------------------------- */

static void query_next(struct dialogue *d)
{
    if (d->call_at < d->call_count) {
        const struct call *call = &d->calls[d->call_at++];
        const struct call_fault *refusal = job_refusal(d, call);
        if (refusal == NULL) {
            job_start(d, call, NULL);
            return;
        }
        answer_add_error(output(d), "ERROR", refusal->sqlstate, refusal->message, refusal->hint);
    }
    arena_reset(&d->text);
    say_ready(d);
}

static void take_query(struct dialogue *d, struct view body)
{
    struct view sql;
    struct call_fault fault;
    if (!message_read_query(body, &sql)) {
        break_off(d);
        return;
    }
    d->call_at = d->call_count = 0;
    if (!call_read(arena_view(&d->text, sql), &d->text, &d->calls, &d->call_count, &fault)) {
        answer_add_error(output(d), "ERROR", fault.sqlstate, fault.message, fault.hint);
        fall_into_error(d);
        d->call_count = 0;
    } else if (d->call_count == 0) {
        message_add_empty(output(d), 'I'); /* EmptyQueryResponse */
    }
    query_next(d);
}

/* ---- the extended protocol --------------------------------------------------------------------------------- */

static void take_parse(struct dialogue *d, struct view body)
{
    struct message_parse parse;
    struct call_fault fault;
    if (!message_read_parse(body, &parse)) {
        break_off(d);
        return;
    }
    if (d->statements.count >= NAMES_MOST && map_get(&d->statements, parse.name) == NULL) {
        fail(d, "54000", "there are too many prepared statements", NULL);
        return;
    }
    if (parse.name.len > 0 && map_get(&d->statements, parse.name) != NULL) {
        fail(d, "42P05", "a prepared statement of this name exists already", NULL);
        return;
    }
    struct prepared *prepared = check_calloc(1, sizeof *prepared);
    prepared->holders = 1;
    struct view sql = arena_view(&prepared->arena, parse.sql);
    if (!call_read(sql, &prepared->arena, &prepared->calls, &prepared->count, &fault)) {
        fail(d, fault.sqlstate, fault.message, fault.hint);
        prepared_drop(prepared);
    } else if (prepared->count > 1) {
        fail(d, "42601", "cannot insert multiple commands into a prepared statement", NULL);
        prepared_drop(prepared);
    } else {
        prepared_drop(map_put(&d->statements, parse.name, prepared));
        message_add_empty(output(d), '1');
    }
}

static void bind(struct dialogue *d, const struct message_bind *bind)
{
    struct prepared *prepared = map_get(&d->statements, bind->statement);
    if (prepared == NULL) {
        fail(d, "26000", "there is no such prepared statement", NULL);
        return;
    }
    if (bind->value_count != 0) {
        fail(d, "08P01", "commands of the console take no parameters", "Write the values into the text.");
        return;
    }
    if (d->portals.count >= NAMES_MOST && map_get(&d->portals, bind->portal) == NULL) {
        fail(d, "54000", "there are too many portals", NULL);
        return;
    }
    portal_free(map_put(&d->portals, bind->portal, portal_new(prepared, bind)));
    message_add_empty(output(d), '2');
}

static void take_bind(struct dialogue *d, struct view body)
{
    struct arena arena = {0};
    struct message_bind read;
    if (message_read_bind(body, &arena, &read))
        bind(d, &read);
    else
        break_off(d);
    arena_fini(&arena);
}

static void take_describe(struct dialogue *d, struct view body)
{
    struct message_name name;
    if (!message_read_name(body, &name)) {
        break_off(d);
        return;
    }
    bool is_statement = name.kind == 'S';
    struct portal *portal = is_statement ? NULL : map_get(&d->portals, name.name);
    struct prepared *prepared = is_statement ? map_get(&d->statements, name.name) : portal ? portal->prepared : NULL;
    if (prepared == NULL) {
        fail(d, is_statement ? "26000" : "34000", "there is no such prepared statement or portal", NULL);
        return;
    }
    if (is_statement)
        message_add_types(output(d), NULL, 0);
    answer_add_columns(output(d), prepared_columns(prepared), portal ? portal->formats : NULL,
                       portal ? portal->format_count : 0);
}

static void take_execute(struct dialogue *d, struct view body)
{
    struct message_execute execute;
    if (!message_read_execute(body, &execute)) {
        break_off(d);
        return;
    }
    struct portal *portal = map_get(&d->portals, execute.portal);
    d->max_rows = execute.max_rows;
    if (portal == NULL) {
        fail(d, "34000", "there is no such portal", NULL);
    } else if (portal->prepared->count == 0) {
        message_add_empty(output(d), 'I');
    } else if (portal->has_run && portal->answer.columns == NULL) {
        fail(d, "55000", "the portal has run already", NULL);
    } else if (portal->has_run) {
        d->running = portal;
        execute_send(d);
        d->running = NULL;
    } else {
        const struct call *call = &portal->prepared->calls[0];
        const struct call_fault *refusal = job_refusal(d, call);
        portal->has_run = true;
        if (refusal != NULL)
            fail(d, refusal->sqlstate, refusal->message, refusal->hint);
        else
            job_start(d, call, portal);
    }
}

static void take_close(struct dialogue *d, struct view body)
{
    struct message_name name;
    if (!message_read_name(body, &name)) {
        break_off(d);
        return;
    }
    if (name.kind == 'S')
        prepared_drop(map_remove(&d->statements, name.name));
    else
        portal_free(map_remove(&d->portals, name.name));
    message_add_empty(output(d), '3');
}

static void take_flush(struct dialogue *d, struct view body)
{
    guest_flush(d->guest);
}

static void take_sync(struct dialogue *d, struct view body)
{
    d->is_skipping = false;
    say_ready(d);
}

static void take_terminate(struct dialogue *d, struct view body)
{
    guest_close(d->guest);
}

static void take_function_call(struct dialogue *d, struct view body)
{
    answer_add_error(output(d), "ERROR", "0A000", "there are no functions to call here", NULL);
    fall_into_error(d);
    say_ready(d);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

struct reaction {
    char type;
    void (*take)(struct dialogue *d, struct view body);
    bool while_skipping;
};

static const struct reaction reactions[] = {
    {'Q', take_query, false},         {'P', take_parse, false},   {'B', take_bind, false},
    {'D', take_describe, false},      {'E', take_execute, false}, {'C', take_close, false},
    {'H', take_flush, false},         {'S', take_sync, true},     {'X', take_terminate, true},
    {'F', take_function_call, false},
};

static const struct reaction *reaction_find(char type)
{
    for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++)
        if (reactions[i].type == type)
            return &reactions[i];
    return NULL;
}

/* One message; false: there is none, or nothing more can be taken now. */
static bool take_message(struct guest *guest)
{
    struct frame frame;
    struct frame_error error;
    if (guest->state != GUEST_STATE_READY || guest->has_job)
        return false;
    static const struct frame_limits limits = {0}; /* an agent's: the defaults */
    enum frame_result result = frame_take_agent(net_conn_input(guest->conn), &limits, &frame, &error);
    if (result == FRAME_RESULT_MORE)
        return false;
    if (result == FRAME_RESULT_BAD) {
        guest_end(guest, error.sqlstate, error.message, NULL);
        return false;
    }
    const struct reaction *reaction = reaction_find(frame.type);
    if (reaction == NULL)
        guest_end(guest, "08P01", "this message has no place here", NULL);
    else if (reaction->while_skipping || !guest->dialogue->is_skipping)
        reaction->take(guest->dialogue, frame.body);
    if (guest->state != GUEST_STATE_READY)
        return false;
    net_conn_consume(guest->conn, frame.size);
    return true;
}

static void received(void *owner)
{
    struct guest *guest = owner;
    while (take_message(guest)) {
    }
    guest_flush(guest);
}

static void ended(void *owner, enum net_end why, const char *detail)
{
    guest_close(owner);
}

/* To people, once: psql is how they come. Programs that read what a console prints are spared. */
static void say_welcome(struct dialogue *d)
{
    static const struct message_words welcome = {
        .severity = "NOTICE",
        .sqlstate = "00000",
        .message = "this is sallyport's console; write SHOW QUEUE, SHOW TICKET t1, APPROVE t1, REJECT t1 'why', or "
                   "SHOW HELP for all commands",
    };
    if (d->guest->application != NULL && strcmp(d->guest->application, "psql") == 0)
        message_add_words(output(d), 'N', &welcome);
}

void dialogue_start(struct guest *guest)
{
    static const struct net_events events = {.received = received, .ended = ended};
    struct dialogue *d = check_calloc(1, sizeof *d);
    d->guest = guest;
    d->officer = (struct officer){guest->user, guest->client, 'I'};
    guest->dialogue = d;
    guest->forget = forget_all;
    net_conn_set_events(guest->conn, &events, guest);
    say_welcome(d);
    say_ready(d);
}
