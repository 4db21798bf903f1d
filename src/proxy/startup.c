#include "startup.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

static void refuse(struct request *request, const char *sqlstate, const char *why)
{
    if (request->refusal != NULL)
        return;
    request->sqlstate = sqlstate;
    request->refusal = why;
}

static void add_setting(struct request *request, struct arena *arena, struct view name, struct view value)
{
    enum { MOST = 64 };
    if (request->setting_count == MOST) {
        refuse(request, "54000", "too many settings in the start-up packet");
        return;
    }
    char *copy = arena_copy(arena, name);
    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)tolower((unsigned char)*c);
    request->settings[request->setting_count++] = (struct upstream_setting){copy, arena_copy(arena, value)};
}

/* The next word of `options`: split at blanks, a backslash takes the next character as it is (postinit.c,
 * pg_split_opts). False at the end. */
static bool next_word(struct reader *options, struct arena *arena, struct view *word)
{
    while (reader_left(options) > 0 && isspace((unsigned char)*options->at))
        options->at++;
    if (reader_left(options) == 0)
        return false;
    char *copy = arena_alloc(arena, reader_left(options) + 1);
    size_t len = 0;
    while (reader_left(options) > 0 && !isspace((unsigned char)*options->at)) {
        if (*options->at == '\\' && reader_left(options) > 1)
            options->at++;
        copy[len++] = *options->at++;
    }
    *word = (struct view){copy, len};
    return true;
}

static void add_assignment(struct request *request, struct arena *arena, struct view text)
{
    const char *equals = text.len > 0 ? memchr(text.data, '=', text.len) : NULL;
    if (equals == NULL || equals == text.data) {
        refuse(request, "42601", "an option in the start-up packet is not of the form -c name=value");
        return;
    }
    size_t name_len = (size_t)(equals - text.data);
    add_setting(request, arena, (struct view){text.data, name_len}, (struct view){equals + 1, text.len - name_len - 1});
}

/* options: "-c name=value", "-cname=value", "--name=value" (postgres reference page). Others change how the
 * server runs, and are refused. */
static void read_options(struct request *request, struct arena *arena, struct view value)
{
    struct reader options = reader_of(value);
    struct view word;
    while (request->refusal == NULL && next_word(&options, arena, &word)) {
        if (view_starts(word, "--"))
            add_assignment(request, arena, (struct view){word.data + 2, word.len - 2});
        else if (view_is(word, "-c") && next_word(&options, arena, &word))
            add_assignment(request, arena, word);
        else if (view_starts(word, "-c") && word.len > 2)
            add_assignment(request, arena, (struct view){word.data + 2, word.len - 2});
        else
            refuse(request, "42601", "an option in the start-up packet is not of the form -c name=value");
    }
}

static bool is_duplicate(const struct startup *startup, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (text_same_folded(startup->parameters[i].name, startup->parameters[at].name))
            return true;
    return false;
}

static void read_parameter(struct request *request, struct arena *arena, const struct startup_parameter *p)
{
    if (view_is(p->name, "user"))
        request->user = p->value;
    else if (view_is(p->name, "database"))
        request->database = p->value;
    else if (view_is(p->name, "application_name"))
        request->application = p->value;
    else if (view_is(p->name, "options"))
        read_options(request, arena, p->value);
    else if (view_is(p->name, "replication"))
        refuse(request, "0A000", "replication connections are not for agents");
    else if (view_starts(p->name, "_pq_."))
        request->unknown_options[request->unknown_count++] = p->name;
    else
        add_setting(request, arena, p->name, p->value);
}

/* The packet to the database is built from nothing, so only what is understood here goes on. */
void startup_read(const struct startup *startup, struct arena *arena, struct request *request)
{
    *request = (struct request){0};
    request->settings = arena_alloc(arena, 64 * sizeof *request->settings);
    request->unknown_options = arena_alloc(arena, startup->parameter_count * sizeof *request->unknown_options);
    for (size_t i = 0; i < startup->parameter_count && request->refusal == NULL; i++) {
        const struct startup_parameter *p = &startup->parameters[i];
        if (text_utf8_valid(p->value) != p->value.len || text_utf8_valid(p->name) != p->name.len)
            refuse(request, "22021", "the start-up packet is not UTF-8");
        else if (is_duplicate(startup, i))
            refuse(request, "08P01", "a key stands twice in the start-up packet");
        else
            read_parameter(request, arena, p);
    }
    if (request->user.len == 0)
        refuse(request, "28000", "no user name in the start-up packet");
}

const char *startup_check(const struct request *request, const struct rules *rules, struct arena *arena)
{
    for (size_t i = 0; i < request->setting_count; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(request->settings[i].name, request->settings[k].name) == 0)
                return "a setting stands twice in the start-up packet";
        struct view value = view_of(request->settings[i].value);
        const char *refusal = rules_setting(rules, view_of(request->settings[i].name), &value, 1, arena);
        if (refusal != NULL)
            return refusal;
    }
    return NULL;
}
