/* Plays the dialogues in tests/wire: whole conversations between an agent, a session and a server, in
 * memory. Messages are written as in proxy_talk.h, what may be anything as `…`. Each line is one of
 *
 *   agent> MESSAGE        the agent sends this        agent< MESSAGE     and has been sent this
 *   server> MESSAGE       the server sends this       server< MESSAGE    and has been sent this
 *   describe< "SQL" OID…  the catalog was asked       described> types OID… columns NAME:OID… | error CODE "…"
 *   park< …               Redis was asked             ticket> STATE ID WORD…
 *   delivered< ID         Redis was told              record< …          one of the new records holds this
 *   audit off | on        records are refused         policy JSON        the rules are replaced
 *   agent< part           and a message that was broken off: its length says more
 *   end BROKEN | LEFT     how the session ended       # a comment
 *
 * Lines of one sender that follow each other arrive together. Each dialogue is played several times, with
 * what both sides send cut into pieces of different sizes, down to single bytes: its transcript must be the
 * same. Whatever comes out has to be in the dialogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <libgen.h>

#include "proxy_talk.h"
#include "session.h"

static const char POLICY[] =
    "{\"name\":\"talk\",\"mode\":\"enforce\",\"database\":{\"allowed_operations\":[\"SELECT\"],"
    "\"denied_operations\":[\"DROP\",\"DELETE\",\"TRUNCATE\",\"ALTER\"],"
    "\"requires_approval_for\":[\"UPDATE\",\"INSERT\"]},\"rules\":[{\"id\":\"scratch\",\"operations\":[\"INSERT\","
    "\"UPDATE\",\"DELETE\",\"COPY\"],\"relations\":[\"scratch.*\"],\"verdict\":\"allow\"}]}";

struct lines {
    struct bytes text; /* each ends with a line feed */
    size_t at;         /* of the first that nobody has asked for */
};

enum side { SIDE_AGENT, SIDE_SERVER };

struct stage {
    const char *path;
    int line;
    size_t piece; /* so many bytes arrive at once */
    bool failed, is_audit_off;
    uint64_t records;
    unsigned generation;
    struct rules *rules[8];
    struct session_desk *desk;
    struct session *session;
    struct bytes sent[2];   /* to each side, from its first message that nobody has asked for */
    struct bytes unread[2]; /* from each side, what the session hasn't taken */
    struct lines record, describe, park, delivered;
};

static const struct talk_shape *const shapes[] = {talk_agent, talk_server};

static void mismatch(struct stage *stage, const char *what, const char *expected, const char *got)
{
    if (stage->failed)
        return;
    stage->failed = true;
    print_error("%s:%d: pieces of %zu: %s\n  expected: %s\n  got:      %s\n", stage->path, stage->line, stage->piece,
                what, expected, got);
}

/* ---- the port ------------------------------------------------------------------------------------------- */

static void to_agent(void *arg, struct view v)
{
    bytes_add_view(&((struct stage *)arg)->sent[SIDE_AGENT], v);
}

static void to_server(void *arg, struct view v)
{
    bytes_add_view(&((struct stage *)arg)->sent[SIDE_SERVER], v);
}

static uint64_t record(void *arg, struct view body)
{
    struct stage *stage = arg;
    if (stage->is_audit_off)
        return 0;
    bytes_add_view(&stage->record.text, body);
    bytes_add_char(&stage->record.text, '\n');
    return ++stage->records;
}

static bool can_record(void *arg)
{
    return !((struct stage *)arg)->is_audit_off;
}

static int64_t now(void *arg)
{
    return 0;
}

static void describe(void *arg, const struct describe_request *request)
{
    struct bytes *to = &((struct stage *)arg)->describe.text;
    talk_add_quoted(to, request->sql);
    for (uint16_t i = 0; i < request->type_count; i++)
        bytes_add_format(to, " %u", request->types[i]);
    bytes_add_format(to, " in %s\n", request->search_path);
}

static void park(void *arg, const struct ticket_content *content, const struct ticket_context *context)
{
    struct bytes *to = &((struct stage *)arg)->park.text;
    for (size_t i = 0; i < content->statement_count; i++) {
        talk_add_quoted(to, content->statements[i].sql);
        for (uint16_t k = 0; k < content->statements[i].type_count; k++)
            bytes_add_format(to, " %u", content->statements[i].types[k]);
        bytes_add_char(to, ' ');
    }
    for (size_t i = 0; i < content->run_count; i++) {
        bytes_add_format(to, "run %u", content->runs[i].statement);
        for (uint16_t k = 0; k < content->runs[i].value_count; k++)
            talk_add_value(to, content->runs[i].values[k].is_null ? (struct view){0} : content->runs[i].values[k].data,
                           content->runs[i].values[k].format == 1);
        bytes_add_char(to, ' ');
    }
    bytes_add_text(to, "with");
    for (size_t i = 0; i < content->setting_count; i++)
        bytes_add_format(to, " %s=%s", content->settings[i].name, content->settings[i].value);
    bytes_add_format(to, " rule %s\n", context->rule);
}

