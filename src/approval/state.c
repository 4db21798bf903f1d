#include "state.h"

#include <string.h>

#include "base/check.h"

static const char *const names[] = {
    [TICKET_STATE_PARKED] = "parked",       [TICKET_STATE_APPROVED] = "approved",
    [TICKET_STATE_EXECUTING] = "executing", [TICKET_STATE_EXECUTED] = "executed",
    [TICKET_STATE_FAILED] = "failed",       [TICKET_STATE_REJECTED] = "rejected",
    [TICKET_STATE_EXPIRED] = "expired",     [TICKET_STATE_CANCELLED] = "cancelled",
    [TICKET_STATE_UNKNOWN] = "unknown",
};

enum { STATES = sizeof names / sizeof *names, DIGITS_MAX = 15 };

const char *ticket_state_name(enum ticket_state state)
{
    CHECK((size_t)state < STATES);
    return names[state];
}

bool state_of_name(struct view name, enum ticket_state *state)
{
    for (size_t i = 0; i < STATES; i++) {
        if (view_is(name, names[i])) {
            *state = (enum ticket_state)i;
            return true;
        }
    }
    return false;
}

/* Leading zeros would make two names for one ticket. */
struct view ticket_number(const char *id)
{
    struct view number = view_of(id);
    if (number.len < 2 || number.len > DIGITS_MAX + 1 || (id[0] != 't' && id[0] != 'T') || id[1] == '0')
        return (struct view){0};
    number = (struct view){id + 1, number.len - 1};
    return strspn(number.data, "0123456789") == number.len ? number : (struct view){0};
}
