/* A hostile agent, a session, and a small server (proxy_server.h), all in memory. The first byte says how the
 * input speaks: as raw bytes, or by choosing messages from a menu, which gets deeper; the second seeds what the
 * server, the catalog and the queue answer and in which pieces bytes arrive.
 *
 * What must hold: the server sees only texts that the policy allows, and sallyport's own; it runs nothing that
 * was not recorded first; the agent sees answers in the order of the protocol, and the server's own transaction
 * status; when everything is answered nobody is held any more; and nothing is leaked. */
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "proxy_server.h"
#include "session.h"

static const char POLICY[] =
    "{\"name\":\"talk\",\"mode\":\"enforce\",\"database\":{\"allowed_operations\":[\"SELECT\"],"
    "\"denied_operations\":[\"DROP\",\"DELETE\",\"TRUNCATE\",\"ALTER\"],"
    "\"requires_approval_for\":[\"UPDATE\",\"INSERT\"]},\"rules\":[{\"id\":\"scratch\",\"operations\":[\"INSERT\","
    "\"UPDATE\",\"DELETE\",\"COPY\"],\"relations\":[\"scratch.*\"],\"verdict\":\"allow\"}]}";

static const char *const texts[] = {
    "SELECT 1",
    "SELECT 2",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "INSERT INTO t VALUES ($1)",
    "UPDATE t SET a = 1 RETURNING a",
    "DELETE FROM t",
    "COPY scratch.t FROM STDIN",
    "COPY (SELECT 1) TO STDOUT",
    "SELECT 1; SELECT 2",
    "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
    "",
    "PREPARE a AS SELECT 1",
    "DEALLOCATE a",
    "DEALLOCATE ALL",
    "EXECUTE a",
    "COPY scratch.t FROM STDIN; SELECT 1; COPY scratch.t FROM STDIN",
    "BEGIN; SELECT 1",
    "no sql",
    "ROLLBACK AND CHAIN",
    "DISCARD ALL",
    "INSERT INTO scratch.t VALUES (1)",
    "SELECT 1; INSERT INTO t VALUES (1)",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static const char *const names[] = {
    "", "", "a", "b", "sallyport result", "1234567890123456789012345678901234567890123456789012345678901234",
};
enum { NAMES = sizeof names / sizeof *names };

struct agent {
    struct owed owed; /* what the protocol says it will get */
    struct bytes in;  /* from the session, not yet a whole message */
    bool is_ended;    /* it was told FATAL */
};

struct play {
    struct server server;
    struct agent agent;
    struct session *session;
    struct bytes unread; /* of the agent's */
    size_t server_read;  /* of server.out: handed to the session */
    bool is_menu, is_audit_off, describes, parks;
    unsigned types, runs;
    uint64_t records;
    unsigned recorded[TEXTS], ran[TEXTS];
};

/* ---- the agent's side ----------------------------------------------------------------------------------- */

static void entry_free(void *arg, struct owed_entry *entry)
{
    free(entry);
}

static void agent_sent(struct agent *agent, const struct frame *frame)
{
    static const struct {
        char type;
        enum owed_kind kind;
    } kinds[] = {{'P', OWED_KIND_PARSE}, {'B', OWED_KIND_BIND},  {'C', OWED_KIND_CLOSE},   {'E', OWED_KIND_EXECUTE},
                 {'S', OWED_KIND_SYNC},  {'Q', OWED_KIND_QUERY}, {'F', OWED_KIND_FUNCTION}};
    if (agent->owed.copy_in && (frame->type == 'c' || frame->type == 'f'))
        owed_copy_ended(&agent->owed);
    struct owed_entry *entry = check_calloc(1, sizeof *entry);
    bool is_owed = frame->type == 'D';
    entry->kind =
        frame->body.len > 0 && frame->body.data[0] == 'S' ? OWED_KIND_DESCRIBE_STATEMENT : OWED_KIND_DESCRIBE_PORTAL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == frame->type) {
            entry->kind = kinds[i].kind;
            is_owed = true;
        }
    if (!is_owed || !owed_add(&agent->owed, entry))
        free(entry);
}

