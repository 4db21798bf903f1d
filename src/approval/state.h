/* Names of states and tickets, from text and back. Quiet. */
#ifndef APPROVAL_STATE_H
#define APPROVAL_STATE_H

#include "approval.h"

bool state_of_name(struct view name, enum ticket_state *state);

/* The number in "t42"; an empty view if that is no ticket's name. */
struct view ticket_number(const char *id);

#endif
