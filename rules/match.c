#include "match.h"

#include "base/text.h"
#include "catalogs.h"

/* As text_glob, where no NUL ends the text: '*' is any run. On a mismatch the last '*' takes one byte more. */
static bool match_view(const char *glob, struct view text)
{
    const char *star = NULL;
    size_t at = 0, retry = 0;
    while (at < text.len) {
        if (*glob == '*') {
            star = glob++;
            retry = at;
        } else if (*glob == text.data[at] && *glob != '\0') {
            glob++;
            at++;
        } else if (star != NULL) {
            glob = star + 1;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

bool match_text(const struct names *globs, const char *text)
{
    for (size_t i = 0; i < globs->count; i++)
        if (text != NULL && text_glob(globs->at[i], text))
            return true;
    return globs->count == 0;
}

bool match_names(const struct names *names, struct view name)
{
    for (size_t i = 0; i < names->count; i++)
        if (view_is(name, names->at[i]))
            return true;
    return false;
}

/* The schema is not written: what the search path could make of it. */
static enum match match_by_path(const struct rules *rules, const struct pattern *pattern)
{
    size_t matching = 0;
    for (size_t i = 0; i < rules->search_path.count; i++)
        matching += text_glob(pattern->schema, rules->search_path.at[i]);
    return matching == 0 ? MATCH_NO : matching == rules->search_path.count ? MATCH_YES : MATCH_MAYBE;
}

static enum match match_pattern(const struct rules *rules, const struct pattern *pattern, const struct touch *touch)
{
    if (match_view(pattern->name, touch->name)) {
        if (pattern->schema == NULL)
            return MATCH_YES;
        if (touch->schema.len == 0 && catalogs_has(touch->name))
            return text_glob(pattern->schema, "pg_catalog") ? MATCH_YES : MATCH_NO;
        if (touch->schema.len == 0)
            return match_by_path(rules, pattern);
        if (match_view(pattern->schema, touch->schema))
            return MATCH_YES;
    }
    /* DROP SCHEMA vault concerns all that "vault.*" stands for. */
    bool is_schema = touch->kind == OBJECT_KIND_OTHER && pattern->schema != NULL;
    return is_schema && match_view(pattern->schema, touch->name) ? MATCH_MAYBE : MATCH_NO;
}

enum match match_touch(const struct rules *rules, const struct patterns *patterns, const struct touch *touch)
{
    enum match best = MATCH_NO;
    if (touch->kind == OBJECT_KIND_NONE || touch->name.len == 0)
        return MATCH_NO;
    for (size_t i = 0; i < patterns->count; i++) {
        enum match match = match_pattern(rules, &patterns->at[i], touch);
        if (match > best)
            best = match;
    }
    return best;
}

bool match_function(const struct rules *rules, struct view schema, struct view name, bool exactly)
{
    for (size_t i = 0; i < rules->functions.count; i++) {
        const struct pattern *pattern = &rules->functions.at[i];
        if (exactly ? !view_is(name, pattern->name) : !match_view(pattern->name, name))
            continue;
        if (schema.len == 0 && match_by_path(rules, pattern) == MATCH_YES)
            return true;
        if (schema.len > 0 && (exactly ? view_is(schema, pattern->schema) : match_view(pattern->schema, schema)))
            return true;
    }
    return false;
}