static void delivered(void *arg, const char *ticket)
{
    bytes_add_format(&((struct stage *)arg)->delivered.text, "%s\n", ticket);
}

static const struct session_port port = {to_agent, to_server, record, can_record, now, describe, park, delivered};

/* ---- what arrives --------------------------------------------------------------------------------------- */

/* A copy of its exact size, so that a sanitizer sees the first byte read too far. */
static void take(struct stage *stage, enum side side)
{
    struct bytes *unread = &stage->unread[side];
    char *copy = check_alloc(unread->len + 1);
    char *exact = copy + 1;
    if (unread->len > 0)
        memcpy(exact, unread->data, unread->len);
    struct view in = {exact, unread->len};
    size_t used = side == SIDE_AGENT ? session_take_agent(stage->session, in) : session_take_server(stage->session, in);
    session_flush(stage->session);
    free(copy);
    bytes_drop(unread, used);
}

static void take_unread(struct stage *stage)
{
    if (stage->unread[SIDE_AGENT].len > 0)
        take(stage, SIDE_AGENT);
}

static void arrive(struct stage *stage, enum side side, struct view bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        size_t len = stage->piece < bytes.len - at ? stage->piece : bytes.len - at;
        bytes_add(&stage->unread[side], bytes.data + at, len);
        at += len;
        take(stage, side);
        if (side == SIDE_SERVER)
            take_unread(stage);
    }
}

static void arrive_described(struct stage *stage, const char *line)
{
    struct talk_word word = {0};
    struct arena arena = {0};
    struct bytes body = {0};
    struct described described = {.ok = true};
    uint32_t types[16];
    CHECK(talk_next(&line, &word));
    if (talk_is(&word, "error")) {
        char code[6];
        CHECK(talk_next(&line, &word));
        snprintf(code, sizeof code, "%s", bytes_text(&word.text));
        CHECK(talk_next(&line, &word));
        described = (struct described){.error = {"ERROR", code, bytes_text(&word.text), NULL, NULL, 0}};
        session_described(stage->session, &described);
    } else {
        while (talk_next(&line, &word) && !talk_is(&word, "columns"))
            types[described.type_count++] = talk_number(&word);
        struct message_column *columns;
        talk_put_columns(&line, &body);
        CHECK(message_read_columns(bytes_view(&body), &arena, &columns, &described.column_count));
        described.types = types;
        described.columns = columns;
        session_described(stage->session, &described);
    }
    bytes_fini(&word.text);
    bytes_fini(&body);
    arena_fini(&arena);
    session_flush(stage->session);
    take_unread(stage);
}

static enum ticket_state state_named(const char *name)
{
    for (enum ticket_state state = TICKET_STATE_PARKED; state <= TICKET_STATE_UNKNOWN; state++)
        if (strcmp(ticket_state_name(state), name) == 0)
            return state;
    CHECK(!"a ticket's state");
    return TICKET_STATE_UNKNOWN;
}

struct script {
    struct arena arena;
    struct ticket_result results[8];
    struct ticket_column columns[8][8];
};

static const char *script_word(struct script *script, const char **line)
{
    struct talk_word word = {0};
    const char *text = talk_next(line, &word) ? arena_copy(&script->arena, bytes_view(&word.text)) : NULL;
    bytes_fini(&word.text);
    return text;
}

/* new | by "WHO" | words "…" | error CODE "…" | result "TAG" | column NAME TYPE | rows "JSON" | dropped */
static void read_ticket_word(struct script *script, const char *key, const char **line, struct ticket_answer *answer)
{
    size_t at = answer->result_count - (answer->result_count > 0);
    struct ticket_result *result = &script->results[at];
    if (strcmp(key, "new") == 0) {
        answer->is_new = true;
    } else if (strcmp(key, "by") == 0) {
        answer->approver = script_word(script, line);
    } else if (strcmp(key, "words") == 0) {
        answer->words = script_word(script, line);
    } else if (strcmp(key, "error") == 0) {
        answer->error.sqlstate = script_word(script, line);
        answer->error.message = script_word(script, line);
    } else if (strcmp(key, "result") == 0) {
        at = answer->result_count++;
        script->results[at] = (struct ticket_result){.tag = script_word(script, line), .columns = script->columns[at]};
    } else if (strcmp(key, "column") == 0) {
        struct ticket_column *column = &script->columns[at][result->column_count++];
        column->name = script_word(script, line);
        column->type = script_word(script, line);
    } else if (strcmp(key, "rows") == 0) {
        result->rows = script_word(script, line);
    } else {
        CHECK(strcmp(key, "dropped") == 0);
        result->dropped = true;
    }
}

