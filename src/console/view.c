#include "view.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "value.h"

enum { STATEMENT_SHORT = 80, RUNS_MOST = 1000 };

/* Runs of white space as one blank, so that nothing is pushed out of sight; cut at a whole character. */
static void add_one_line(struct bytes *to, struct view text, size_t most)
{
    size_t shown = 0;
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_space = strchr(" \t\r\n\f\v", text.data[i]) != NULL && text.data[i] != '\0';
        bool is_start = (text.data[i] & 0xc0) != 0x80;
        if (is_space) {
            blank = shown > 0;
            continue;
        }
        if (is_start && shown + blank >= most) {
            bytes_add_text(to, "…");
            return;
        }
        if (blank)
            bytes_add_char(to, ' ');
        shown += is_start + blank;
        blank = false;
        bytes_add_char(to, text.data[i]);
    }
}

struct view view_statement(struct answer *answer, const struct queue_ticket *ticket)
{
    struct bytes line = {0};
    add_one_line(&line, view_of(ticket->sql), STATEMENT_SHORT);
    if (ticket->statement_count > 1)
        bytes_add_format(&line, " (and %zu more)", ticket->statement_count - 1);
    else if (ticket->run_count > 1)
        bytes_add_format(&line, " (%zu times)", ticket->run_count);
    struct view seen = answer_visible(answer, bytes_view(&line), false);
    bytes_fini(&line);
    return seen;
}

struct view view_state(struct answer *answer, const struct queue_ticket *ticket)
{
    char text[64];
    const char *name = ticket_state_name(ticket->state);
    if (ticket->state != TICKET_STATE_PARKED || ticket->approvals_wanted < 2)
        return answer_text(answer, name);
    snprintf(text, sizeof text, "%s, %u of %u", name, ticket->approvals, ticket->approvals_wanted);
    return answer_text(answer, text);
}

struct view view_minute(struct answer *answer, const char *time)
{
    enum { MINUTES = 16 /* "2026-11-23T17:49" */ };
    char text[MINUTES + 1];
    if (time == NULL || strlen(time) < MINUTES || time[10] != 'T')
        return answer_text(answer, time);
    memcpy(text, time, MINUTES);
    text[10] = ' ';
    text[MINUTES] = '\0';
    return answer_text(answer, text);
}

struct view view_list(struct answer *answer, const char *json)
{
    if (json == NULL)
        return (struct view){NULL, 0};
    json_t *list = json_loads(json, 0, NULL);
    struct bytes text = {0};
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        bytes_add_text(&text, i > 0 ? ", " : "");
        bytes_add_text(&text, json_is_string(item) ? json_string_value(item) : "?");
    }
    struct view seen = json_is_array(list) ? answer_visible(answer, bytes_view(&text), false)
                                           : answer_visible(answer, view_of(json), false);
    bytes_fini(&text);
    json_decref(list);
    return seen;
}

/* ---- item, value -------------------------------------------------------------------------------------- */

static void add_item(struct answer *answer, const char *item, struct view value)
{
    struct view *row = answer_row(answer);
    row[0] = answer_text(answer, item);
    row[1] = value;
}

static void add_text(struct answer *answer, const char *item, const char *text)
{
    if (text != NULL && text[0] != '\0')
        add_item(answer, item, answer_visible(answer, view_of(text), true));
}

static void add_statements(struct answer *answer, const struct ticket_content *content)
{
    for (size_t i = 0; i < content->statement_count; i++) {
        char item[64] = "statement";
        if (content->statement_count > 1)
            snprintf(item, sizeof item, "statement %zu of %zu", i + 1, content->statement_count);
        add_item(answer, item, answer_visible(answer, content->statements[i].sql, true));
    }
}

static bool is_simple(const struct ticket_content *content)
{
    return content->statement_count == 1 && content->run_count == 1;
}

static void add_parameter(struct answer *answer, const struct ticket_content *content, size_t run, size_t at)
{
    const struct ticket_run *values = &content->runs[run];
    const struct ticket_statement *statement = &content->statements[values->statement];
    uint32_t type = at < statement->type_count ? statement->types[at] : 0;
    struct bytes item = {0}, value = {0};
    if (!is_simple(content))
        bytes_add_format(&item, "run %zu, ", run + 1);
    bytes_add_format(&item, "parameter %zu (", at + 1);
    value_add_type(&item, type);
    bytes_add_char(&item, ')');
    value_add(&value, type, &values->values[at]);
    add_item(answer, bytes_text(&item), answer_visible(answer, bytes_view(&value), true));
    bytes_fini(&item);
    bytes_fini(&value);
}

