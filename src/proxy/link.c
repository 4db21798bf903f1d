#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "cancels.h"
#include "describe.h"
#include "net/net.h"
#include "upstream.h"

/* Input that a held session leaves unread: over this its agent is not read from any more. */
enum { UNREAD_MOST = 256 * 1024 };

struct link {
    struct list list;
    const struct link_services *services;
    struct office_set *set;       /* as at login: names and settings point into it */
    struct office_set *rules_set; /* what the rules are from, when a reload has changed them */
    const struct proxy_agent *agent;
    const struct proxy_database *database;
    char id[32], client[64];
    char *application;
    struct net_conn *agent_conn, *server_conn;
    struct upstream *upstream;
    struct session *session;
    uint32_t cancel_pid;
    uint64_t describe_token, ticket_token; /* 0: nothing is asked */
    struct describer *describer;
    int64_t since;
    bool is_agent_paused, is_server_paused;
};

/* ---- ending -------------------------------------------------------------------------------------------------- */

static void record_logout(struct link *link, const char *why)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"logout\"");
    audit_add_text(&body, "agent", view_of(link->agent->name));
    audit_add_text(&body, "session", view_of(link->id));
    audit_add_text(&body, "client", view_of(link->client));
    audit_add_text(&body, "database", view_of(link->database->name));
    audit_add_number(&body, "statements", (int64_t)session_statements(link->session));
    audit_add_text(&body, "why", view_of(why));
    audit_append(office_options(link->services->office)->audit, bytes_view(&body));
    bytes_fini(&body);
}

/* Nobody will read the answer: the server need not go on working for it. */
static void cancel_running(struct link *link)
{
    if (session_is_busy(link->session))
        upstream_cancel_send(link->services->loop, upstream_cancel_new(link->upstream));
}

static void link_free(struct link *link, const char *why)
{
    record_logout(link, why);
    cancel_running(link);
    link->services->ended(link->services->arg, &link->list);
    if (link->describe_token != 0)
        describer_forget(link->describer, link->describe_token);
    if (link->ticket_token != 0)
        tickets_forget(link->services->tickets, link->ticket_token);
    cancels_remove(office_cancels(link->services->office), link->cancel_pid);
    session_free(link->session);
    net_conn_close(link->agent_conn, true);
    net_conn_close(link->server_conn, false);
    upstream_close(link->upstream);
    office_drop(link->rules_set);
    office_drop(link->set);
    office_leave(link->services->office);
    free(link->application);
    free(link);
}

/* True: the session is over and the link is gone. */
static bool end_if_over(struct link *link)
{
    switch (session_state(link->session)) {
    case SESSION_STATE_OPEN:
        return false;
    case SESSION_STATE_LEFT:
        link_free(link, "the agent left");
        return true;
    case SESSION_STATE_BROKEN: {
        char why[256];
        snprintf(why, sizeof why, "%s", session_why(link->session));
        log_info("session %s (agent %s) ended: %s", link->id, link->agent->name, why);
        link_free(link, why);
        return true;
    }
    }
    return false;
}

/* ---- moving bytes -------------------------------------------------------------------------------------------- */

static void set_paused(struct net_conn *conn, bool *is_paused, bool paused)
{
    if (*is_paused == paused)
        return;
    *is_paused = paused;
    if (paused)
        net_conn_pause(conn);
    else
        net_conn_resume(conn);
}

/* Neither side is read faster than the other takes it, and nothing piles up while a session is held. */
static void balance(struct link *link)
{
    size_t unread = net_conn_input(link->agent_conn).len;
    bool piles_up = session_is_held(link->session) && !session_looks_ahead(link->session) && unread > UNREAD_MOST;
    set_paused(link->agent_conn, &link->is_agent_paused, piles_up || net_conn_is_congested(link->server_conn));
    set_paused(link->server_conn, &link->is_server_paused, net_conn_is_congested(link->agent_conn));
}

static bool settle(struct link *link)
{
    session_flush(link->session);
    if (end_if_over(link))
        return false;
    balance(link);
    return true;
}

static void agent_received(void *owner)
{
    struct link *link = owner;
    struct view in = net_conn_input(link->agent_conn);
    size_t used = session_take_agent(link->session, in);
    session_flush(link->session); /* before the input moves */
    if (end_if_over(link))
        return;
    net_conn_consume(link->agent_conn, used);
    balance(link);
}

/* What the session couldn't take while it was held. */
static void take_unread(struct link *link)
{
    bool can_go_on = !session_is_held(link->session) || session_looks_ahead(link->session);
    if (can_go_on && net_conn_input(link->agent_conn).len > 0)
        agent_received(link);
}

static void server_received(void *owner)
{
    struct link *link = owner;
    struct view in = net_conn_input(link->server_conn);
    bool was_held = session_is_held(link->session);
    size_t used = session_take_server(link->session, in);
    session_flush(link->session);
    if (end_if_over(link))
        return;
    net_conn_consume(link->server_conn, used);
    balance(link);
    if (was_held)
        take_unread(link);
}

static void agent_drained(void *owner)
{
    balance(owner);
}

static void server_drained(void *owner)
{
    balance(owner);
}

static void agent_ended(void *owner, enum net_end why, const char *detail)
{
    struct link *link = owner;
    link_free(link, why == NET_END_PEER ? "the agent closed the connection" : detail);
}

static void server_ended(void *owner, enum net_end why, const char *detail)
{
    struct link *link = owner;
    if (why == NET_END_ERROR)
        log_warn("session %s (agent %s): the database connection failed: %s", link->id, link->agent->name, detail);
    session_end(link->session, "57P01", "the connection to the database was lost", "Connect again.");
    settle(link);
}

