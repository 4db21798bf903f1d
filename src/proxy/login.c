#include "login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/check.h"
#include "base/log.h"
#include "cancels.h"
#include "net/net.h"
#include "startup.h"
#include "wire/wire.h"

enum {
    LOGIN_SECONDS = 60,
    STRANGERS_BYTES = 4096, /* of a message before the login: SCRAM's are a few hundred */
};

enum login_step { LOGIN_STEP_START, LOGIN_STEP_SASL, LOGIN_STEP_PROOF, LOGIN_STEP_UPSTREAM };

struct login {
    struct list list;
    const struct login_services *services;
    struct net_conn *conn;
    struct net_timer *timer;
    struct office_set *set;
    enum login_step step;
    char id[32], peer[64];
    bool asked_tls, asked_gss;
    bool is_gone; /* the agent left while the upstream was being opened */
    struct arena arena;
    struct request request;
    const struct proxy_agent *agent; /* NULL: nobody has this name */
    const struct proxy_database *database;
    struct scram *scram;
};

/* ---- ending ---------------------------------------------------------------------------------------------------- */

static void login_free(struct login *login)
{
    login->services->ended(login->services->arg, &login->list);
    net_timer_free(login->timer);
    scram_free(login->scram);
    office_drop(login->set);
    arena_fini(&login->arena);
    free(login);
}

static void leave(struct login *login, bool linger)
{
    net_timer_stop(login->timer);
    office_leave(login->services->link->office);
    net_conn_close(login->conn, linger);
    login->conn = NULL;
    if (login->step == LOGIN_STEP_UPSTREAM)
        login->is_gone = true; /* freed when the thread pool has answered */
    else
        login_free(login);
}

/* A stranger's words don't fill the log; the server's own names have 63 bytes at most. */
static struct view shortened(struct view name)
{
    return (struct view){name.data, name.len > 63 ? 63 : name.len};
}

static uint64_t record(struct login *login, bool ok, const char *why)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"login\"");
    audit_add_text(&body, "agent", shortened(login->request.user));
    audit_add_text(&body, "session", view_of(login->id));
    audit_add_text(&body, "client", view_of(login->peer));
    const char *tls = net_conn_tls_version(login->conn);
    audit_add_text(&body, "tls", view_of(tls ? tls : ""));
    audit_add_text(&body, "database", shortened(login->request.database));
    audit_add_text(&body, "application", shortened(login->request.application));
    audit_add_raw(&body, "ok", view_of(ok ? "true" : "false"));
    if (why != NULL)
        audit_add_text(&body, "why", view_of(why));
    uint64_t seq = audit_append(office_options(login->services->link->office)->audit, bytes_view(&body));
    bytes_fini(&body);
    return seq;
}

/* One sentence to the agent, the log and the record, and the end. */
static void refuse(struct login *login, const char *sqlstate, const char *message, const char *hint)
{
    struct message_words words = {.severity = "FATAL", .sqlstate = sqlstate, .message = message, .hint = hint};
    message_add_words(net_conn_output(login->conn), 'E', &words);
    net_conn_flush(login->conn);
    log_info("login from %s refused: %s", login->peer, message);
    record(login, false, message);
    leave(login, true);
}

/* ---- upstream ---------------------------------------------------------------------------------------------------- */

static void add_parameters(struct bytes *to, const struct upstream *upstream, const struct login *login)
{
    bool writes = rules_can_write(login->agent->rules) || rules_can_park(login->agent->rules);
    for (size_t i = 0; upstream_parameters[i] != NULL; i++) {
        const char *name = upstream_parameters[i];
        const char *value = upstream_parameter(upstream, name);
        if (value == NULL)
            continue;
        struct view shown = view_of(value);
        if (view_is(view_of(name), "default_transaction_read_only") && writes)
            shown = view_of("off");
        if (view_is(view_of(name), "application_name"))
            shown = login->request.application;
        message_add_parameter(to, view_of(name), shown);
    }
}

static const char *claimed_reason(const struct login *login)
{
    for (size_t i = 0; i < login->request.setting_count; i++)
        if (strcmp(login->request.settings[i].name, "sallyport.reason") == 0)
            return login->request.settings[i].value;
    return NULL;
}

