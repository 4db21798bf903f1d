/* Replies owed, against two servers. The first byte chooses.
 *
 * A liar sends anything at all. What must hold: an entry is handed back once, in order, and never lost; a
 * message that is out of step changes nothing.
 *
 * A model of PostgreSQL, written from its postgres.c and not from our table, reads what the agent sent and
 * answers as it likes: with rows, errors, COPY in both directions, and late. What must hold: nothing it says
 * is out of step, each answer belongs to the very message it answers, and in the end nothing is owed. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "wire/wire.h"

enum { MOST = 200, NOBODY = -1, ANYBODY = -2 };

/* What the input says next; nothing more to say is zeros. */
struct choices {
    const uint8_t *at, *end;
};

static unsigned choose(struct choices *choices, unsigned below)
{
    return choices->at < choices->end ? *choices->at++ % below : 0;
}

/* ---- the agent's side: the entries ------------------------------------------------------------------ */

enum place { PLACE_FREE, PLACE_QUEUED, PLACE_GONE };

struct agent {
    struct owed owed;
    struct owed_entry entry[MOST];
    enum place place[MOST];
    int sent; /* entries so far: they are used once each, in order */
};

static void let_go(struct agent *agent, struct owed_entry *entry)
{
    long i = entry - agent->entry;
    CHECK(i >= 0 && i < agent->sent && agent->place[i] == PLACE_QUEUED);
    agent->place[i] = PLACE_GONE;
}

static void note_skipped(void *arg, struct owed_entry *entry)
{
    let_go(arg, entry);
}

/* Everything that was taken and not handed back is in the list, in order, and nothing else. */
static void check_list(const struct agent *agent)
{
    int at = 0;
    size_t count = 0;
    list_each(link, &agent->owed.entries)
    {
        long i = list_entry(link, struct owed_entry, link) - agent->entry;
        for (; at < i; at++)
            CHECK(agent->place[at] != PLACE_QUEUED);
        CHECK(at == i && agent->place[at] == PLACE_QUEUED);
        at++;
        count++;
    }
    for (; at < agent->sent; at++)
        CHECK(agent->place[at] != PLACE_QUEUED);
    CHECK(count == agent->owed.count);
    CHECK(!(agent->owed.copy_in && agent->owed.copy_out) && !(agent->owed.skipping && count > 0));
    CHECK(count > 0 || owed_is_quiet(&agent->owed));
}

/* The number of the entry; NOBODY: it was not taken. */
static int add(struct agent *agent, enum owed_kind kind)
{
    int i = agent->sent++;
    bool in_vain = kind == OWED_KIND_SYNC ? agent->owed.copy_in : agent->owed.skipping;
    agent->entry[i].kind = kind;
    CHECK(owed_add(&agent->owed, &agent->entry[i]) == !in_vain);
    agent->place[i] = in_vain ? PLACE_GONE : PLACE_QUEUED;
    return in_vain ? NOBODY : i;
}

/* The server said something; whose is it? */
static enum owed_answer hear(struct agent *agent, char type, char status, int *whose)
{
    struct owed_entry *entry;
    struct owed before = agent->owed;
    enum owed_answer answer = owed_take(&agent->owed, type, (struct view){&status, 1}, &entry, note_skipped, agent);
    bool has_entry = answer == OWED_ANSWER_PART || answer == OWED_ANSWER_LAST;
    CHECK(has_entry == (entry != NULL));
    if (!has_entry)
        CHECK(memcmp(&before, &agent->owed, sizeof before) == 0);
    if (answer == OWED_ANSWER_LAST)
        let_go(agent, entry);
    *whose = has_entry ? (int)(entry - agent->entry) : NOBODY;
    check_list(agent);
    return answer;
}

/* ---- the liar --------------------------------------------------------------------------------------- */

