/* What the server still has to answer. PostgreSQL manual, section 55.2.2 to 55.2.6; where that is silent,
 * PostgresMain() and SocketBackend() in the server's postgres.c, and CopyGetData() in copyfromparse.c.
 *
 * The server answers in order, so each of its messages is held against the oldest entry, and the table below
 * says what may come. What is not in the table is out of step, and ends the session: relaying a stream that
 * we no longer understand could hand one statement's rows to another.
 *
 * An error in an extended message makes the server skip everything, Query and FunctionCall too, up to the
 * next Sync; an error in a Query, FunctionCall or Sync skips nothing. Flush and Terminate are never
 * answered and have no entry.
 *
 * One thing can't be known from here: whether a Sync sent right behind a COPY was swallowed by it, if the
 * server gave the COPY up (time-out, cancel) between CopyInResponse and reading that Sync. We take it for
 * swallowed; if it wasn't, its ReadyForQuery finds nobody, is WRONG, and the session ends. */
#include "wire/wire.h"

#include "base/check.h"

enum follows {
    FOLLOWS_WRONG, /* what a cell that is not filled in says */
    FOLLOWS_PHASE, /* the entry goes on, in the phase `next` */
    FOLLOWS_END,   /* the entry is over */
    FOLLOWS_SKIP,  /* it is over, and the server skips up to Sync */
};

struct transition {
    uint8_t follows; /* enum follows */
    uint8_t next;    /* enum owed_phase */
};

enum { KINDS = OWED_KIND_FUNCTION + 1, PHASES = OWED_PHASE_ANSWERED + 1, TYPES = 128 };

/* kind of the oldest entry, its phase, type of the server's message; then the phase that follows. Indexed,
 * not searched, since every DataRow comes by here. */
#define CELL(kind, phase, type)      [OWED_KIND_##kind][OWED_PHASE_##phase][type]
#define ROW(kind, phase, type, next) CELL(kind, phase, type) = {FOLLOWS_PHASE, OWED_PHASE_##next}
#define ENDS(kind, phase, type)      CELL(kind, phase, type) = {FOLLOWS_END, OWED_PHASE_START}
#define SKIPS(kind, phase, type)     CELL(kind, phase, type) = {FOLLOWS_SKIP, OWED_PHASE_START}

/* clang-format off */
static const struct transition transitions[KINDS][PHASES][TYPES] = {
    ENDS (PARSE, START, '1'),                 /* ParseComplete */
    SKIPS(PARSE, START, 'E'),                 /* ErrorResponse */

    ENDS (BIND, START, '2'),                  /* BindComplete */
    SKIPS(BIND, START, 'E'),

    ENDS (CLOSE, START, '3'),                 /* CloseComplete */
    SKIPS(CLOSE, START, 'E'),

    ROW  (DESCRIBE_STATEMENT, START, 't', DESCRIBED), /* ParameterDescription */
    SKIPS(DESCRIBE_STATEMENT, START, 'E'),
    ENDS (DESCRIBE_STATEMENT, DESCRIBED, 'T'), /* RowDescription */
    ENDS (DESCRIBE_STATEMENT, DESCRIBED, 'n'), /* NoData */
    SKIPS(DESCRIBE_STATEMENT, DESCRIBED, 'E'),

    ENDS (DESCRIBE_PORTAL, START, 'T'),
    ENDS (DESCRIBE_PORTAL, START, 'n'),
    SKIPS(DESCRIBE_PORTAL, START, 'E'),

    ROW  (EXECUTE, START, 'D', ROWS),         /* DataRow */
    ENDS (EXECUTE, START, 'C'),               /* CommandComplete */
    ENDS (EXECUTE, START, 'I'),               /* EmptyQueryResponse */
    ENDS (EXECUTE, START, 's'),               /* PortalSuspended */
    SKIPS(EXECUTE, START, 'E'),
    ROW  (EXECUTE, ROWS, 'D', ROWS),
    ENDS (EXECUTE, ROWS, 'C'),
    ENDS (EXECUTE, ROWS, 's'),
    SKIPS(EXECUTE, ROWS, 'E'),
    ROW  (EXECUTE, START, 'G', COPY_IN),      /* CopyInResponse */
    ENDS (EXECUTE, COPY_IN, 'C'),
    SKIPS(EXECUTE, COPY_IN, 'E'),
    ROW  (EXECUTE, START, 'H', COPY_OUT),     /* CopyOutResponse */
    ROW  (EXECUTE, COPY_OUT, 'd', COPY_OUT),  /* CopyData */
    ROW  (EXECUTE, COPY_OUT, 'c', COPIED),    /* CopyDone */
    SKIPS(EXECUTE, COPY_OUT, 'E'),
    ENDS (EXECUTE, COPIED, 'C'),
    SKIPS(EXECUTE, COPIED, 'E'),

    ROW  (SYNC, START, 'E', ANSWERED),        /* the commit failed */
    ROW  (SYNC, ANSWERED, 'E', ANSWERED),     /* a FATAL one behind it: so in all rows of this kind */
    ENDS (SYNC, START, 'Z'),                  /* ReadyForQuery */
    ENDS (SYNC, ANSWERED, 'Z'),

    ROW  (QUERY, START, 'T', ROWS),
    ROW  (QUERY, START, 'C', START),          /* one statement of the string is over */
    ROW  (QUERY, START, 'I', START),
    ROW  (QUERY, START, 'E', ANSWERED),
    ENDS (QUERY, START, 'Z'),
    ROW  (QUERY, ROWS, 'T', ROWS),            /* a DO ALSO SELECT rule has rows of its own */
    ROW  (QUERY, ROWS, 'D', ROWS),
    ROW  (QUERY, ROWS, 'C', START),
    ROW  (QUERY, ROWS, 'E', ANSWERED),
    ROW  (QUERY, START, 'G', COPY_IN),
    ROW  (QUERY, COPY_IN, 'C', START),
    ROW  (QUERY, COPY_IN, 'E', ANSWERED),
    ROW  (QUERY, START, 'H', COPY_OUT),
    ROW  (QUERY, COPY_OUT, 'd', COPY_OUT),
    ROW  (QUERY, COPY_OUT, 'c', COPIED),
    ROW  (QUERY, COPY_OUT, 'E', ANSWERED),
    ROW  (QUERY, COPIED, 'C', START),
    ROW  (QUERY, COPIED, 'E', ANSWERED),
    ROW  (QUERY, ANSWERED, 'E', ANSWERED),
    ENDS (QUERY, ANSWERED, 'Z'),

    ROW  (FUNCTION, START, 'V', ANSWERED),    /* FunctionCallResponse */
    ROW  (FUNCTION, START, 'E', ANSWERED),
    ROW  (FUNCTION, ANSWERED, 'E', ANSWERED),
    ENDS (FUNCTION, ANSWERED, 'Z'),
};
/* clang-format on */