static void begin_session(struct login *login, struct upstream *upstream)
{
    const struct link_services *services = login->services->link;
    struct bytes *to = net_conn_output(login->conn);
    struct upstream_cancel *cancel = upstream_cancel_new(upstream);
    uint32_t pid;
    uint8_t key[4];
    cancels_add(office_cancels(services->office), cancel, &pid, key);
    upstream_cancel_drop(cancel);
    add_parameters(to, upstream, login);
    message_add_key(to, pid, (struct view){(const char *)key, sizeof key});
    message_add_ready(to, 'I');

    struct link_options options = {
        .id = login->id,
        .client = login->peer,
        .agent = login->agent,
        .database = login->database,
        .set = login->set,
        .application = arena_copy(&login->arena, login->request.application),
        .reason = claimed_reason(login),
    };
    login->set = NULL; /* the link's now */
    struct link *link = link_new(services, &options, login->conn, upstream, pid);
    net_conn_flush(login->conn);
    login->services->ready(login->services->arg, link);
    login_free(login);
}

static void upstream_opened(void *arg, struct upstream *upstream, const char *error)
{
    struct login *login = arg;
    login->step = LOGIN_STEP_START; /* nothing is under way any more */
    if (login->is_gone) {
        upstream_close(upstream);
        login_free(login);
        return;
    }
    net_conn_resume(login->conn);
    if (upstream == NULL) {
        log_error("database %s: %s", login->database->name, error);
        refuse(login, "08006", "the database can't be reached", "Its operator finds the reason in sallyport's log.");
        return;
    }
    if (office_is_paused(login->services->link->office, login->agent->name)) {
        upstream_close(upstream);
        refuse(login, "57P01", "this agent is paused by a DBA", "Connect again when it is resumed.");
        return;
    }
    begin_session(login, upstream);
}

/* What the agent asked for, then what is pinned for it. */
static void open_upstream(struct login *login)
{
    const struct proxy_agent *agent = login->agent;
    size_t count = login->request.setting_count + agent->setting_count;
    struct upstream_setting *settings = arena_alloc(&login->arena, count * sizeof *settings);
    for (size_t i = 0; i < login->request.setting_count; i++)
        settings[i] = login->request.settings[i];
    for (size_t i = 0; i < agent->setting_count; i++)
        settings[login->request.setting_count + i] =
            (struct upstream_setting){agent->settings[i].name, agent->settings[i].value};
    struct bytes name = {0};
    bytes_add_format(&name, "sallyport/%s/%s", agent->name, login->id);
    if (login->request.application.len > 0) {
        bytes_add_char(&name, '/');
        bytes_add_view(&name, login->request.application);
    }
    bool writes = rules_needs_direct(agent->rules) && login->database->direct != NULL;
    struct upstream_options options = {
        .conninfo = writes ? login->database->direct : login->database->read,
        .application_name = bytes_text(&name),
        .is_read_only = !writes,
        .search_path = rules_search_path(agent->rules),
        .settings = settings,
        .setting_count = count,
    };
    login->step = LOGIN_STEP_UPSTREAM;
    net_conn_pause(login->conn); /* statements sent early stay in the socket until there is a session */
    upstream_open(login->services->link->loop, &options, upstream_opened, login);
    bytes_fini(&name);
}

/* ---- who may what ---------------------------------------------------------------------------------------------- */

/* Without a database key PostgreSQL takes the user's name; an agent that has just one database means it. */
static void default_database(struct login *login)
{
    const char *const *names = login->agent->databases;
    if (login->request.database.len > 0)
        return;
    login->request.database = login->request.user;
    if (!office_may_use(login->agent, login->request.user) && names[0] != NULL && names[1] == NULL)
        login->request.database = view_of(names[0]);
}

static void authenticated(struct login *login)
{
    struct office *office = login->services->link->office;
    const char *refusal;
    default_database(login);
    login->database = office_database(login->set, login->request.database);
    if (login->database == NULL || !office_may_use(login->agent, login->request.database)) {
        refuse(login, "3D000", "this database does not exist, or is not open to this agent",
               "Ask for one of the agent's databases.");
        return;
    }
    if (!office_is_told(office)) {
        refuse(login, "57P03", "whether this agent is paused can't be known while Redis is out of reach",
               "Connect again later.");
        return;
    }
    if (office_is_paused(office, login->agent->name)) {
        refuse(login, "57P01", "this agent is paused by a DBA", "Connect again when it is resumed.");
        return;
    }
    refusal = startup_check(&login->request, login->agent->rules, &login->arena);
    if (refusal != NULL) {
        refuse(login, "42501", refusal, "Leave this setting out of the connection string.");
        return;
    }
    if (record(login, true, NULL) == 0) {
        refuse(login, "58030", "the audit log can't be written, and nothing happens unrecorded", "Tell the operator.");
        return;
    }
    message_add_authentication(net_conn_output(login->conn), 0, (struct view){0});
    net_conn_flush(login->conn);
    open_upstream(login);
}

