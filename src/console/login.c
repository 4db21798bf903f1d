/* An approver's login. Whoever is unknown goes the same way as whoever gives a wrong password: the same
 * messages, the same work, the same words, after the same pause. Every login is on the record, the good
 * one before the guest is let in. */
#include "login.h"

#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "base/log.h"
#include "dialogue.h"

enum {
    STARTUP_MS = 5 * 1000, /* from accept to a start-up packet, TLS included */
    LOGIN_MS = 30 * 1000,  /* from there to ready */
    REFUSAL_MS = 1000,     /* the pause after a wrong password */
    STRANGERS_MOST = 32,   /* connections that haven't logged in: with the pause above, the rate of guesses */
    PER_CLIENT_MOST = 8,   /* likewise, of one address */
    STARTUP_BYTES = 10000,
    SASL = 10,
    SASL_CONTINUE = 11,
    SASL_FINAL = 12,
    OK = 0,
};

static const struct frame_limits limits = {.startup = STARTUP_BYTES, .query = 4096, .bind = 4096, .other = 4096};

/* ---- the record ---------------------------------------------------------------------------------------- */

static bool record_login(struct guest *guest, const char *outcome)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"login\"");
    audit_add_text(&body, "approver", view_of(guest->user));
    audit_add_text(&body, "client", view_of(guest->client));
    audit_add_text(&body, "application", view_of(guest->application));
    const char *tls = net_conn_tls_version(guest->conn);
    if (tls != NULL)
        audit_add_text(&body, "tls", view_of(tls));
    audit_add_text(&body, "outcome", view_of(outcome));
    uint64_t seq = audit_append(guest->house->options->audit, bytes_view(&body));
    bytes_fini(&body);
    return seq != 0;
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void refuse(struct guest *guest)
{
    guest->state = GUEST_STATE_REFUSED;
    net_conn_pause(guest->conn);
    net_timer_start(guest->timer, REFUSAL_MS, 0);
    record_login(guest, "refused");
    log_warn("login of \"%s\" from %s was refused", guest->user, guest->client);
}

static void timer_fired(void *arg)
{
    struct guest *guest = arg;
    if (guest->state != GUEST_STATE_REFUSED) {
        guest_end(guest, "57014", "the login took too long", NULL);
        return;
    }
    struct bytes words = {0};
    bytes_add_format(&words, "password authentication failed for user \"%s\"", guest->user);
    guest_end(guest, "28P01", bytes_text(&words), "Only approvers of sallyport's configuration can log in here.");
    bytes_fini(&words);
}

/* ---- start-up ------------------------------------------------------------------------------------------ */

static void add_authentication(struct guest *guest, uint32_t code, struct view data)
{
    message_add_authentication(guest_output(guest), code, data);
}

static void answer_tls(struct guest *guest)
{
    struct net_tls *tls = guest->house->tls;
    bool is_offered = tls != NULL && !net_conn_has_tls(guest->conn);
    bytes_add_char(guest_output(guest), is_offered ? 'S' : 'N');
    guest_flush(guest);
    if (is_offered && !net_conn_start_tls(guest->conn, tls))
        guest_end(guest, "08P01", "bytes came before the TLS handshake", NULL);
}

/* A name may come once: with two, two readers could disagree about which one counts. */
static bool read_parameters(struct guest *guest, const struct startup *startup)
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
    guest->user = arena_copy(&guest->arena, user);
    guest->database = arena_copy(&guest->arena, database.len > 0 ? database : user);
    guest->application = arena_copy(&guest->arena, application);
    return user.len > 0;
}

/* Protocol 3.0 is what is spoken; a later minor version and its options are answered with that. */
static void negotiate(struct guest *guest, const struct startup *startup)
{
    struct view options[16];
    uint32_t count = 0;
    for (size_t i = 0; i < startup->parameter_count; i++)
        if (view_starts(startup->parameters[i].name, "_pq_.") && count < 16)
            options[count++] = startup->parameters[i].name;
    if (startup->minor > 0 || count > 0)
        message_add_negotiate(guest_output(guest), 0, options, count);
}

