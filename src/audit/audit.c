/* The audit log as the rest of the house sees it: any thread hands over a record and goes on; one writer
 * thread brings what was handed over to disk.
 *
 *   append   numbers the record, copies it into the queue, under a mutex; wakes the writer only if that
 *            one sleeps without an alarm, so that under load a record costs no system call
 *   writer   wakes, gathers for a moment, takes the whole queue, writes it with one call; syncs when the
 *            oldest record that isn't on disk is sync_ms old, or when somebody waits in audit_sync
 *
 * Which record opens a new segment is decided at append, since its number must be known then.
 *
 * Failing: after an error nothing is accepted. The writer tries again every RETRY_MS: back to the last
 * length known to be good, then everything that had been accepted, in order; when that is on disk a
 * record "audit_gap" says what was missed, and appending is allowed again. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "listing.h"
#include "record.h"
#include "resume.h"
#include "writer.h"

enum {
    GATHER_MS = 2,
    RETRY_MS = 200,
    DEFAULT_SYNC_MS = 10,
    DEFAULT_BYTES = 64 << 20,
    FRAME_BYTES = 224, /* a record's line is at most so much longer than its body */
};

struct audit {
    uint64_t segment_bytes, queue_bytes;
    int64_t sync_us;
    atomic_bool is_writable;

    pthread_mutex_t mutex;
    pthread_cond_t work, synced; /* for the writer; for audit_sync */
    /* All under the mutex: */
    struct bytes queue;                   /* entries; the first has the number after the last one taken */
    size_t load;                          /* bytes that the writer has taken and not yet brought to disk */
    uint64_t seq, synced_seq, wanted_seq; /* last accepted; on disk; somebody waits for it to be on disk */
    uint64_t segment_number, segment_size;
    bool segment_is_new; /* it holds nothing but its first record */
    bool is_sleeping, is_stopping;
    uint64_t refused; /* records, since the last audit_gap */
    int64_t failed_since;

