/* Sleeps until consoles say that there is something to do, until a descriptor becomes readable, or until the
 * time is up: whichever is first. The message only saves waiting; nothing is lost when it is. */
#ifndef APPROVAL_WAKE_H
#define APPROVAL_WAKE_H

#include "dial.h"

struct wake {
    struct dial dial;
    bool is_listening;
};

void wake_wait(struct wake *wake, int stop, unsigned milliseconds);

#endif