static bool is_fatal(const struct frame *frame)
{
    struct message_error error;
    return frame->type == 'E' && message_read_error(frame->body, &error) && view_is(error.severity, "FATAL");
}

static void agent_hears(struct play *play, const struct frame *frame)
{
    struct agent *agent = &play->agent;
    struct owed_entry *entry;
    CHECK(!agent->is_ended);
    agent->is_ended = is_fatal(frame);
    if (agent->is_ended)
        return;
    enum owed_answer answer = owed_take(&agent->owed, frame->type, frame->body, &entry, entry_free, NULL);
    CHECK(answer != OWED_ANSWER_WRONG);
    if (answer == OWED_ANSWER_LAST)
        free(entry);
    struct server *server = &play->server;
    if (frame->type == 'Z' && server->ready_seen < sizeof server->ready) {
        CHECK(server->ready_seen < server->ready_count);
        CHECK(frame->body.data[0] == server->ready[server->ready_seen++]);
    }
}

/* ---- the port ------------------------------------------------------------------------------------------- */

static void to_agent(void *arg, struct view v)
{
    struct play *play = arg;
    struct bytes *in = &play->agent.in;
    bytes_add_view(in, v);
    size_t used = 0;
    for (;;) {
        struct frame frame;
        struct frame_error error;
        struct view rest = {in->data + used, in->len - used};
        if (rest.len < 5)
            break;
        CHECK(frame_peek_server(rest, &frame, &error) == FRAME_RESULT_ONE);
        if (frame.size > rest.len)
            break;
        agent_hears(play, &frame);
        used += frame.size;
    }
    bytes_drop(in, used);
}

static void to_server(void *arg, struct view v)
{
    server_receive(&((struct play *)arg)->server, v);
}

static bool can_record(void *arg)
{
    return !((struct play *)arg)->is_audit_off;
}

static int text_index(struct view sql)
{
    for (int i = 0; i < TEXTS; i++)
        if (view_is(sql, texts[i]))
            return i;
    return -1;
}

static uint64_t record(void *arg, struct view body)
{
    struct play *play = arg;
    if (play->is_audit_off)
        return 0;
    for (int i = 0; i < TEXTS && view_starts(body, "\"event\":\"statement\""); i++) {
        static struct bytes sql[TEXTS]; /* made once */
        if (sql[i].len == 0) {
            bytes_add_text(&sql[i], ",\"sql\":");
            text_add_json(&sql[i], view_of(texts[i]));
        }
        play->recorded[i] += memmem(body.data, body.len, sql[i].data, sql[i].len) != NULL;
    }
    return ++play->records;
}

/* Nothing runs that was not recorded as often; but for ROLLBACK, which always may. */
static void ran(void *arg, const struct text *text)
{
    struct play *play = arg;
    int at = text_index(text->sql);
    if (!play->is_menu || at < 0)
        return;
    play->ran[at]++;
    CHECK(play->ran[at] <= play->recorded[at] || view_starts(text->sql, "ROLLBACK") || strstr(texts[at], "SELECT 1"));
}

static int64_t now(void *arg)
{
    return 0;
}

static void describe(void *arg, const struct describe_request *request)
{
    struct play *play = arg;
    CHECK(!play->describes && !play->parks);
    play->describes = true;
    play->types = request->type_count;
}

static void park(void *arg, const struct ticket_content *content, const struct ticket_context *context)
{
    struct play *play = arg;
    CHECK(!play->describes && !play->parks && content->run_count > 0 && context->record != 0);
    play->parks = true;
    play->runs = (unsigned)content->run_count;
}

static void delivered(void *arg, const char *ticket)
{
    CHECK(ticket[0] == 't');
}

static const struct session_port port = {to_agent, to_server, record, can_record, now, describe, park, delivered};

/* ---- what arrives --------------------------------------------------------------------------------------- */

static void take_agent(struct play *play)
{
    char *exact = check_alloc(play->unread.len + 1);
    if (play->unread.len > 0)
        memcpy(exact, play->unread.data, play->unread.len);
    size_t used = session_take_agent(play->session, (struct view){exact, play->unread.len});
    /* The agent knows what it has sent before it hears the answer. */
    for (size_t at = 0; at < used;) {
        struct frame frame;
        struct frame_error error;
        CHECK(frame_take_agent((struct view){exact + at, used - at}, NULL, &frame, &error) == FRAME_RESULT_ONE);
        agent_sent(&play->agent, &frame);
        at += frame.size;
    }
    session_flush(play->session);
    free(exact);
    bytes_drop(&play->unread, used);
}