static void arrive_ticket(struct stage *stage, const char *line)
{
    struct script script = {0};
    struct ticket_answer answer = {.ok = true, .expires = "2026-11-24T00:00:00.000000Z", .results = script.results};
    const char *key = script_word(&script, &line);
    if (strcmp(key, "unreachable") == 0) {
        answer.ok = false;
    } else {
        answer.state = state_named(key);
        snprintf(answer.id, sizeof answer.id, "%s", script_word(&script, &line));
    }
    while ((key = script_word(&script, &line)) != NULL)
        read_ticket_word(&script, key, &line, &answer);
    session_answered(stage->session, &answer);
    arena_fini(&script.arena); /* it lived until then */
    session_flush(stage->session);
    take_unread(stage);
}

/* ---- what was sent -------------------------------------------------------------------------------------- */

static void expect_message(struct stage *stage, enum side side, const char *pattern)
{
    struct bytes line = {0};
    size_t size = talk_write(shapes[!side], bytes_view(&stage->sent[side]), &line);
    if (size == 0 && stage->sent[side].len > 0 && strcmp(pattern, "part") == 0)
        size = stage->sent[side].len;
    else if (size == 0)
        mismatch(stage, side == SIDE_AGENT ? "the agent's next message" : "the server's next message", pattern,
                 "nothing");
    else if (!talk_matches(pattern, bytes_text(&line)))
        mismatch(stage, "another message", pattern, bytes_text(&line));
    bytes_drop(&stage->sent[side], size);
    bytes_fini(&line);
}

static char *next_line(struct lines *lines)
{
    if (lines->at >= lines->text.len)
        return NULL;
    const char *start = bytes_text(&lines->text) + lines->at;
    size_t len = strcspn(start, "\n");
    lines->at += len + 1;
    return check_strndup(start, len);
}

static void expect_line(struct stage *stage, struct lines *lines, const char *pattern)
{
    char *line = next_line(lines);
    if (line == NULL || !talk_matches(pattern, line))
        mismatch(stage, "another request", pattern, line ? line : "nothing");
    free(line);
}

/* Records that nobody asks for are passed over: how many there are depends on how the bytes arrive. */
static void expect_record(struct stage *stage, const char *part)
{
    char *line;
    while ((line = next_line(&stage->record)) != NULL) {
        bool found = strstr(line, part) != NULL;
        free(line);
        if (found)
            return;
    }
    mismatch(stage, "a record", part, "none");
}

static void expect_nothing_more(struct stage *stage)
{
    struct bytes line = {0};
    for (enum side side = SIDE_AGENT; side <= SIDE_SERVER; side++) {
        if (stage->sent[side].len == 0)
            continue;
        if (talk_write(shapes[!side], bytes_view(&stage->sent[side]), &line) == 0)
            bytes_add_text(&line, "a part of a message");
        mismatch(stage, side == SIDE_AGENT ? "sent to the agent" : "sent to the server", "nothing", bytes_text(&line));
    }
    struct lines *lines[] = {&stage->describe, &stage->park, &stage->delivered};
    for (int i = 0; i < 3; i++) {
        char *request = next_line(lines[i]);
        if (request != NULL)
            mismatch(stage, "asked outside", "nothing", request);
        free(request);
    }
    bytes_fini(&line);
}

static void expect_state(struct stage *stage, const char *name)
{
    enum session_state state = session_state(stage->session);
    const char *is = state == SESSION_STATE_OPEN ? "OPEN" : state == SESSION_STATE_LEFT ? "LEFT" : "BROKEN";
    if (strcmp(name, is) != 0)
        mismatch(stage, session_why(stage->session), name, is);
}

/* ---- the play ------------------------------------------------------------------------------------------- */

static struct rules *read_rules(struct stage *stage, const char *text)
{
    struct fault fault = {0};
    struct rules *rules = rules_read("policy", view_of(text), &fault);
    if (rules == NULL) {
        fault_print(&fault, stderr);
        CHECK(!"a policy");
    }
    CHECK(stage->generation < sizeof stage->rules / sizeof *stage->rules);
    stage->rules[stage->generation++] = rules;
    return rules;
}

static void begin(struct stage *stage)
{
    static const struct proxy_setting settings[] = {{"work_mem", "4MB"}};
    stage->desk = session_desk_new();
    struct session_options options = {.desk = stage->desk,
                                      .id = "p1-1",
                                      .agent = "bot",
                                      .database = "app",
                                      .client = "192.0.2.1:5000",
                                      .write_role = "app_write",
                                      .application = "",
                                      .rules = read_rules(stage, POLICY),
                                      .generation = stage->generation,
                                      .settings = settings,
                                      .setting_count = 1};
    stage->session = session_new(&options, &port, stage);
}

