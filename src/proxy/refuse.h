/* Refusing a message for what it is: a name that is not the agent's to use, memory it may not take, something
 * that doesn't exist. Functions that begin with refuse_ and return bool have refused when they say true. */
#ifndef REFUSE_H
#define REFUSE_H

#include "session_state.h"

#define REFUSE_TOO_MUCH_KEPT "this session keeps too many prepared statements and values"
#define REFUSE_CLOSE_SOME    "Close those that are not needed any more."

/* Appends an ErrorResponse, and puts on the record what it says. Returns the record's number. */
uint64_t refuse_words(struct session *session, const char *what, const char *rule, const char *reason, const char *hint,
                      struct bytes *words);
/* The server's own words for a name that doesn't exist. */
void refuse_missing_words(struct bytes *words, const char *sqlstate, const char *what, struct view name);
void refuse_verdict_words(const struct prepared *prepared, uint64_t record, struct bytes *words);

/* The server cuts names off at 63 bytes, so a longer one could mean another; and some are ours. */
bool refuse_bad_name(struct session *session, char type, struct view name);

/* What names keep alive is capped, so that nobody fills the process with statements. */
bool refuse_is_over(const struct session *session, size_t more);
bool refuse_over_account(struct session *session, char type, size_t more, struct view name);

#endif