/* ---- SCRAM ------------------------------------------------------------------------------------------------------- */

enum { AUTHENTICATION_SASL = 10, AUTHENTICATION_SASL_CONTINUE = 11, AUTHENTICATION_SASL_FINAL = 12 };

/* A name that nobody has goes through the same motions: the same messages, in the same time, and then the
 * same words as a wrong password. */
static void begin_scram(struct login *login)
{
    static const char mechanisms[] = "SCRAM-SHA-256\0"; /* and the literal's own NUL ends the list */
    struct scram_verifier verifier;
    /* What is in force now, not when the socket was accepted. */
    office_drop(login->set);
    login->set = office_set(login->services->link->office);
    login->agent = office_agent(login->set, login->request.user);
    if (login->agent == NULL)
        scram_verifier_doomed(login->request.user, office_secret(login->services->link->office), &verifier);
    else
        CHECK(scram_verifier_read(view_of(login->agent->verifier), &verifier));
    login->scram = scram_new(&verifier, login->agent == NULL, (struct view){0});
    login->step = LOGIN_STEP_SASL;
    message_add_authentication(net_conn_output(login->conn), AUTHENTICATION_SASL,
                               (struct view){mechanisms, sizeof mechanisms});
    net_conn_flush(login->conn);
}

static void wrong_password(struct login *login)
{
    struct bytes message = {0};
    bytes_add_format(&message, "password authentication failed for user \"%.*s\"", (int)login->request.user.len,
                     login->request.user.data);
    refuse(login, "28P01", bytes_text(&message), NULL);
    bytes_fini(&message);
}

static void take_sasl(struct login *login, struct view body)
{
    struct view mechanism, data;
    struct bytes reply = {0};
    if (!message_read_sasl_initial(body, &mechanism, &data)) {
        refuse(login, "08P01", "malformed SASLInitialResponse message", NULL);
        return;
    }
    if (scram_start(login->scram, mechanism, data, &reply) == SCRAM_STEP_CONTINUE) {
        login->step = LOGIN_STEP_PROOF;
        message_add_authentication(net_conn_output(login->conn), AUTHENTICATION_SASL_CONTINUE, bytes_view(&reply));
        net_conn_flush(login->conn);
    } else {
        wrong_password(login);
    }
    bytes_fini(&reply);
}

static void take_proof(struct login *login, struct view body)
{
    struct bytes reply = {0};
    if (scram_finish(login->scram, body, &reply) == SCRAM_STEP_DONE && login->agent != NULL) {
        message_add_authentication(net_conn_output(login->conn), AUTHENTICATION_SASL_FINAL, bytes_view(&reply));
        authenticated(login);
    } else {
        wrong_password(login);
    }
    bytes_fini(&reply);
}

/* ---- the start-up packet ------------------------------------------------------------------------------------------
 */

/* As in PostgreSQL, whoever cancels gets no answer. */
static void take_cancel(struct login *login, const struct startup *startup)
{
    const struct link_services *services = login->services->link;
    struct upstream_cancel *cancel =
        cancels_find(office_cancels(services->office), startup->cancel_pid, startup->cancel_key);
    if (cancel != NULL)
        upstream_cancel_send(services->loop, cancel);
    leave(login, false);
}

static void answer_encryption(struct login *login, char answer)
{
    bytes_add_char(net_conn_output(login->conn), answer);
    net_conn_flush(login->conn);
}

static void take_ssl(struct login *login)
{
    if (login->asked_tls || net_conn_has_tls(login->conn)) {
        refuse(login, "08P01", "TLS was asked for twice", NULL);
        return;
    }
    login->asked_tls = true;
    if (login->set->tls == NULL || login->set->set->tls_mode == PROXY_TLS_DISABLE) {
        answer_encryption(login, 'N');
        return;
    }
    answer_encryption(login, 'S');
    if (!net_conn_start_tls(login->conn, login->set->tls))
        refuse(login, "08P01", "bytes were sent in the clear behind the request for TLS", NULL);
}

