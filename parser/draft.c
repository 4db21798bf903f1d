#include "draft.h"

#include <stdio.h>
#include <string.h>

/* How many entries back a repeated type or column is looked for. A bulk INSERT repeats the same few casts
 * in every row; the facts are about which types there are, not how often. */
enum { REPEATS = 8, FIRST_CAP = 8 };

static void *grow(struct arena *arena, struct growing *array, size_t size)
{
    if (array->count == array->cap) {
        size_t cap = array->cap == 0 ? FIRST_CAP : array->cap * 2;
        void *items = arena_alloc(arena, cap * size);
        if (array->count > 0)
            memcpy(items, array->items, array->count * size);
        array->items = items;
        array->cap = cap;
    }
    return (char *)array->items + size * array->count++;
}

/* pg_temp and pg_temp_3 name what only this session has. */
static void note_schema(struct draft *d, struct view schema)
{
    if (!view_is(schema, "pg_temp") && !view_starts(schema, "pg_temp_"))
        return;
    draft_flag(d, STATEMENT_TEMP);
    draft_alone(d, "it names a temporary object, which only the agent's session has");
}

void draft_touch(struct draft *d, enum operation operation, enum object_kind kind, struct object_name name,
                 int position)
{
    note_schema(d, name.schema);
    struct touch *touch = grow(d->arena, &d->touches, sizeof *touch);
    *touch = (struct touch){.operation = operation,
                            .kind = kind,
                            .catalog = name.catalog,
                            .schema = name.schema,
                            .name = name.name,
                            .only_planned = d->only_planned,
                            .position = position};
    draft_shape(d, operation);
    draft_shape_text(d, name.schema);
    draft_shape_text(d, name.name);
}

void draft_call(struct draft *d, struct call call)
{
    note_schema(d, call.schema);
    if (view_is(call.name, "currval") || view_is(call.name, "lastval"))
        draft_alone(d, "it reads a sequence's value as this session last saw it");
    struct call *slot = grow(d->arena, &d->calls, sizeof *slot);
    *slot = call;
    draft_shape_text(d, call.schema);
    draft_shape_text(d, call.name);
}

void draft_type(struct draft *d, struct view schema, struct view name, int position)
{
    note_schema(d, schema);
    draft_shape_text(d, name);
    const struct type_use *types = d->types.items;
    for (size_t i = d->types.count; i > 0 && d->types.count - i < REPEATS; i--)
        if (view_equals(types[i - 1].schema, schema) && view_equals(types[i - 1].name, name))
            return;
    struct type_use *slot = grow(d->arena, &d->types, sizeof *slot);
    *slot = (struct type_use){.schema = schema, .name = name, .position = position};
}

void draft_column(struct draft *d, struct view table, struct view name, bool written)
{
    draft_shape_text(d, table);
    draft_shape_text(d, name);
    const struct column_use *columns = d->columns.items;
    for (size_t i = d->columns.count; i > 0 && d->columns.count - i < REPEATS; i--)
        if (columns[i - 1].written == written && view_equals(columns[i - 1].table, table) &&
            view_equals(columns[i - 1].name, name))
            return;
    struct column_use *slot = grow(d->arena, &d->columns, sizeof *slot);
    *slot = (struct column_use){.table = table, .name = name, .written = written};
}

void draft_setting(struct draft *d, struct setting_use setting)
{
    struct setting_use *slot = grow(d->arena, &d->settings, sizeof *slot);
    *slot = setting;
    draft_shape_text(d, setting.name);
}

void draft_flag(struct draft *d, unsigned flag)
{
    d->statement.flags |= flag;
}

void draft_alone(struct draft *d, const char *reason)
{
    if (d->statement.alone == NULL)
        d->statement.alone = reason;
}

void draft_unknown(struct draft *d, const char *what, int number, int position)
{
    if (d->statement.unknown != NULL)
        return;
    char text[80];
    int len = snprintf(text, sizeof text, "%s %d", what, number);
    d->statement.unknown = arena_copy(d->arena, (struct view){text, (size_t)len});
    d->statement.unknown_position = position;
}

/* FNV-1a, 64 bits: short inputs, no secrets, only for grouping. */
void draft_shape(struct draft *d, unsigned value)
{
    d->statement.shape = (d->statement.shape ^ value) * 0x100000001b3;
}

void draft_shape_text(struct draft *d, struct view text)
{
    uint64_t hash = d->statement.shape;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3;
    d->statement.shape = (hash ^ 0xff) * 0x100000001b3; /* an end mark that is in no name */
}

void draft_finish(struct draft *d)
{
    struct statement *s = &d->statement;
    if (s->unknown != NULL) {
        s->operation = s->inner = OPERATION_UNKNOWN;
        draft_touch(d, OPERATION_UNKNOWN, OBJECT_KIND_NONE, (struct object_name){0}, s->unknown_position);
    }
    if (d->changes_all)
        s->flags &= ~(unsigned)STATEMENT_HAS_WHERE;
    if (d->touches.count == 0)
        draft_touch(d, s->inner, OBJECT_KIND_NONE, (struct object_name){0}, -1);
    s->touches = d->touches.items;
    s->touch_count = d->touches.count;
    s->calls = d->calls.items;
    s->call_count = d->calls.count;
    s->types = d->types.items;
    s->type_count = d->types.count;
    s->columns = d->columns.items;
    s->column_count = d->columns.count;
    s->settings = d->settings.items;
    s->setting_count = d->settings.count;
}