static void try_liar(struct choices *choices)
{
    static const char types[] = "123CDEGHISTVZcdnstAN";
    struct agent agent = {0};
    owed_init(&agent.owed);
    while (choices->at < choices->end) {
        unsigned what = choose(choices, 40);
        int whose;
        if (what < 9 && agent.sent < MOST)
            add(&agent, (enum owed_kind)what);
        else if (what == 9)
            owed_copy_ended(&agent.owed);
        else if (what == 10)
            hear(&agent, (char)choose(choices, 256), (char)choose(choices, 256), &whose);
        else
            hear(&agent, types[what % (sizeof types - 1)], "ITE"[choose(choices, 3)], &whose);
        check_list(&agent);
    }
}

/* ---- a model of PostgreSQL -------------------------------------------------------------------------- */

struct said {
    char type;
    int whose;
};

struct server {
    struct choices *choices;
    struct {
        char type; /* as on the wire; d is Describe S, D Describe P, f CopyFail, y CopyData */
        int whose;
    } in[MOST];
    int in_count, in_at;
    struct said out[MOST * 40];
    int out_count, out_at;
    bool ignore_till_sync;
    char copy_from; /* 'E' or 'Q': COPY FROM STDIN is running in it */
    int copy_whose;
    bool dead; /* after a FATAL error */
};

static void say(struct server *server, const char *types, int whose)
{
    for (; *types; types++) {
        CHECK(server->out_count < MOST * 40);
        server->out[server->out_count++] = (struct said){*types, whose};
    }
}

/* Statements of a string, until one fails, is a COPY from the agent, or is the last. */
static void run_query(struct server *server, int whose)
{
    for (int i = 0; i < 4; i++) {
        switch (choose(server->choices, 8)) {
        case 0:
            say(server, "Z", whose);
            return;
        case 1:
            say(server, "C", whose);
            break;
        case 2:
            say(server, "TDNDC", whose);
            break;
        case 3:
            say(server, "TTDC", whose);
            break;
        case 4:
            say(server, "HddcC", whose);
            break;
        case 5:
            say(server, "G", whose);
            server->copy_from = 'Q';
            server->copy_whose = whose;
            return;
        case 6:
            say(server, "I", whose);
            break;
        case 7:
            say(server, choose(server->choices, 2) ? "TDE" : "HdE", whose);
            say(server, "Z", whose);
            return;
        }
    }
    say(server, "Z", whose);
}

static void run_execute(struct server *server, int whose)
{
    static const char *const ways[] = {"C", "DDC", "DSDs", "I", "HddcC", "s"};
    static const char *const failures[] = {"E", "DE", "HE", "HdE"};
    unsigned way = choose(server->choices, 11);
    if (way < 6) {
        say(server, ways[way], whose);
    } else if (way < 10) {
        say(server, failures[way - 6], whose);
        server->ignore_till_sync = true;
    } else {
        say(server, "G", whose);
        server->copy_from = 'E';
        server->copy_whose = whose;
    }
}

/* CopyGetData() and what follows it */
static void run_copy(struct server *server, char type)
{
    bool failed = type == 'f' || (type == 'y' && choose(server->choices, 3) == 0);
    if (type == 'S' || type == 'H' || (type == 'y' && !failed))
        return;
    if (type != 'c' && type != 'y' && type != 'f') { /* unexpected message type: synchronization was lost */
        say(server, "EE", ANYBODY);
        server->dead = true;
        return;
    }
    char from = server->copy_from;
    server->copy_from = '\0';
    say(server, failed ? "E" : "C", server->copy_whose);
    if (from == 'E')
        server->ignore_till_sync = failed;
    else if (failed)
        say(server, "Z", server->copy_whose);
    else
        run_query(server, server->copy_whose);
}

static void run_extended(struct server *server, char type, int whose)
{
    static const char good[] = "P1B2C3", *at;
    if (type == 'E') {
        run_execute(server, whose);
        return;
    }
    unsigned way = choose(server->choices, 4);
    if (way == 0) {
        say(server, type == 'd' && choose(server->choices, 2) ? "tE" : "E", whose);
        server->ignore_till_sync = true;
    } else if (type == 'd') {
        say(server, way == 1 ? "tn" : "tT", whose);
    } else if (type == 'D') {
        say(server, way == 1 ? "n" : "T", whose);
    } else if ((at = strchr(good, type)) != NULL) {
        say(server, (char[]){at[1], '\0'}, whose);
    }
}