static const struct net_events agent_events = {agent_received, agent_drained, agent_ended};
static const struct net_events server_events = {server_received, server_drained, server_ended};

/* ---- the session's port -------------------------------------------------------------------------------------- */

static void to_agent(void *arg, struct view v)
{
    struct link *link = arg;
    net_conn_send(link->agent_conn, v);
}

static void to_server(void *arg, struct view v)
{
    struct link *link = arg;
    net_conn_send(link->server_conn, v);
}

static uint64_t record(void *arg, struct view body)
{
    struct link *link = arg;
    return audit_append(office_options(link->services->office)->audit, body);
}

static bool can_record(void *arg)
{
    struct link *link = arg;
    return audit_is_writable(office_options(link->services->office)->audit);
}

static int64_t now(void *arg)
{
    struct link *link = arg;
    return net_loop_now(link->services->loop);
}

static void described(void *arg, const struct described *answer)
{
    struct link *link = arg;
    link->describe_token = 0;
    session_described(link->session, answer);
    if (settle(link))
        take_unread(link);
}

static void describe(void *arg, const struct describe_request *request)
{
    struct link *link = arg;
    link->describer = link->services->describer(link->services->arg, link->database);
    link->describe_token = describer_ask(link->describer, request, described, link);
}

static void answered(void *arg, const struct ticket_answer *answer)
{
    struct link *link = arg;
    link->ticket_token = 0;
    session_answered(link->session, answer);
    if (settle(link))
        take_unread(link);
}

static void park(void *arg, const struct ticket_content *content, const struct ticket_context *context)
{
    struct link *link = arg;
    link->ticket_token = tickets_park(link->services->tickets, content, context, answered, link);
}

static void delivered(void *arg, const char *ticket)
{
    struct link *link = arg;
    tickets_delivered(link->services->tickets, ticket);
}

static const struct session_port port = {to_agent, to_server, record, can_record, now, describe, park, delivered};

/* ---- beginning, and what the worker asks ------------------------------------------------------------------- */

struct link *link_new(const struct link_services *services, const struct link_options *options, struct net_conn *agent,
                      struct upstream *upstream, uint32_t cancel_pid)
{
    struct link *link = check_calloc(1, sizeof *link);
    link->services = services;
    link->set = options->set;
    link->agent = options->agent;
    link->database = options->database;
    snprintf(link->id, sizeof link->id, "%s", options->id);
    snprintf(link->client, sizeof link->client, "%s", options->client);
    link->application = options->application ? check_strdup(options->application) : NULL;
    link->upstream = upstream;
    link->cancel_pid = cancel_pid;
    link->since = net_loop_now(services->loop);
    list_init(&link->list);

    struct session_options session = {
        .desk = services->desk,
        .id = link->id,
        .agent = link->agent->name,
        .database = link->database->name,
        .client = link->client,
        .tls = net_conn_tls_version(agent),
        .write_role = link->database->write_role,
        .application = link->application,
        .reason = options->reason,
        .upstream_pid = upstream_pid(upstream),
        .rules = link->agent->rules,
        .generation = link->set->set->generation,
        .settings = link->agent->settings,
        .setting_count = link->agent->setting_count,
    };
    link->session = session_new(&session, &port, link);
    link->agent_conn = agent;
    net_conn_set_events(agent, &agent_events, link);
    link->server_conn =
        net_conn_borrow(services->loop, upstream_socket(upstream), upstream_tls(upstream), &server_events, link);
    if (net_conn_input(agent).len > 0)
        net_conn_resume(agent); /* statements that were sent right behind the login */
    return link;
}

struct list *link_list(struct link *link)
{
    return &link->list;
}

struct link *link_of(struct list *list)
{
    return list_entry(list, struct link, list);
}

void link_review(struct link *link)
{
    struct office_set *set = office_set(link->services->office);
    const struct proxy_agent *agent = office_agent(set, view_of(link->agent->name));
    const struct proxy_database *database = office_database(set, view_of(link->database->name));
    bool unchanged = set == (link->rules_set ? link->rules_set : link->set);
    if (agent == NULL || database == NULL || !office_may_use(agent, view_of(database->name))) {
        office_drop(set);
        session_end(link->session, "57P01", "this agent or database was removed from the configuration", NULL);
        settle(link);
        return;
    }
    if (office_is_paused(link->services->office, agent->name)) {
        office_drop(set);
        session_end(link->session, "57P01", "this agent is paused by a DBA", "Connect again when it is resumed.");
        settle(link);
        return;
    }
    if (unchanged) {
        office_drop(set);
        return;
    }
    session_set_rules(link->session, agent->rules, set->set->generation);
    office_drop(link->rules_set);
    link->rules_set = set;
}

void link_shut_down(struct link *link)
{
    session_end(link->session, "57P01", "sallyport is shutting down", "Connect again later.");
    settle(link);
}

void link_add_json(struct link *link, struct bytes *to)
{
    char since[TEXT_TIME_SIZE], state[2] = {session_transaction(link->session), '\0'};
    text_time(link->since, since);
    bytes_add_text(to, "{\"session\":");
    text_add_json(to, view_of(link->id));
    audit_add_text(to, "agent", view_of(link->agent->name));
    audit_add_text(to, "database", view_of(link->database->name));
    audit_add_text(to, "client", view_of(link->client));
    audit_add_text(to, "application", view_of(link->application ? link->application : ""));
    audit_add_text(to, "since", view_of(since));
    audit_add_text(to, "transaction", view_of(state));
    audit_add_number(to, "statements", (int64_t)session_statements(link->session));
    audit_add_number(to, "upstream_pid", upstream_pid(link->upstream));
    audit_add_text(to, "statement", view_of(session_current(link->session)));
    bytes_add_char(to, '}');
}
