/* Reading JSON that a person wrote: nodes that know where they stand, objects checked against a table of
 * the members they may have, secrets, and paths. Once an object has passed node_check, its members have
 * the types that its table says and may be taken without looking. */
#ifndef CONFIG_READ_H
#define CONFIG_READ_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fault.h"

struct json_t;

/* One file being read. */
struct reading {
    const char *file;
    struct view text;
    struct arena *arena; /* of everything that is handed out */
    struct fault *fault;
};

enum { NODE_DEPTH = 6 };

/* A value and the keys that lead to it. `value` NULL: not there. */
struct node {
    const struct reading *reading;
    struct json_t *value;
    const char *keys[NODE_DEPTH + 1]; /* NULL-terminated */
    unsigned depth;
};

enum member_type {
    MEMBER_TYPE_TEXT,
    MEMBER_TYPE_NUMBER,
    MEMBER_TYPE_OBJECT,
    MEMBER_TYPE_TEXTS,  /* a list of texts */
    MEMBER_TYPE_SECRET, /* a text, {"file": path} or {"env": name} */
};

struct member {
    const char *name; /* NULL ends the table */
    enum member_type type;
    bool is_required;
    int64_t least, most; /* of a number */
};

/* The whole of a file, at most `limit` bytes, in the arena. False: *why says why, as the end of a sentence. */
bool read_whole(const char *path, size_t limit, struct arena *arena, struct view *text, const char **why);

/* Parses the reading's text; members twice in one object are an error. *root is freed by node_free. */
bool node_read(const struct reading *reading, struct node *root);
void node_free(struct node *root);

/* Sets the fault "file:line:column: key: …" for this node; returns false. */
bool node_fault(const struct node *node, const char *message, ...) __attribute__((format(printf, 2, 3)));

bool node_check(const struct node *node, const struct member *members);
bool node_is_there(const struct node *node);
struct node node_member(const struct node *node, const char *name);
size_t node_count(const struct node *node);                 /* of an object's or list's children */
struct node node_at(const struct node *node, size_t index); /* in the order of the file */
const char *node_name(const struct node *node);             /* its last key */
const char *node_text(const struct node *node);             /* in the arena; NULL: not there */
int64_t node_number(const struct node *node, int64_t otherwise);
const char *const *node_texts(const struct node *node); /* NULL-terminated */

/* Looks a secret up where `is_wanted`; *value stays NULL where not wanted or not there. */
bool node_secret(const struct node *node, bool is_wanted, const char **value);
bool node_is_plain(const struct node *node); /* a secret that stands in the file itself */

/* A path as a person wrote it, relative to the file that holds it. */
const char *path_beside(const struct reading *reading, const char *path);

#endif