static void take_start(struct login *login, const struct startup *startup)
{
    const struct proxy_set *set = login->set->set;
    startup_read(startup, &login->arena, &login->request);
    if (set->tls_mode == PROXY_TLS_REQUIRE && !net_conn_has_tls(login->conn)) {
        refuse(login, "28000", "this server accepts agents over TLS only", "Set sslmode=require.");
        return;
    }
    if (login->request.refusal != NULL) {
        refuse(login, login->request.sqlstate, login->request.refusal, NULL);
        return;
    }
    if (startup->minor > 0 || login->request.unknown_count > 0)
        message_add_negotiate(net_conn_output(login->conn), 0, login->request.unknown_options,
                              login->request.unknown_count);
    begin_scram(login);
}

static void take_startup(struct login *login, struct view body)
{
    struct startup startup;
    if (!message_read_startup(body, &login->arena, &startup)) {
        refuse(login, "08P01", "malformed start-up packet", NULL);
        return;
    }
    switch (startup.kind) {
    case STARTUP_KIND_SSL:
        take_ssl(login);
        return;
    case STARTUP_KIND_GSS:
        if (login->asked_gss) {
            refuse(login, "08P01", "GSS encryption was asked for twice", NULL);
            return;
        }
        login->asked_gss = true;
        answer_encryption(login, 'N');
        return;
    case STARTUP_KIND_CANCEL:
        take_cancel(login, &startup);
        return;
    case STARTUP_KIND_START:
        take_start(login, &startup);
        return;
    case STARTUP_KIND_UNKNOWN:
        refuse(login, "0A000", "only version 3 of the protocol is spoken here", NULL);
        return;
    }
}

/* ---- input ----------------------------------------------------------------------------------------------------------
 */

/* A copy of the body in the arena: what it says is needed longer than the input stays. */
static void take(struct login *login, const struct frame *frame)
{
    struct view body = arena_view(&login->arena, frame->body);
    net_conn_consume(login->conn, frame->size);
    switch (login->step) {
    case LOGIN_STEP_START:
        take_startup(login, body);
        return;
    case LOGIN_STEP_SASL:
        take_sasl(login, body);
        return;
    case LOGIN_STEP_PROOF:
        take_proof(login, body);
        return;
    case LOGIN_STEP_UPSTREAM:
        return;
    }
}

/* One message at a time: each may end the login or start TLS, and what comes behind it is looked at when
 * the loop offers it again. */
static void received(void *owner)
{
    struct login *login = owner;
    struct frame_limits limits = {.query = STRANGERS_BYTES, .bind = STRANGERS_BYTES, .other = STRANGERS_BYTES};
    struct frame frame;
    struct frame_error error;
    if (login->step == LOGIN_STEP_UPSTREAM)
        return;
    struct view in = net_conn_input(login->conn);
    enum frame_result result = login->step == LOGIN_STEP_START ? frame_take_startup(in, &limits, &frame, &error)
                                                               : frame_take_agent(in, &limits, &frame, &error);
    if (result == FRAME_RESULT_MORE)
        return;
    if (result == FRAME_RESULT_BAD) {
        refuse(login, error.sqlstate, error.message, NULL);
        return;
    }
    if (login->step != LOGIN_STEP_START && frame.type != 'p') {
        refuse(login, "08P01", "expected a SASL response", NULL);
        return;
    }
    if (in.len > frame.size)
        net_conn_resume(login->conn); /* offers the rest at the next turn, unless the connection is closed by then */
    take(login, &frame);
}

static void ended(void *owner, enum net_end why, const char *detail)
{
    leave(owner, false);
}

static void timed_out(void *arg)
{
    refuse(arg, "57014", "the login took too long", NULL);
}

struct login *login_new(const struct login_services *services, int fd, const char *peer, uint64_t number)
{
    static const struct net_events events = {received, NULL, ended};
    struct login *login = check_calloc(1, sizeof *login);
    const struct proxy_options *options = office_options(services->link->office);
    login->services = services;
    login->set = office_set(services->link->office);
    snprintf(login->id, sizeof login->id, "%s-%llu", services->session_prefix, (unsigned long long)number);
    snprintf(login->peer, sizeof login->peer, "%s", peer);
    list_init(&login->list);
    login->conn = net_conn_new(services->link->loop, fd, &events, login);
    login->timer = net_timer_new(services->link->loop, timed_out, login);
    net_timer_start(login->timer, 1000 * (options->login_seconds ? options->login_seconds : LOGIN_SECONDS), 0);
    return login;
}

struct list *login_list(struct login *login)
{
    return &login->list;
}

struct login *login_of(struct list *list)
{
    return list_entry(list, struct login, list);
}

void login_shut_down(struct login *login)
{
    if (!login->is_gone)
        refuse(login, "57P01", "sallyport is shutting down", NULL);
}
