/* Parking: a write waits outside the agent's session for a person. What the server's session sees of it is
 * an inert text under the statement's name and parameter types; what is asked of the queue is the exact
 * text with all its values. The steps are those of `enum hold` in session_state.h: each begins when the one
 * before has ended, and the agent's next message waits until the last is over.
 *
 *   simple query   BARRIER  SETTINGS  DESCRIBE  TICKET   -> refusal with the ticket, or its result
 *   Parse          BARRIER  SETTINGS  DESCRIBE           -> the inert text is parsed
 *   Execute        BARRIER  BATCH  SETTINGS  TICKET      -> refusal with the ticket, or its result
 *
 * (A string of several writes has no DESCRIBE: they may build on each other.) The barrier: a ticket must not
 * be opened for a statement that PostgreSQL would have skipped or refused. Behind it the server is silent until
 * we speak, so what names stand for can't change under the steps that follow. */
#ifndef PARK_H
#define PARK_H

#include "session_state.h"

/* Each takes over the reference to `prepared`. */
void park_query(struct session *session, struct prepared *prepared);
void park_parse(struct session *session, struct view name, struct prepared *prepared);
void park_execute(struct session *session, struct view portal_name, struct portal *portal, uint32_t max_rows);

/* `rest`: the agent's bytes behind this Execute. Its batch may have become whole, or wait for more. */
void park_look_ahead(struct session *session, struct view rest);
void park_quiet(struct session *session);                         /* nothing is owed any more */
void park_settings_row(struct session *session, struct view row); /* a DataRow's body */
void park_settings_done(struct session *session, bool failed);
void park_described(struct session *session, const struct described *described);
void park_answered(struct session *session, const struct ticket_answer *answer);
void park_fini(struct session *session);

/* Text under which a parked statement is known to the server: valid, inert, fails when it is executed. */
#define PARK_INERT "FETCH FROM \"sallyport: parked\""

#endif