/* Which statement it is, also where it has no parameters: the order of the runs is part of what is approved. */
static void add_run(struct answer *answer, const struct ticket_content *content, size_t run)
{
    char item[32], statement[32];
    snprintf(item, sizeof item, "run %zu", run + 1);
    snprintf(statement, sizeof statement, "statement %zu", (size_t)content->runs[run].statement + 1);
    if (!is_simple(content))
        add_text(answer, item, statement);
    for (size_t at = 0; at < content->runs[run].value_count; at++)
        add_parameter(answer, content, run, at);
}

/* Every run with every value, in the order in which they come. Where that is more than anyone reads, the rest is
 * said to be there: it would otherwise be approved unseen. */
static void add_runs(struct answer *answer, const struct ticket_content *content)
{
    char text[96];
    snprintf(text, sizeof text, "%zu", content->run_count);
    if (!is_simple(content))
        add_text(answer, "runs, in one transaction", text);
    for (size_t run = 0; run < content->run_count && run < RUNS_MOST; run++)
        add_run(answer, content, run);
    if (content->run_count <= RUNS_MOST)
        return;
    snprintf(text, sizeof text, "%zu more; approving this ticket approves them, too", content->run_count - RUNS_MOST);
    add_text(answer, "runs that are NOT SHOWN", text);
}

static void add_settings(struct answer *answer, const struct ticket_content *content)
{
    for (size_t i = 0; i < content->setting_count; i++) {
        struct bytes item = {0};
        bytes_add_format(&item, "setting %s", content->settings[i].name);
        struct view value = view_of(content->settings[i].value);
        add_item(answer, bytes_text(&item), answer_visible(answer, value, false));
        bytes_fini(&item);
    }
}

/* "1 of 2 (alice)"; nothing where one person decides. */
static void add_approvals(struct answer *answer, const struct queue_ticket *ticket)
{
    struct bytes text = {0};
    if (ticket->approvals_wanted < 2)
        return;
    bytes_add_format(&text, "%u of %u", ticket->approvals, ticket->approvals_wanted);
    if (ticket->approvals > 0 && ticket->approver != NULL)
        bytes_add_format(&text, " (%s)", ticket->approver);
    add_text(answer, "approvals", bytes_text(&text));
    bytes_fini(&text);
}

void view_ticket(struct answer *answer, const struct queue_ticket *ticket)
{
    const struct ticket_content *content = &ticket->content;
    char record[32];
    add_text(answer, "ticket", ticket->id);
    add_text(answer, "state", ticket_state_name(ticket->state));
    add_approvals(answer, ticket);
    add_text(answer, "agent", content->agent);
    add_text(answer, "database", content->database);
    add_text(answer, "runs as", content->role);
    add_statements(answer, content);
    add_runs(answer, content);
    add_item(answer, "operations", view_list(answer, ticket->operations));
    add_item(answer, "relations", view_list(answer, ticket->relations));
    add_text(answer, "preview", ticket->preview);
    add_text(answer, "executed before", ticket->previous);
    add_text(answer, "reason (agent's claim)", ticket->reason);
    add_text(answer, "application (agent's claim)", ticket->application);
    add_text(answer, "policy", ticket->policy);
    add_text(answer, "rule", ticket->rule);
    add_text(answer, "created", ticket->created);
    add_text(answer, "expires", ticket->expires);
    add_text(answer, "client", ticket->client);
    add_text(answer, "session", ticket->session);
    add_settings(answer, content);
    add_text(answer, "digest", ticket->digest);
    snprintf(record, sizeof record, "%llu", (unsigned long long)ticket->record);
    add_text(answer, "audit record", record);
    add_text(answer, "decided by", ticket->approver);
    add_text(answer, "decided", ticket->decided);
    add_text(answer, "words", ticket->words);
    add_text(answer, "outcome", ticket->outcome);
}
