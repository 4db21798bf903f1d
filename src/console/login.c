/* An approver's login. Whoever is unknown goes the same way as whoever gives a wrong password: the same
 * messages, the same work, the same words, after the same pause. Every login is on the record, the good
 * one before the session is let in. */
#include "login.h"

#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "base/log.h"
#include "dialogue.h"

enum {
    LOGIN_MS = 30 * 1000, /* from accept to ready */
    REFUSAL_MS = 1000,    /* the pause after a wrong password */
    STRANGERS_MOST = 32,  /* connections that haven't logged in: with the pause above, the rate of guesses */
    STARTUP_BYTES = 10000,
    SASL = 10,
    SASL_CONTINUE = 11,
    SASL_FINAL = 12,
    OK = 0,
};

static const struct frame_limits limits = {.startup = STARTUP_BYTES, .query = 4096, .bind = 4096, .other = 4096};

/* ---- the record ---------------------------------------------------------------------------------------- */

static bool record_login(struct session *session, const char *outcome)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"login\"");
    audit_add_text(&body, "approver", view_of(session->user));
    audit_add_text(&body, "client", view_of(session->client));
    audit_add_text(&body, "application", view_of(session->application));
    const char *tls = net_conn_tls_version(session->conn);
    if (tls != NULL)
        audit_add_text(&body, "tls", view_of(tls));
    audit_add_text(&body, "outcome", view_of(outcome));
    uint64_t seq = audit_append(session->house->options->audit, bytes_view(&body));
    bytes_fini(&body);
    return seq != 0;
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void refuse(struct session *session)
{
    session->state = SESSION_STATE_REFUSED;
    net_conn_pause(session->conn);
    net_timer_start(session->timer, REFUSAL_MS, 0);
    record_login(session, "refused");
    log_warn("login of \"%s\" from %s was refused", session->user, session->client);
}

static void timer_fired(void *arg)
{
    struct session *session = arg;
    if (session->state != SESSION_STATE_REFUSED) {
        session_end(session, "57014", "the login took too long", NULL);
        return;
    }
    struct bytes words = {0};
    bytes_add_format(&words, "password authentication failed for user \"%s\"", session->user);
    session_end(session, "28P01", bytes_text(&words), "Only approvers of sallyport's configuration can log in here.");
    bytes_fini(&words);
}

/* ---- start-up ------------------------------------------------------------------------------------------ */

static void add_authentication(struct session *session, uint32_t code, struct view data)
{
    message_add_authentication(session_output(session), code, data);
}

static void answer_tls(struct session *session)
{
    struct net_tls *tls = session->house->tls;
    bool is_offered = tls != NULL && !net_conn_has_tls(session->conn);
    bytes_add_char(session_output(session), is_offered ? 'S' : 'N');
    session_flush(session);
    if (is_offered && !net_conn_start_tls(session->conn, tls))
        session_end(session, "08P01", "bytes came before the TLS handshake", NULL);
}

/* A name may come once: with two, two readers could disagree about which one counts. */
static bool read_parameters(struct session *session, const struct startup *startup)
{
    struct view user = {NULL, 0}, database = {NULL, 0}, application = {NULL, 0};
    for (size_t i = 0; i < startup->parameter_count; i++) {
        const struct startup_parameter *p = &startup->parameters[i];
        for (size_t j = 0; j < i; j++)
            if (view_equals(p->name, startup->parameters[j].name))
                return false;
        if (view_is(p->name, "user"))
            user = p->value;
        else if (view_is(p->name, "database"))
            database = p->value;
        else if (view_is(p->name, "application_name"))
            application = p->value;
        else if (view_is(p->name, "replication"))
            return false;
    }
    session->user = arena_copy(&session->arena, user);
    session->database = arena_copy(&session->arena, database.len > 0 ? database : user);
    session->application = arena_copy(&session->arena, application);
    return user.len > 0;
}

/* Protocol 3.0 is what is spoken; a later minor version and its options are answered with that. */
static void negotiate(struct session *session, const struct startup *startup)
{
    struct view options[16];
    uint32_t count = 0;
    for (size_t i = 0; i < startup->parameter_count; i++)
        if (view_starts(startup->parameters[i].name, "_pq_.") && count < 16)
            options[count++] = startup->parameters[i].name;
    if (startup->minor > 0 || count > 0)
        message_add_negotiate(session_output(session), 0, options, count);
}

static void start_scram(struct session *session)
{
    struct scram_verifier verifier;
    struct view user = view_of(session->user), none = {NULL, 0};
    const struct console_approver *approver = house_approver(session->house, user);
    session->is_doomed = approver == NULL || !scram_verifier_read(view_of(approver->verifier), &verifier);
    if (session->is_doomed)
        scram_verifier_doomed(user, (struct view){(const char *)session->house->secret, sizeof session->house->secret},
                              &verifier);
    session->scram = scram_new(&verifier, session->is_doomed, none);
    /* The list of mechanisms: each with its NUL, and an empty one at the end. */
    static const char mechanisms[] = "SCRAM-SHA-256\0";
    add_authentication(session, SASL, (struct view){mechanisms, sizeof mechanisms});
    session_flush(session);
    session->state = SESSION_STATE_FIRST;
}

static void start(struct session *session, const struct startup *startup)
{
    if (session->house->set->tls_required && !net_conn_has_tls(session->conn)) {
        session_end(session, "28000", "this console is reached over TLS only", "Connect with sslmode=require.");
        return;
    }
    if (!read_parameters(session, startup)) {
        session_end(session, "08P01", "the start-up packet is wrong: a user, once, and no replication", NULL);
        return;
    }
    negotiate(session, startup);
    start_scram(session);
}

