/* A judgement in the making: shared by the parts of the judge (judge.c, touches.c, calls.c). */
#ifndef RULES_JUDGING_H
#define RULES_JUDGING_H

#include "policy.h"

struct judging {
    const struct rules *rules;
    const struct asker *asker;
    const struct statement *statement;
    struct arena *arena;
    struct judgement *judgement;
    bool is_settled; /* something was said already */
    bool is_firm;    /* the verdict stands in mode observe too: without it the text can't be judged, or the
                        session no longer be trusted */
};

/* The strictest verdict stays; of equal ones the first, except that a firm one replaces one that isn't. */
void judging_settle(struct judging *judging, enum verdict verdict, const char *rule, const char *reason,
                    const char *hint, int position);
void judging_refuse_firmly(struct judging *judging, const char *rule, const char *reason, const char *hint,
                           int position);

/* A text in the statement's arena. */
const char *judging_say(const struct judging *judging, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "schema.name" or "name", with nothing invisible in it. */
const char *judging_name(const struct judging *judging, struct view schema, struct view name);

#endif
