/* Any bytes as one message. What is read must hold together: every statement a slice of the text, in order and
 * without overlap; every statement with a touch; what isn't understood marked as such; all names valid UTF-8
 * without a zero byte; and reading the text that would be sent again gives the same facts. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "parser/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct view name)
{
    CHECK(name.len == 0 || name.data != NULL);
    CHECK(text_utf8_valid(name) == name.len);
}

static void check_position(int position, struct view text)
{
    CHECK(position >= -1 && (position < 0 || (size_t)position <= text.len));
}

static void check_names(const struct statement *s, struct view text)
{
    for (size_t i = 0; i < s->touch_count; i++) {
        check_name(s->touches[i].catalog);
        check_name(s->touches[i].schema);
        check_name(s->touches[i].name);
        check_position(s->touches[i].position, text);
        CHECK(s->touches[i].operation < OPERATION_COUNT);
    }
    for (size_t i = 0; i < s->call_count; i++) {
        check_name(s->calls[i].schema);
        check_name(s->calls[i].name);
        check_position(s->calls[i].position, text);
        for (int k = 0; k < 3; k++)
            check_name(s->calls[i].literal[k]);
    }
    for (size_t i = 0; i < s->type_count; i++)
        check_name(s->types[i].name);
    for (size_t i = 0; i < s->column_count; i++)
        check_name(s->columns[i].name);
    for (size_t i = 0; i < s->setting_count; i++) {
        check_name(s->settings[i].name);
        for (size_t k = 0; k < s->settings[i].value_count; k++)
            check_name(s->settings[i].values[k]);
    }
}

static void check_facts(const struct facts *facts)
{
    const char *end = facts->text.data;
    for (size_t i = 0; i < facts->count; i++) {
        const struct statement *s = &facts->statements[i];
        CHECK(s->text.data >= end && s->text.data + s->text.len <= facts->text.data + facts->text.len);
        CHECK(s->text.len > 0);
        end = s->text.data + s->text.len;
        CHECK(s->touch_count > 0);
        CHECK((s->unknown != NULL) == (s->operation == OPERATION_UNKNOWN));
        CHECK(s->inner < OPERATION_COUNT);
        check_names(s, facts->text);
    }
}

static void check_same(const struct facts *a, const struct facts *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        CHECK(a->statements[i].operation == b->statements[i].operation);
        CHECK(a->statements[i].shape == b->statements[i].shape);
        CHECK(a->statements[i].touch_count == b->statements[i].touch_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct facts facts, again;
    struct parser_error error;
    struct view sql = {(const char *)data, size};
    if (parser_read(sql, NULL, &arena, &facts, &error) == PARSER_RESULT_OK) {
        check_facts(&facts);
        CHECK(parser_read(facts.text, NULL, &arena, &again, &error) == PARSER_RESULT_OK);
        check_same(&facts, &again);
    } else {
        CHECK(facts.count == 0);
        check_position(error.position, sql);
        CHECK(strlen(error.message) > 0 && strlen(error.sqlstate) == 5);
    }
    arena_fini(&arena);
    return 0;
}