static void start_scram(struct guest *guest)
{
    struct scram_verifier verifier;
    struct view user = view_of(guest->user), none = {NULL, 0};
    const struct console_approver *approver = house_approver(guest->house, user);
    guest->is_doomed = approver == NULL || !scram_verifier_read(view_of(approver->verifier), &verifier);
    if (guest->is_doomed)
        scram_verifier_doomed(user, (struct view){(const char *)guest->house->secret, sizeof guest->house->secret},
                              &verifier);
    guest->scram = scram_new(&verifier, guest->is_doomed, none);
    /* The list of mechanisms: each with its NUL, and an empty one at the end. */
    static const char mechanisms[] = "SCRAM-SHA-256\0";
    add_authentication(guest, SASL, (struct view){mechanisms, sizeof mechanisms});
    guest_flush(guest);
    guest->state = GUEST_STATE_FIRST;
}

static void start(struct guest *guest, const struct startup *startup)
{
    if (guest->house->set->tls_required && !net_conn_has_tls(guest->conn)) {
        guest_end(guest, "28000", "this console is reached over TLS only", "Connect with sslmode=require.");
        return;
    }
    if (!read_parameters(guest, startup)) {
        guest_end(guest, "08P01", "the start-up packet is wrong: a user, once, and no replication", NULL);
        return;
    }
    net_timer_start(guest->timer, LOGIN_MS, 0);
    negotiate(guest, startup);
    start_scram(guest);
}

static void take_startup(struct guest *guest, struct view body)
{
    struct arena arena = {0};
    struct startup startup;
    if (!message_read_startup(body, &arena, &startup)) {
        guest_end(guest, "08P01", "the start-up packet is malformed", NULL);
        arena_fini(&arena);
        return;
    }
    switch (startup.kind) {
    case STARTUP_KIND_SSL:
        answer_tls(guest);
        break;
    case STARTUP_KIND_GSS:
        bytes_add_char(guest_output(guest), 'N');
        guest_flush(guest);
        break;
    case STARTUP_KIND_CANCEL: /* nothing here takes long enough */
        guest_close(guest);
        break;
    case STARTUP_KIND_START:
        start(guest, &startup);
        break;
    case STARTUP_KIND_UNKNOWN:
        guest_end(guest, "0A000", "this protocol is not spoken here: it must be 3.x", NULL);
        break;
    }
    arena_fini(&arena);
}

/* ---- SCRAM --------------------------------------------------------------------------------------------- */

static void take_first(struct guest *guest, struct view body)
{
    struct view mechanism, data;
    struct bytes reply = {0};
    if (!message_read_sasl_initial(body, &mechanism, &data) ||
        scram_start(guest->scram, mechanism, data, &reply) != SCRAM_STEP_CONTINUE) {
        refuse(guest);
    } else {
        add_authentication(guest, SASL_CONTINUE, bytes_view(&reply));
        guest_flush(guest);
        guest->state = GUEST_STATE_LAST;
    }
    bytes_fini(&reply);
}

static void add_parameters(struct guest *guest)
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
    struct bytes *to = guest_output(guest);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        message_add_parameter(to, view_of(told[i][0]), view_of(told[i][1]));
    message_add_parameter(to, view_of("session_authorization"), view_of(guest->user));
    message_add_parameter(to, view_of("application_name"), view_of(guest->application));
}

static void let_in(struct guest *guest)
{
    uint32_t key;
    if (strcmp(guest->database, "sallyport") != 0) {
        guest_end(guest, "3D000", "the console's only database is \"sallyport\"", "Connect with dbname=sallyport.");
        return;
    }
    if (!record_login(guest, "accepted")) {
        guest_end(guest, "58030", "the audit log can't be written, so nobody is let in", NULL);
        return;
    }
    log_info("%s logged in from %s", guest->user, guest->client);
    guest_logged_in(guest);
    add_authentication(guest, OK, (struct view){NULL, 0});
    add_parameters(guest);
    crypto_random(&key, sizeof key);
    message_add_key(guest_output(guest), (uint32_t)getpid(), (struct view){(const char *)&key, sizeof key});
    dialogue_start(guest);
}

