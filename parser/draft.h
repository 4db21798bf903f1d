/* A draft: one statement's facts while the walk collects them. Arrays grow in the arena; draft_finish
 * hands them over. Knows nothing of libpg_query. */
#ifndef PARSER_DRAFT_H
#define PARSER_DRAFT_H

#include "parser/parser.h"

struct growing {
    void *items;
    size_t count, cap;
};

struct draft {
    struct arena *arena;
    struct statement statement;
    struct growing touches, calls, types, columns, settings;
    bool only_planned; /* inside EXPLAIN without ANALYZE */
    bool changes_all;  /* some UPDATE or DELETE in it has no WHERE */
};

struct object_name {
    struct view catalog, schema, name;
};

void draft_touch(struct draft *d, enum operation operation, enum object_kind kind, struct object_name name,
                 int position);
void draft_call(struct draft *d, struct call call);
void draft_type(struct draft *d, struct view schema, struct view name, int position);
void draft_column(struct draft *d, struct view table, struct view name, bool written);
void draft_setting(struct draft *d, struct setting_use setting);
void draft_flag(struct draft *d, unsigned flag);

/* Why it can't be parked; the first reason stands. `reason` is a constant. */
void draft_alone(struct draft *d, const char *reason);

/* Names a node kind or form that isn't understood; the first one stands. */
void draft_unknown(struct draft *d, const char *what, int number, int position);

/* The shape's hash: fed with tags, names and operators in the order of the walk. */
void draft_shape(struct draft *d, unsigned value);
void draft_shape_text(struct draft *d, struct view text);

void draft_finish(struct draft *d);

#endif