static bool is_open(const struct play *play)
{
    return session_state(play->session) == SESSION_STATE_OPEN;
}

static void arrive_from_agent(struct play *play, struct view v)
{
    for (size_t at = 0; at < v.len && is_open(play);) {
        size_t len = 1 + server_choose(&play->server, server_choose(&play->server, 2) ? 4 : 4096);
        len = len < v.len - at ? len : v.len - at;
        bytes_add(&play->unread, v.data + at, len);
        at += len;
        take_agent(play);
    }
}

static void arrive_from_server(struct play *play)
{
    size_t left = play->server.flushed - play->server_read;
    size_t len = 1 + server_choose(&play->server, server_choose(&play->server, 2) ? 8 : 4096);
    len = len < left ? len : left;
    for (;;) {
        char *exact = check_alloc(len);
        memcpy(exact, play->server.out.data + play->server_read, len);
        size_t used = session_take_server(play->session, (struct view){exact, len});
        session_flush(play->session);
        free(exact);
        play->server_read += used;
        if (used > 0 || len == left || !is_open(play))
            break;
        len = len + 16 < left ? len + 16 : left; /* it wants to see more at once */
    }
    if (is_open(play))
        take_agent(play);
}

static void arrive_described(struct play *play)
{
    uint32_t types[8] = {23, 25, 23, 25, 23, 25, 23, 25};
    struct message_column column = {.name = view_of("a"), .type = 23};
    struct described described = {.ok = true, .types = types, .type_count = (uint16_t)(play->types % 9)};
    unsigned choice = server_choose(&play->server, 6);
    if (choice == 0)
        described = (struct described){.error = {"ERROR", "42P01", "no such relation", NULL, NULL, 0}};
    if (choice == 1)
        types[0] = 16500;
    described.columns = &column;
    described.column_count = choice == 2;
    play->describes = false;
    session_described(play->session, &described);
    session_flush(play->session);
    take_agent(play);
}

static void arrive_ticket(struct play *play)
{
    static const struct ticket_column column = {"a", "pg_catalog.int4", 23};
    unsigned choice = server_choose(&play->server, 12);
    struct ticket_answer answer = {.ok = choice != 0, .id = "t1", .expires = "2026-11-24T00:00:00.000000Z"};
    answer.state = choice > TICKET_STATE_UNKNOWN ? TICKET_STATE_EXECUTED : (enum ticket_state)choice;
    struct ticket_result *results = check_calloc(play->runs, sizeof *results);
    for (unsigned i = 0; i < play->runs; i++) {
        results[i].tag = "INSERT 0 1";
        results[i].columns = &column;
        results[i].column_count = server_choose(&play->server, 2);
        results[i].dropped = server_choose(&play->server, 20) == 0;
        results[i].rows = "[{\"c1\":\"1\"}]";
    }
    answer.results = results;
    answer.result_count = play->runs;
    play->parks = false;
    session_answered(play->session, &answer);
    free(results);
    session_flush(play->session);
    take_agent(play);
}

/* One thing that is under way arrives. False: there is nothing. */
static bool step(struct play *play)
{
    if (!is_open(play))
        return false;
    if (play->describes)
        arrive_described(play);
    else if (play->parks)
        arrive_ticket(play);
    else if (play->server_read < play->server.flushed)
        arrive_from_server(play);
    else
        return false;
    return true;
}

/* ---- the menu ------------------------------------------------------------------------------------------- */

static void add_bind(struct bytes *to, const char *portal, const char *statement, unsigned values)
{
    struct view value[2] = {view_of("1"), {0}};
    message_add_bind(to, view_of(portal), view_of(statement), value, (uint16_t)(values % 3), NULL, 0);
}

