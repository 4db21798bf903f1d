/* The conversation with an approver who is logged in: the simple protocol, and of the extended one what
 * drivers need to run a command without parameters. One command at a time runs, in the thread pool; until
 * it is back nothing more is read. */
#ifndef CONSOLE_DIALOGUE_H
#define CONSOLE_DIALOGUE_H

#include "guest.h"

void dialogue_start(struct guest *guest);

#endif
