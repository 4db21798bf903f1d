/* From a text to what a session keeps of it: parse, judge, and what the records will say. */
#ifndef JUDGE_H
#define JUDGE_H

#include "session_state.h"

/* Judges one message's text. The facts live in the session's statement arena (facts->count 0 where it was
 * not parsed); *sql is what to send: the text, or it with comments blanked. The result is held once. */
struct prepared *judge_text(struct session *session, struct view text, struct facts *facts, struct view *sql);

/* As a reload may have changed the rules: judges a prepared statement again when it has to be. */
void judge_again(struct session *session, struct prepared *prepared);

/* Counts what it costs to keep against the session's account; again whenever that has grown. */
void judge_charge(struct prepared *prepared);

/* A verdict of the session's own, over what the rules said. Strings are copied. */
void judge_overrule(struct session *session, struct prepared *prepared, const char *rule, const char *reason,
                    const char *hint);

void judge_words(const struct prepared *prepared, struct judgement *judgement);

#endif