static struct transition transition_for(const struct owed *owed, const struct owed_entry *entry, char type)
{
    unsigned column = (unsigned char)type;
    if (entry == NULL || column >= TYPES)
        return (struct transition){FOLLOWS_WRONG, OWED_PHASE_START};
    CHECK((unsigned)entry->kind < KINDS);
    return transitions[entry->kind][owed->phase][column];
}

static void enter(struct owed *owed, enum owed_phase phase)
{
    owed->phase = phase;
    owed->copy_in = phase == OWED_PHASE_COPY_IN;
    owed->copy_out = phase == OWED_PHASE_COPY_OUT;
}

static struct owed_entry *oldest(const struct owed *owed)
{
    return list_is_empty(&owed->entries) ? NULL : list_entry(owed->entries.next, struct owed_entry, link);
}

static void unlink_entry(struct owed *owed, struct owed_entry *entry)
{
    CHECK(owed->count > 0);
    list_remove(&entry->link);
    owed->count--;
}

static void drop(struct owed *owed, struct owed_entry *entry, void (*skipped)(void *arg, struct owed_entry *entry),
                 void *arg)
{
    unlink_entry(owed, entry);
    skipped(arg, entry); /* may free it */
}

/* The oldest entry failed and is unlinked: the server reads on to the next Sync. */
static void skip_to_sync(struct owed *owed, void (*skipped)(void *arg, struct owed_entry *entry), void *arg)
{
    struct owed_entry *entry;
    while ((entry = oldest(owed)) != NULL && entry->kind != OWED_KIND_SYNC)
        drop(owed, entry, skipped, arg);
    owed->skipping = entry == NULL;
}

/* The oldest entry turned out to be a COPY: the Syncs that were already sent behind it are read, and
 * ignored, as part of it. Anything else there is an error that the server will speak of. */
static void swallow_syncs(struct owed *owed, void (*skipped)(void *arg, struct owed_entry *entry), void *arg)
{
    struct list *behind = owed->entries.next;
    while (behind->next != &owed->entries) {
        struct owed_entry *entry = list_entry(behind->next, struct owed_entry, link);
        if (entry->kind != OWED_KIND_SYNC)
            return;
        drop(owed, entry, skipped, arg);
    }
}

/* NoticeResponse, NotificationResponse, ParameterStatus: at any time, section 55.2.7 */
static bool is_asynchronous(char type)
{
    return type == 'N' || type == 'A' || type == 'S';
}

void owed_init(struct owed *owed)
{
    *owed = (struct owed){.status = 'I'};
    list_init(&owed->entries);
}

bool owed_add(struct owed *owed, struct owed_entry *entry)
{
    bool is_sync = entry->kind == OWED_KIND_SYNC;
    if ((owed->skipping && !is_sync) || (owed->copy_in && is_sync))
        return false;
    owed->skipping = false; /* if it was set, this is the Sync that ends it */
    list_append(&owed->entries, &entry->link);
    owed->count++;
    return true;
}

void owed_copy_ended(struct owed *owed)
{
    owed->copy_in = false;
}

enum owed_answer owed_take(struct owed *owed, char type, struct view body, struct owed_entry **entry,
                           void (*skipped)(void *arg, struct owed_entry *entry), void *arg)
{
    *entry = NULL;
    struct owed_entry *first = oldest(owed);
    /* An error that nobody asked for: the server shuts the session down. */
    if (is_asynchronous(type) || (first == NULL && type == 'E'))
        return OWED_ANSWER_NOBODY;
    struct transition row = transition_for(owed, first, type);
    char status;
    if (row.follows == FOLLOWS_WRONG || (type == 'Z' && !message_read_ready(body, &status)))
        return OWED_ANSWER_WRONG;

    *entry = first;
    enter(owed, (enum owed_phase)row.next);
    if (row.follows == FOLLOWS_PHASE) {
        if (type == 'G')
            swallow_syncs(owed, skipped, arg);
        return OWED_ANSWER_PART;
    }
    unlink_entry(owed, first);
    if (type == 'Z')
        owed->status = status;
    if (row.follows == FOLLOWS_SKIP)
        skip_to_sync(owed, skipped, arg);
    return OWED_ANSWER_LAST;
}

bool owed_is_quiet(const struct owed *owed)
{
    return owed->count == 0 && !owed->copy_in && !owed->copy_out;
}