/* SocketBackend() and the loop of PostgresMain(): reads one message */
static void serve(struct server *server)
{
    if (server->dead || server->in_at == server->in_count)
        return;
    char type = server->in[server->in_at].type;
    int whose = server->in[server->in_at++].whose;
    if (choose(server->choices, 8) == 7)
        say(server, "N", NOBODY);
    if (server->copy_from) {
        run_copy(server, type);
    } else if (type == 'S') {
        server->ignore_till_sync = false;
        say(server, choose(server->choices, 5) == 4 ? "EZ" : "Z", whose); /* a commit can fail */
    } else if (server->ignore_till_sync || strchr("Hycf", type)) {
        return;
    } else if (type == 'Q') {
        run_query(server, whose);
    } else if (type == 'F') {
        say(server, choose(server->choices, 2) ? "VZ" : "EZ", whose);
    } else {
        run_extended(server, type, whose);
    }
}

/* ---- agent, proxy and server ------------------------------------------------------------------------ */

static void pass_on(struct server *server, char type, int whose)
{
    CHECK(server->in_count < MOST);
    server->in[server->in_count].type = type;
    server->in[server->in_count++].whose = whose;
}

/* As the session does it: in a COPY from the agent only its messages go up, elsewhere none of them. */
static void send(struct agent *agent, struct server *server, char type)
{
    static const char kinds[] = "PBCdDESQF";
    bool is_copy = strchr("ycf", type) != NULL;
    if (agent->sent == MOST || server->in_count == MOST)
        return;
    if (agent->owed.copy_in ? !is_copy && type != 'H' && type != 'S' : is_copy)
        return;
    int whose = NOBODY;
    const char *kind = strchr(kinds, type);
    if (kind != NULL)
        whose = add(agent, (enum owed_kind)(kind - kinds));
    if (type == 'c' || type == 'f')
        owed_copy_ended(&agent->owed);
    if (kind != NULL && whose == NOBODY)
        return;
    pass_on(server, type, whose);
}

static void deliver(struct agent *agent, struct server *server)
{
    if (server->out_at == server->out_count)
        return;
    struct said said = server->out[server->out_at++];
    int whose;
    enum owed_answer answer = hear(agent, said.type, 'I', &whose);
    CHECK(answer != OWED_ANSWER_WRONG);
    CHECK(said.whose == ANYBODY || whose == (strchr("NAS", said.type) ? NOBODY : said.whose));
}

static void settle(struct agent *agent, struct server *server)
{
    while (server->in_at < server->in_count && !server->dead)
        serve(server);
    while (server->out_at < server->out_count)
        deliver(agent, server);
}

static void try_model(struct choices *choices)
{
    static const char messages[] = "PBCdDESQFHycfSQE";
    struct agent agent = {0};
    struct server server = {.choices = choices};
    owed_init(&agent.owed);
    while (choices->at < choices->end) {
        unsigned what = choose(choices, 64);
        if (what < 32 && agent.sent < MOST - 20 && server.in_count < MOST - 20)
            send(&agent, &server, messages[what % 16]);
        else if (what < 48)
            serve(&server);
        else
            deliver(&agent, &server);
    }
    settle(&agent, &server);
    /* Zeros are chosen now: a COPY that fails, then nothing more in its string. */
    if (agent.owed.copy_in)
        send(&agent, &server, 'f');
    settle(&agent, &server);
    send(&agent, &server, 'S');
    settle(&agent, &server);
    CHECK(server.dead || (agent.owed.count == 0 && !agent.owed.skipping && owed_is_quiet(&agent.owed)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct choices choices = {data + 1, data + size};
    if (data[0] % 2)
        try_model(&choices);
    else
        try_liar(&choices);
    return 0;
}
