#include "guest.h"

#include <stdlib.h>

#include "answer.h"
#include "base/check.h"

struct guest *guest_new(struct house *house, int fd, const char *peer, const struct net_events *events)
{
    struct guest *guest = check_calloc(1, sizeof *guest);
    guest->house = house;
    guest->client = arena_copy(&guest->arena, view_of(peer));
    guest->conn = net_conn_new(house->loop, fd, events, guest);
    list_append(&house->guests, &guest->link);
    return guest;
}

struct bytes *guest_output(struct guest *guest)
{
    return net_conn_output(guest->conn);
}

void guest_flush(struct guest *guest)
{
    if (guest->conn != NULL)
        net_conn_flush(guest->conn);
}

void guest_logged_in(struct guest *guest)
{
    guest->state = GUEST_STATE_READY;
    net_timer_stop(guest->timer);
    scram_free(guest->scram);
    guest->scram = NULL;
}

/* At the end of the turn: whoever closed it may still look at its state. */
static void guest_free(void *arg)
{
    struct guest *guest = arg;
    struct house *house = guest->house;
    if (guest->forget != NULL)
        guest->forget(guest);
    list_remove(&guest->link);
    arena_fini(&guest->arena);
    free(guest);
    if (house->is_stopping && list_is_empty(&house->guests))
        net_loop_stop(house->loop);
}

static void close_guest(struct guest *guest, bool says_all)
{
    if (guest->state == GUEST_STATE_CLOSED)
        return;
    guest->state = GUEST_STATE_CLOSED;
    net_timer_free(guest->timer);
    scram_free(guest->scram);
    guest->timer = NULL;
    guest->scram = NULL;
    net_conn_close(guest->conn, says_all);
    guest->conn = NULL;
    if (!guest->has_job)
        net_loop_defer(guest->house->loop, guest_free, guest);
}

void guest_close(struct guest *guest)
{
    close_guest(guest, true);
}

void guest_drop(struct guest *guest)
{
    close_guest(guest, false);
}

void guest_end(struct guest *guest, const char *sqlstate, const char *message, const char *hint)
{
    if (guest->state == GUEST_STATE_CLOSED)
        return;
    answer_add_error(guest_output(guest), "FATAL", sqlstate, message, hint);
    guest_flush(guest);
    guest_close(guest);
}

bool guest_job_done(struct guest *guest)
{
    guest->has_job = false;
    if (guest->state != GUEST_STATE_CLOSED)
        return true;
    guest_free(guest);
    return false;
}