static void take_startup(struct session *session, struct view body)
{
    struct arena arena = {0};
    struct startup startup;
    if (!message_read_startup(body, &arena, &startup)) {
        session_end(session, "08P01", "the start-up packet is malformed", NULL);
        arena_fini(&arena);
        return;
    }
    switch (startup.kind) {
    case STARTUP_KIND_SSL:
        answer_tls(session);
        break;
    case STARTUP_KIND_GSS:
        bytes_add_char(session_output(session), 'N');
        session_flush(session);
        break;
    case STARTUP_KIND_CANCEL: /* nothing here takes long enough */
        session_close(session);
        break;
    case STARTUP_KIND_START:
        start(session, &startup);
        break;
    case STARTUP_KIND_UNKNOWN:
        session_end(session, "0A000", "this protocol is not spoken here: it must be 3.x", NULL);
        break;
    }
    arena_fini(&arena);
}

/* ---- SCRAM --------------------------------------------------------------------------------------------- */

static void take_first(struct session *session, struct view body)
{
    struct view mechanism, data;
    struct bytes reply = {0};
    if (!message_read_sasl_initial(body, &mechanism, &data) ||
        scram_start(session->scram, mechanism, data, &reply) != SCRAM_STEP_CONTINUE) {
        refuse(session);
    } else {
        add_authentication(session, SASL_CONTINUE, bytes_view(&reply));
        session_flush(session);
        session->state = SESSION_STATE_LAST;
    }
    bytes_fini(&reply);
}

static void add_parameters(struct session *session)
{
    static const char *const told[][2] = {
        {"server_version", "15.0 (sallyport " SALLYPORT_VERSION ")"},
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"DateStyle", "ISO, MDY"},
        {"IntervalStyle", "postgres"},
        {"TimeZone", "UTC"},
        {"integer_datetimes", "on"},
        {"standard_conforming_strings", "on"},
        {"is_superuser", "off"},
        {"default_transaction_read_only", "off"},
        {"in_hot_standby", "off"},
    };
    struct bytes *to = session_output(session);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        message_add_parameter(to, view_of(told[i][0]), view_of(told[i][1]));
    message_add_parameter(to, view_of("session_authorization"), view_of(session->user));
    message_add_parameter(to, view_of("application_name"), view_of(session->application));
}

static void let_in(struct session *session)
{
    uint32_t key;
    if (strcmp(session->database, "sallyport") != 0) {
        session_end(session, "3D000", "the console's only database is \"sallyport\"", "Connect with dbname=sallyport.");
        return;
    }
    if (!record_login(session, "accepted")) {
        session_end(session, "58030", "the audit log can't be written, so nobody is let in", NULL);
        return;
    }
    log_info("%s logged in from %s", session->user, session->client);
    session_logged_in(session);
    add_authentication(session, OK, (struct view){NULL, 0});
    add_parameters(session);
    crypto_random(&key, sizeof key);
    message_add_key(session_output(session), (uint32_t)getpid(), (struct view){(const char *)&key, sizeof key});
    dialogue_start(session);
}

static void take_last(struct session *session, struct view body)
{
    struct bytes reply = {0};
    if (scram_finish(session->scram, body, &reply) != SCRAM_STEP_DONE || session->is_doomed) {
        refuse(session);
    } else {
        add_authentication(session, SASL_FINAL, bytes_view(&reply));
        let_in(session);
    }
    bytes_fini(&reply);
}

/* ---- the states ------------------------------------------------------------------------------------------ */

struct step {
    enum session_state state;
    char type; /* 0: a start-up packet */
    void (*take)(struct session *session, struct view body);
};

static const struct step steps[] = {
    {SESSION_STATE_START, 0, take_startup},
    {SESSION_STATE_FIRST, 'p', take_first},
    {SESSION_STATE_LAST, 'p', take_last},
};

static const struct step *step_find(enum session_state state)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].state == state)
            return &steps[i];
    return NULL;
}

/* One frame, or false: there is none, or the session is over or out of here. The body is copied, since
 * starting TLS demands that nothing is left unread. */
static bool take_frame(struct session *session)
{
    const struct step *step = step_find(session->state);
    if (step == NULL)
        return false;
    struct frame frame;
    struct frame_error error;
    struct view in = net_conn_input(session->conn);
    enum frame_result result = step->type == 0 ? frame_take_startup(in, &limits, &frame, &error)
                                               : frame_take_agent(in, &limits, &frame, &error);
    if (result == FRAME_RESULT_MORE)
        return false;
    if (result == FRAME_RESULT_BAD) {
        session_end(session, error.sqlstate, error.message, NULL);
        return false;
    }
    if (frame.type != step->type) {
        session_end(session, "08P01", "this message has no place in a login", NULL);
        return false;
    }
    struct bytes body = {0};
    bytes_add_view(&body, frame.body);
    net_conn_consume(session->conn, frame.size);
    step->take(session, bytes_view(&body));
    crypto_wipe(body.data, body.len);
    bytes_fini(&body);
    return true;
}

static void received(void *owner)
{
    while (take_frame(owner)) {
    }
}

static void ended(void *owner, enum net_end why, const char *detail)
{
    session_close(owner);
}

static const struct net_events events = {.received = received, .ended = ended};

void login_accept(struct house *house, int fd, const char *peer)
{
    if (house->is_stopping || house->strangers >= STRANGERS_MOST) {
        log_warn("a connection from %s was closed: too many that have not logged in", peer);
        close(fd);
        return;
    }
    struct session *session = session_new(house, fd, peer, &events);
    session->timer = net_timer_new(house->loop, timer_fired, session);
    net_timer_start(session->timer, LOGIN_MS, 0);
}