static void end(struct stage *stage)
{
    session_free(stage->session);
    session_desk_free(stage->desk);
    for (unsigned i = 0; i < stage->generation; i++)
        rules_free(stage->rules[i]);
    for (enum side side = SIDE_AGENT; side <= SIDE_SERVER; side++) {
        bytes_fini(&stage->sent[side]);
        bytes_fini(&stage->unread[side]);
    }
    bytes_fini(&stage->record.text);
    bytes_fini(&stage->describe.text);
    bytes_fini(&stage->park.text);
    bytes_fini(&stage->delivered.text);
}

static void change_policy(struct stage *stage, const char *text)
{
    struct rules *rules = read_rules(stage, text);
    session_set_rules(stage->session, rules, stage->generation);
}

static const char *after(const char *line, const char *verb)
{
    size_t len = strlen(verb);
    return strncmp(line, verb, len) == 0 ? line + len + strspn(line + len, " ") : NULL;
}

static void play_other_line(struct stage *stage, const char *line)
{
    const char *rest;
    if ((rest = after(line, "agent<")))
        expect_message(stage, SIDE_AGENT, rest);
    else if ((rest = after(line, "server<")))
        expect_message(stage, SIDE_SERVER, rest);
    else if ((rest = after(line, "record<")))
        expect_record(stage, rest);
    else if ((rest = after(line, "describe<")))
        expect_line(stage, &stage->describe, rest);
    else if ((rest = after(line, "park<")))
        expect_line(stage, &stage->park, rest);
    else if ((rest = after(line, "delivered<")))
        expect_line(stage, &stage->delivered, rest);
    else if ((rest = after(line, "described>")))
        expect_nothing_more(stage), arrive_described(stage, rest);
    else if ((rest = after(line, "ticket>")))
        expect_nothing_more(stage), arrive_ticket(stage, rest);
    else if ((rest = after(line, "policy")))
        change_policy(stage, rest);
    else if ((rest = after(line, "audit")))
        stage->is_audit_off = strcmp(rest, "off") == 0;
    else if ((rest = after(line, "end")))
        expect_state(stage, rest);
    else
        mismatch(stage, "not a line of a dialogue", "", line);
}

static void play_lines(struct stage *stage, char **lines, int count)
{
    bool has_end = false;
    for (int i = 0; i < count && !stage->failed; i++) {
        const char *line = lines[i];
        stage->line = i + 1;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        enum side side = after(line, "server>") ? SIDE_SERVER : SIDE_AGENT;
        const char *verb = side == SIDE_AGENT ? "agent>" : "server>";
        has_end |= after(line, "end") != NULL;
        if (!after(line, verb)) {
            play_other_line(stage, line);
            continue;
        }
        struct bytes sent = {0};
        expect_nothing_more(stage);
        for (; i < count && after(lines[i], verb); i++)
            if (!talk_read(shapes[side], after(lines[i], verb), &sent))
                mismatch(stage, "no such message", "", lines[i]);
        i--;
        arrive(stage, side, bytes_view(&sent));
        bytes_fini(&sent);
    }
    expect_nothing_more(stage);
    if (!has_end)
        expect_state(stage, "OPEN");
}

static bool play(const char *path, char **lines, int count, size_t piece)
{
    char *copy = check_strdup(path);
    struct stage stage = {.path = basename(copy), .piece = piece};
    begin(&stage);
    play_lines(&stage, lines, count);
    end(&stage);
    free(copy);
    return !stage.failed;
}

static struct bytes read_file(const char *path)
{
    struct bytes text = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len;
    do {
        len = fread(bytes_room(&text, 4096), 1, 4096, file);
        text.len += len;
    } while (len > 0);
    fclose(file);
    return text;
}

enum { LINES_MOST = 2000 };

static int split(char *text, char **lines)
{
    int count = 0;
    for (char *at = text; at != NULL && count < LINES_MOST; count++)
        lines[count] = strsep(&at, "\n");
    return count;
}

static void every_dialogue_goes_as_written(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 7, 64};
    static char *lines[LINES_MOST];
    glob_t files;
    int failed = 0;
    assert_int_equal(glob(SOURCE_DIR "/tests/wire/*.txt", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct bytes text = read_file(files.gl_pathv[i]);
        bytes_text(&text);
        int count = split(text.data, lines);
        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
            if (!play(files.gl_pathv[i], lines, count, pieces[k])) {
                failed++;
                break;
            }
        bytes_fini(&text);
    }
    print_message("%zu dialogues\n", files.gl_pathc);
    assert_true(files.gl_pathc > 20);
    globfree(&files);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_dialogue_goes_as_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
