#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "record.h"

void request_fill_in_query(struct session *session)
{
    struct park *park = &session->park;
    const struct prepared *prepared = park->prepared;
    size_t count = prepared->statement_count;
    park->statements = arena_alloc(&park->arena, count * sizeof *park->statements);
    park->runs = arena_alloc(&park->arena, count * sizeof *park->runs);
    park->judged = &park->prepared; /* one text, judged as a whole */
    park->statement_count = park->run_count = count;
    for (uint32_t i = 0; i < count; i++) {
        park->statements[i].sql = prepared->texts[i];
        park->runs[i].statement = i;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ticket_setting *)a)->name, ((const struct ticket_setting *)b)->name);
}

static void fill_in_settings(struct session *session, struct ticket_content *content)
{
    /* In the order of enum park_setting; the isolation level is the ticket's own. */
    static const char *const names[] = {"DateStyle", "IntervalStyle", "TimeZone", "search_path"};
    enum { OWN = sizeof names / sizeof *names };
    struct park *park = &session->park;
    size_t pinned = session->options.setting_count;
    struct ticket_setting *settings = arena_alloc(&park->arena, (OWN + pinned) * sizeof *settings);
    for (size_t i = 0; i < OWN; i++)
        settings[i] = (struct ticket_setting){names[i], arena_copy(&park->arena, park->settings[i])};
    for (size_t i = 0; i < pinned; i++)
        settings[OWN + i] =
            (struct ticket_setting){session->options.settings[i].name, session->options.settings[i].value};
    qsort(settings, OWN + pinned, sizeof *settings, by_name);
    content->settings = settings;
    content->setting_count = OWN + pinned;
}

/* Every execution is on the record with its values before the ticket opens. A simple string is one. */
static bool record_runs(struct session *session)
{
    struct park *park = &session->park;
    size_t count = park->kind == PARK_KIND_QUERY ? 1 : park->run_count;
    for (size_t i = 0; i < count; i++) {
        const struct ticket_run *run = &park->runs[i];
        uint64_t record =
            record_statement(session, "statement", park->judged[run->statement], run->values, run->value_count);
        if (record == 0)
            return false;
        if (i == 0)
            park->record = record;
    }
    return true;
}

/* What the statements of a batch do, together: JSON lists of texts, each text once. */
static const char *merged(struct session *session, size_t member_offset)
{
    struct park *park = &session->park;
    size_t count = park->kind == PARK_KIND_QUERY ? 1 : park->statement_count;
    struct map seen = {0};
    struct bytes list = {0};
    for (size_t i = 0; i < count; i++) {
        const char *at = *(char *const *)(const void *)((const char *)park->judged[i] + member_offset);
        while ((at = strchr(at, '"')) != NULL) {
            const char *end = at + 1;
            while (*end != '"')
                end += *end == '\\' ? 2 : 1;
            struct view text = {at, (size_t)(end + 1 - at)};
            if (map_put(&seen, text, park) == NULL) {
                bytes_add_char(&list, list.len > 0 ? ',' : '[');
                bytes_add_view(&list, text);
            }
            at = end + 1;
        }
    }
    bytes_add_text(&list, list.len > 0 ? "]" : "[]");
    const char *kept = arena_copy(&park->arena, bytes_view(&list));
    bytes_fini(&list);
    map_fini(&seen);
    return kept;
}

bool request_send(struct session *session)
{
    struct park *park = &session->park;
    if (!record_runs(session))
        return false;
    struct ticket_content content = {
        .agent = session->options.agent,
        .database = session->options.database,
        .role = session->options.write_role ? session->options.write_role : "",
        .statements = park->statements,
        .statement_count = park->statement_count,
        .runs = park->runs,
        .run_count = park->run_count,
    };
    fill_in_settings(session, &content);
    struct rules_approval approval = rules_approval(session->options.rules);
    struct sha256 hash = rules_hash(session->options.rules);
    char policy_hash[2 * CRYPTO_SHA256_SIZE + 1];
    crypto_hex(hash.byte, sizeof hash.byte, policy_hash);
    struct ticket_context context = {
        .session = session->options.id,
        .client = session->options.client,
        .application = session->application,
        .reason = session->reason,
        .policy = rules_name(session->options.rules),
        .policy_hash = policy_hash,
        .rule = park->prepared->rule,
        .operations_json = merged(session, offsetof(struct prepared, operations)),
        .relations_json = merged(session, offsetof(struct prepared, relations)),
        .expires_seconds = approval.expires_seconds,
        .approvals = approval.approvals,
        .record = park->record,
    };
    session->port->park(session->arg, &content, &context);
    return true;
}
