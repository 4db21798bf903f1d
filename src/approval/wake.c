#include "wake.h"

#include <hiredis/hiredis.h>
#include <poll.h>

static void listen_again(struct wake *wake)
{
    struct fault ignored; /* the claims, over their own connection, say what is wrong with Redis */
    struct bytes command = {0};
    call_write_head(2, &command);
    call_write_part(view_of("SUBSCRIBE"), &command);
    call_write_part(view_of(CHANNEL_WAKE), &command);
    redisReply *reply = dial_command(&wake->dial, bytes_view(&command), &ignored);
    wake->is_listening = reply != NULL;
    if (reply != NULL)
        freeReplyObject(reply);
    bytes_fini(&command);
}

/* What the messages say doesn't matter. */
static void drain(struct wake *wake)
{
    void *reply = NULL;
    bool good = redisBufferRead(wake->dial.context) == REDIS_OK;
    while (good && (good = redisGetReplyFromReader(wake->dial.context, &reply) == REDIS_OK) && reply != NULL)
        freeReplyObject(reply);
    if (!good) {
        dial_drop(&wake->dial);
        wake->is_listening = false;
    }
}

void wake_wait(struct wake *wake, int stop, unsigned milliseconds)
{
    if (!wake->is_listening)
        listen_again(wake);
    struct pollfd fds[] = {{.fd = stop, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (wake->is_listening)
        fds[1].fd = wake->dial.context->fd;
    if (poll(fds, 2, (int)milliseconds) > 0 && fds[1].revents != 0)
        drain(wake);
}
