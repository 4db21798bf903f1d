/* What the walk knows of each kind of node: one row per NodeTag. A kind without a row is not understood, and
 * its statement is refused. */
#ifndef PARSER_NODES_H
#define PARSER_NODES_H

#include "frame.h"

enum { NODE_CHILDREN = 14 };

/* The object that a utility statement is about, where a field names it: which field, and how. */
enum naming {
    NAMING_NONE,
    NAMING_TEXT,     /* char *: a role, database, schema … */
    NAMING_LIST,     /* a list of strings: a type, collation … */
    NAMING_FUNCTION, /* a list of strings that names a function */
    NAMING_ROUTINE,  /* ObjectWithArgs, a function */
    NAMING_OPERATOR, /* ObjectWithArgs, an operator */
};

typedef void node_visit(struct walk *w, struct frame *in, const struct Node *node);

struct node_row {
    const char *name;
    enum operation operation; /* of a statement; else OPERATION_UNKNOWN */
    bool is_from_item;        /* row locks of the query level pass through it */
    enum naming naming;
    uint16_t named;                   /* offset of the naming field */
    node_visit *visit;                /* what it says, and children whose surroundings differ; or NULL */
    uint16_t children[NODE_CHILDREN]; /* offsets of the fields to walk; 0 ends them */
};

/* NULL: no row. */
const struct node_row *node_row(int tag);

/* The rows of the statements, which node_row falls back on. */
const struct node_row *statement_row(int tag);

#endif