static void choose_message(struct play *play, unsigned what, unsigned which, struct bytes *to)
{
    const char *name = names[which % NAMES], *other = names[which / NAMES % NAMES];
    struct view sql = view_of(texts[which % TEXTS]);
    static const uint32_t types[] = {23, 16500};
    switch (what % 14) {
    case 0:
        message_add_query(to, sql);
        return;
    case 1:
    case 2:
        message_add_parse(to, view_of(names[which / TEXTS % NAMES]), sql, types, which > 250 ? 2 : 0);
        return;
    case 3:
    case 4:
        add_bind(to, name, other, which);
        return;
    case 5:
    case 6:
        message_add_execute(to, view_of(name), which / NAMES % 2);
        return;
    case 7:
        message_add_name(to, 'D', which & 1 ? 'S' : 'P', view_of(other));
        return;
    case 8:
        message_add_name(to, 'C', which & 1 ? 'S' : 'P', view_of(other));
        return;
    case 9:
    case 10:
        message_add_empty(to, 'S');
        return;
    case 11:
        message_add_empty(to, 'H');
        return;
    case 12:
        if (which % 16 == 0)
            message_add_function_call(to, which);
        else if (which % 3 == 0)
            message_add_empty(to, 'c');
        else
            message_add_raw(to, which % 3 == 1 ? 'd' : 'f', (struct view){"x", 2});
        return;
    case 13:
        if (which % 8 == 0)
            play->is_audit_off = !play->is_audit_off;
        return;
    }
}

static void play_menu(struct play *play, const uint8_t *data, size_t size)
{
    struct bytes sent = {0};
    for (size_t i = 0; i + 1 < size && is_open(play); i += 2) {
        bytes_clear(&sent);
        choose_message(play, data[i], data[i + 1], &sent);
        /* The high bits say whether the agent waits. */
        arrive_from_agent(play, bytes_view(&sent));
        for (unsigned left = data[i] / 14 % 8; left > 0 && step(play);)
            left -= left < 7;
    }
    /* When everything is answered nobody waits any more. In a COPY the agent gives up, and then it says Sync. */
    for (int i = 0; i < 3 && is_open(play); i++) {
        while (step(play))
            ;
        bytes_clear(&sent);
        if (play->agent.owed.copy_in)
            message_add_raw(&sent, 'f', (struct view){"x", 2});
        message_add_empty(&sent, 'S');
        if (is_open(play))
            arrive_from_agent(play, bytes_view(&sent));
    }
    bytes_fini(&sent);
    while (step(play))
        ;
    if (!is_open(play))
        return;
    bool is_stuck = session_is_held(play->session) || play->unread.len > 0 || session_is_busy(play->session);
    CHECK(play->agent.owed.copy_in || (!is_stuck && owed_is_quiet(&play->agent.owed)));
    CHECK(session_transaction(play->session) == play->server.status || play->server.copy != '\0');
}

static void play_raw(struct play *play, const uint8_t *data, size_t size)
{
    arrive_from_agent(play, (struct view){(const char *)data, size});
    while (step(play))
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rules *rules;
    struct fault fault;
    if (rules == NULL)
        rules = rules_read("policy", view_of(POLICY), &fault);
    CHECK(rules != NULL);
    if (size < 2)
        return 0;
    struct play play = {.is_menu = data[0] % 2 == 1};
    play.server = (struct server){.rules = rules, .ran = ran, .arg = &play, .seed = data[1], .status = 'I'};
    owed_init(&play.agent.owed);
    struct session_desk *desk = session_desk_new();
    struct session_options options = {.desk = desk,
                                      .id = "p1-1",
                                      .agent = "bot",
                                      .database = "app",
                                      .client = "192.0.2.1:5000",
                                      .application = "",
                                      .rules = rules,
                                      .generation = 1};
    play.session = session_new(&options, &port, &play);
    if (play.is_menu)
        play_menu(&play, data + 2, size - 2);
    else
        play_raw(&play, data + 2, size - 2);
    session_free(play.session);
    session_desk_free(desk);
    while (!list_is_empty(&play.agent.owed.entries)) {
        struct owed_entry *entry = list_entry(play.agent.owed.entries.next, struct owed_entry, link);
        list_remove(&entry->link);
        free(entry);
    }
    bytes_fini(&play.unread);
    bytes_fini(&play.agent.in);
    server_fini(&play.server);
    return 0;
}