static void take_last(struct guest *guest, struct view body)
{
    struct bytes reply = {0};
    if (scram_finish(guest->scram, body, &reply) != SCRAM_STEP_DONE || guest->is_doomed) {
        refuse(guest);
    } else {
        add_authentication(guest, SASL_FINAL, bytes_view(&reply));
        let_in(guest);
    }
    bytes_fini(&reply);
}

/* ---- the states ------------------------------------------------------------------------------------------ */

struct step {
    enum guest_state state;
    char type; /* 0: a start-up packet */
    void (*take)(struct guest *guest, struct view body);
};

static const struct step steps[] = {
    {GUEST_STATE_START, 0, take_startup},
    {GUEST_STATE_FIRST, 'p', take_first},
    {GUEST_STATE_LAST, 'p', take_last},
};

static const struct step *step_find(enum guest_state state)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].state == state)
            return &steps[i];
    return NULL;
}

/* One frame, or false: there is none, or the guest is over or out of here. The body is copied, since
 * starting TLS demands that nothing is left unread. */
static bool take_frame(struct guest *guest)
{
    const struct step *step = step_find(guest->state);
    if (step == NULL)
        return false;
    struct frame frame;
    struct frame_error error;
    struct view in = net_conn_input(guest->conn);
    enum frame_result result = step->type == 0 ? frame_take_startup(in, &limits, &frame, &error)
                                               : frame_take_agent(in, &limits, &frame, &error);
    if (result == FRAME_RESULT_MORE)
        return false;
    if (result == FRAME_RESULT_BAD) {
        guest_end(guest, error.sqlstate, error.message, NULL);
        return false;
    }
    if (frame.type != step->type) {
        guest_end(guest, "08P01", "this message has no place in a login", NULL);
        return false;
    }
    struct bytes body = {0};
    bytes_add_view(&body, frame.body);
    net_conn_consume(guest->conn, frame.size);
    step->take(guest, bytes_view(&body));
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
    guest_close(owner);
}

static const struct net_events events = {.received = received, .ended = ended};

/* ---- room for strangers ---------------------------------------------------------------------------------- */

/* "127.0.0.1:40112" without its port; "unix" as it is. */
static struct view address_of(const char *peer)
{
    const char *port = strrchr(peer, ':');
    return (struct view){peer, port != NULL ? (size_t)(port - peer) : strlen(peer)};
}

static bool is_stranger(const struct guest *guest)
{
    return guest->state != GUEST_STATE_READY && guest->state != GUEST_STATE_CLOSED;
}

/* Closes the oldest of the strangers from this address (NULL: from anywhere) if they are `most`. Who is silent
 * makes room for whoever comes, so that idle connections lock no approver out. Who gave a wrong password keeps
 * his place until he was told: otherwise opening the next connection would cut the pause between guesses short.
 * False: there is no room to be made. */
static bool make_room(struct house *house, const struct view *address, size_t most)
{
    size_t count = 0;
    struct guest *oldest = NULL;
    list_each(at, &house->guests)
    {
        struct guest *guest = list_entry(at, struct guest, link);
        if (!is_stranger(guest) || (address != NULL && !view_equals(address_of(guest->client), *address)))
            continue;
        count++;
        if (oldest == NULL && guest->state != GUEST_STATE_REFUSED)
            oldest = guest;
    }
    if (count < most)
        return true;
    if (oldest == NULL)
        return false;
    log_warn("a connection from %s that has not logged in makes room for another", oldest->client);
    guest_drop(oldest);
    return true;
}

void login_accept(struct house *house, int fd, const char *peer)
{
    struct view address = address_of(peer);
    if (house->is_stopping || !make_room(house, &address, PER_CLIENT_MOST) || !make_room(house, NULL, STRANGERS_MOST)) {
        log_warn("a connection from %s was closed: too many that have not logged in", peer);
        close(fd);
        return;
    }
    struct guest *guest = guest_new(house, fd, peer, &events);
    guest->timer = net_timer_new(house->loop, timer_fired, guest);
    net_timer_start(guest->timer, STARTUP_MS, 0);
}