    pthread_t thread;
    struct writer writer; /* the writer thread's */
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- accepting -------------------------------------------------------------------------------------- */

static void add_to_queue(struct audit *audit, int64_t now, bool opens_segment, struct view body)
{
    entry_add(&audit->queue, now, opens_segment, body);
    audit->segment_size += body.len + FRAME_BYTES;
    audit->seq++;
}

/* The first record of a segment: whose it is, and which one it follows ("prev" has that one's last hash). */
static void add_segment_record(struct audit *audit, int64_t now, uint64_t number, bool opens_segment)
{
    struct bytes body = {0};
    const char *chain = audit->writer.segment.chain;
    bytes_add_text(&body, "\"event\":\"segment\"");
    audit_add_text(&body, "chain", view_of(chain));
    audit_add_number(&body, "segment", (int64_t)number);
    if (number > 1) {
        char *path = listing_path("", chain, number - 1);
        audit_add_text(&body, "follows", view_of(path + 1));
        free(path);
    }
    audit_add_text(&body, "version", view_of(SALLYPORT_VERSION));
    audit->segment_number = number;
    audit->segment_size = 0;
    add_to_queue(audit, now, opens_segment, bytes_view(&body));
    audit->segment_is_new = true;
    bytes_fini(&body);
}

static void add_record(struct audit *audit, struct view body)
{
    int64_t now = clock_us(CLOCK_REALTIME);
    bool fits = audit->segment_size + body.len + FRAME_BYTES <= audit->segment_bytes;
    /* A record that is larger than a segment still gets one to itself. */
    if (!fits && !audit->segment_is_new)
        add_segment_record(audit, now, audit->segment_number + 1, true);
    add_to_queue(audit, now, false, body);
    audit->segment_is_new = false;
}

uint64_t audit_append(struct audit *audit, struct view body)
{
    uint64_t seq = 0;
    bool wake = false;
    pthread_mutex_lock(&audit->mutex);
    if (atomic_load_explicit(&audit->is_writable, memory_order_relaxed) && !audit->is_stopping &&
        audit->queue.len + audit->load + body.len <= audit->queue_bytes) {
        add_record(audit, body);
        seq = audit->seq;
        wake = audit->is_sleeping;
        audit->is_sleeping = false;
    } else {
        audit->refused++;
    }
    pthread_mutex_unlock(&audit->mutex);
    if (wake)
        pthread_cond_signal(&audit->work);
    return seq;
}

bool audit_is_writable(const struct audit *audit)
{
    return atomic_load_explicit(&audit->is_writable, memory_order_relaxed);
}

bool audit_sync(struct audit *audit, uint64_t seq)
{
    pthread_mutex_lock(&audit->mutex);
    bool known = seq > 0 && seq <= audit->seq;
    if (known && audit->wanted_seq < seq)
        audit->wanted_seq = seq;
    pthread_cond_signal(&audit->work);
    while (known && audit->synced_seq < seq && audit_is_writable(audit))
        pthread_cond_wait(&audit->synced, &audit->mutex);
    bool is_synced = known && audit->synced_seq >= seq;
    pthread_mutex_unlock(&audit->mutex);
    return is_synced;
}

/* ---- the writer thread ------------------------------------------------------------------------------ */

static void wait_until(struct audit *audit, int64_t monotonic_us)
{
    struct timespec until = {monotonic_us / 1000000, monotonic_us % 1000000 * 1000};
    pthread_cond_timedwait(&audit->work, &audit->mutex, &until);
}

static bool is_urgent(const struct audit *audit)
{
    return audit->is_stopping || audit->wanted_seq > audit->synced_seq;
}

/* "audit_gap": for a time nothing was accepted, and `late` records were accepted before and written only
 * now: whoever waited for them in audit_sync was told that they are not on disk. */
static void add_gap_record(struct audit *audit, const char *reason, int64_t since, uint64_t late)
{
    char from[TEXT_TIME_SIZE];
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"audit_gap\"");
    audit_add_text(&body, "reason", view_of(reason));
    if (since != 0) {
        text_time(since, from);
        audit_add_text(&body, "since", view_of(from));
        audit_add_number(&body, "duration_us", clock_us(CLOCK_REALTIME) - since);
    }
    audit_add_number(&body, "refused", (int64_t)audit->refused);
    audit_add_number(&body, "late", (int64_t)late);
    audit->refused = 0;
    add_record(audit, bytes_view(&body));
    bytes_fini(&body);
}

/* Moves the queue behind what was taken before; normally that is nothing, and the two change places. */
static void take_queue(struct audit *audit)
{
    struct writer *writer = &audit->writer;
    if (writer->taken.len == 0) {
        struct bytes empty = writer->taken;
        writer->taken = audit->queue;
        audit->queue = empty;
    } else {
        bytes_add_view(&writer->taken, bytes_view(&audit->queue));
        bytes_clear(&audit->queue);
    }
    audit->load = writer_load(writer);
}

/* Sleeps until there is something to write or to sync, then takes it. *due: when what was taken must be on
 * disk. False: it is the end, and nothing is left. */
static bool wait_for_work(struct audit *audit, int64_t *due, int64_t *taken_at)
{
    pthread_mutex_lock(&audit->mutex);
    bool is_synced = writer_is_synced(&audit->writer), slept = false;
    while (is_synced && audit->queue.len == 0 && !audit->is_stopping) {
        audit->is_sleeping = slept = true;
        pthread_cond_wait(&audit->work, &audit->mutex);
    }
    audit->is_sleeping = false;
    int64_t now = clock_us(CLOCK_MONOTONIC);
    /* Whatever is in the queue came after it was last taken. */
    if (is_synced)
        *due = (slept ? now : *taken_at) + audit->sync_us;
    if (!is_urgent(audit) && now < *due)
        wait_until(audit, now + GATHER_MS * 1000 < *due ? now + GATHER_MS * 1000 : *due);
    if (audit->refused > 0 && audit->queue.len + audit->load < audit->queue_bytes / 2)
        add_gap_record(audit, "more was to be recorded than could be written", 0, 0);
    bool more = audit->queue.len > 0 || !is_synced;
    take_queue(audit);
    if (is_urgent(audit))
        *due = 0;
    pthread_mutex_unlock(&audit->mutex);
    *taken_at = clock_us(CLOCK_MONOTONIC);
    return more;
}

