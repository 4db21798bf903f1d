/* What an agent is told when it doesn't get what it asked for: ErrorResponse messages that a person, a
 * driver and a model can all read. MESSAGE is one sentence, DETAIL compact JSON, HINT what to do next. */
#ifndef WORDS_H
#define WORDS_H

#include "approval/approval.h"
#include "rules/rules.h"
#include "wire/wire.h"

/* sql: the text that judgement->position counts in; empty where there is none. */
void words_add_refusal(struct bytes *to, const struct judgement *judgement, struct view sql, uint64_t record);

/* Nothing runs that can't be put on the record first. */
extern const struct judgement words_unrecorded;

/* Every state but EXECUTED: SP001 parked, SP002 rejected, SP003 expired, SP004 unknown; FAILED is the
 * database's own error; and a ticket that could not be opened. */
void words_add_ticket(struct bytes *to, const struct ticket_answer *answer, const char *rule, const char *reason);

/* The text that stands in the place of a refused one: no SQL, so that the server must reject it, and words
 * that tell its DBA why. */
void words_add_stand_in(struct bytes *to, const char *rule, uint64_t record);

#endif