static void publish(struct audit *audit)
{
    pthread_mutex_lock(&audit->mutex);
    audit->synced_seq = audit->writer.synced_seq;
    audit->load = writer_load(&audit->writer);
    pthread_cond_broadcast(&audit->synced);
    pthread_mutex_unlock(&audit->mutex);
}

static bool write_and_sync(struct audit *audit)
{
    return writer_write(&audit->writer) && writer_sync(&audit->writer);
}

/* Everything accepted so far, or nothing: appending stays closed meanwhile. */
static bool try_again(struct audit *audit)
{
    pthread_mutex_lock(&audit->mutex);
    bool is_last = audit->is_stopping;
    if (!is_last)
        wait_until(audit, clock_us(CLOCK_MONOTONIC) + RETRY_MS * 1000);
    take_queue(audit);
    pthread_mutex_unlock(&audit->mutex);
    return writer_repair(&audit->writer) && write_and_sync(audit);
}

static const char *reason_of(int error)
{
    return error == ESTALE ? "the segment was changed or removed by somebody else" : strerror(error);
}

static void close_log(struct audit *audit, int error)
{
    pthread_mutex_lock(&audit->mutex);
    atomic_store(&audit->is_writable, false);
    audit->failed_since = clock_us(CLOCK_REALTIME);
    audit->synced_seq = audit->writer.synced_seq;
    uint64_t late = audit->seq - audit->synced_seq;
    pthread_cond_broadcast(&audit->synced);
    pthread_mutex_unlock(&audit->mutex);
    log_error("the audit log can't be written: %s; %llu accepted records wait; nothing more is accepted until it can",
              reason_of(error), (unsigned long long)late);
}

static void open_log(struct audit *audit, int error)
{
    pthread_mutex_lock(&audit->mutex);
    uint64_t late = audit->writer.synced_seq - audit->synced_seq, refused = audit->refused;
    audit->synced_seq = audit->writer.synced_seq;
    audit->load = 0;
    add_gap_record(audit, reason_of(error), audit->failed_since, late);
    atomic_store(&audit->is_writable, true);
    pthread_cond_broadcast(&audit->synced);
    pthread_mutex_unlock(&audit->mutex);
    log_warn("the audit log can be written again: %llu accepted records were written late, %llu were refused",
             (unsigned long long)late, (unsigned long long)refused);
}

/* False: it is the end, and what was accepted could not be written. */
static bool recover(struct audit *audit, int error)
{
    close_log(audit, error);
    for (bool is_last = false; !try_again(audit);) {
        pthread_mutex_lock(&audit->mutex);
        bool give_up = is_last;
        is_last = audit->is_stopping;
        pthread_mutex_unlock(&audit->mutex);
        if (give_up)
            return false;
    }
    open_log(audit, error);
    return true;
}

static void *run(void *arg)
{
    struct audit *audit = arg;
    int64_t due = 0, taken_at = 0;
    while (wait_for_work(audit, &due, &taken_at)) {
        bool good = writer_write(&audit->writer);
        if (good && clock_us(CLOCK_MONOTONIC) >= due)
            good = writer_sync(&audit->writer);
        if (good)
            publish(audit);
        else if (!recover(audit, errno))
            break;
    }
    return NULL;
}

/* ---- opening and closing ---------------------------------------------------------------------------- */

static bool check_options(const struct audit_options *options, struct fault *fault)
{
    if (options->directory == NULL || options->directory[0] == '\0')
        return fault_set(fault, "the audit log needs a directory");
    if (options->chain == NULL || !listing_is_name(options->chain))
        return fault_set(fault, "the audit chain's name must be letters, digits, '-' and '_', at most 64");
    return true;
}

/* What this process has to say about how it found the chain. */
static void add_first_records(struct audit *audit, const struct resume *found)
{
    int64_t now = clock_us(CLOCK_REALTIME);
    if (found->length == 0)
        add_segment_record(audit, now, found->number ? found->number : 1, found->number == 0);
    if (found->cut > 0) {
        struct bytes body = {0};
        bytes_add_text(&body, "\"event\":\"recovered\"");
        audit_add_number(&body, "cut_bytes", (int64_t)found->cut);
        audit_add_number(&body, "segment", (int64_t)found->number);
        add_record(audit, bytes_view(&body));
        bytes_fini(&body);
        log_warn("the audit log ended in a torn record of %llu bytes, which was cut off: %s-%06llu.jsonl",
                 (unsigned long long)found->cut, audit->writer.segment.chain, (unsigned long long)found->number);
    }
}

/* Written here and not by the thread, so that a log that can't be written is a fault at start. */
static bool open_chain(struct audit *audit, const struct audit_options *options, struct fault *fault)
{
    struct writer *writer = &audit->writer;
    struct resume found;
    if (!segment_lock(&writer->segment, options->directory, options->chain, fault) ||
        !resume_read(options->directory, options->chain, &found, fault))
        return false;
    if (found.number > 0 && !segment_open(&writer->segment, found.number, found.length))
        return fault_at(fault, options->directory, 0, 0, NULL, "the last segment of the audit chain \"%s\": %s",
                        options->chain, strerror(errno));
    writer->chain = found.chain;
    writer->synced_seq = found.chain.seq;
    audit->seq = found.chain.seq;
    audit->segment_number = found.number;
    audit->segment_size = found.length;
    add_first_records(audit, &found);
    take_queue(audit);
    if (!write_and_sync(audit))
        return fault_at(fault, options->directory, 0, 0, NULL, "the audit log can't be written: %s", strerror(errno));
    audit->load = 0;
    audit->synced_seq = writer->synced_seq;
    return true;
}

static void init_locks(struct audit *audit)
{
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&audit->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&audit->work, &attributes) == 0);
    CHECK(pthread_cond_init(&audit->synced, NULL) == 0);
    pthread_condattr_destroy(&attributes);
}

static void audit_free(struct audit *audit)
{
    writer_fini(&audit->writer);
    bytes_fini(&audit->queue);
    pthread_cond_destroy(&audit->synced);
    pthread_cond_destroy(&audit->work);
    pthread_mutex_destroy(&audit->mutex);
    free(audit);
}

/* Signals are for other threads; a write over a file size limit is an error here and not the end. */
static bool start_thread(struct audit *audit, struct fault *fault)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&audit->thread, NULL, run, audit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 || fault_set(fault, "the audit's writer thread can't be started: %s", strerror(error));
}

struct audit *audit_open(const struct audit_options *options, struct fault *fault)
{
    if (!check_options(options, fault))
        return NULL;
    struct audit *audit = check_calloc(1, sizeof *audit);
    audit->segment_bytes = options->segment_bytes ? options->segment_bytes : DEFAULT_BYTES;
    audit->queue_bytes = options->queue_bytes ? options->queue_bytes : DEFAULT_BYTES;
    audit->sync_us = 1000 * (int64_t)(options->sync_ms ? options->sync_ms : DEFAULT_SYNC_MS);
    atomic_init(&audit->is_writable, true);
    init_locks(audit);
    if (open_chain(audit, options, fault) && start_thread(audit, fault))
        return audit;
    audit_free(audit);
    return NULL;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    pthread_mutex_lock(&audit->mutex);
    audit->is_stopping = true;
    pthread_cond_signal(&audit->work);
    pthread_mutex_unlock(&audit->mutex);
    pthread_join(audit->thread, NULL);
    if (audit->synced_seq < audit->seq)
        log_error("%llu accepted audit records could not be written and are lost",
                  (unsigned long long)(audit->seq - audit->synced_seq));
    audit_free(audit);
}
