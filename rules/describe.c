/* What statements do, as JSON arrays for records, tickets and `sallyport check`. */
#include "rules.h"

#include "base/map.h"
#include "base/text.h"

/* An array being written, whose elements come once each. */
struct array {
    struct bytes *to;
    struct map seen;
    bool has_elements;
};

static void array_begin(struct array *array, struct bytes *to)
{
    *array = (struct array){.to = to};
    bytes_add_char(to, '[');
}

static void array_add(struct array *array, struct view text)
{
    static char seen;
    if (map_put(&array->seen, text, &seen) != NULL)
        return;
    if (array->has_elements)
        bytes_add_char(array->to, ',');
    array->has_elements = true;
    text_add_json(array->to, text);
}

static void array_add_name(struct array *array, struct view schema, struct view name)
{
    struct bytes joined = {0};
    if (schema.len > 0) {
        bytes_add_view(&joined, schema);
        bytes_add_char(&joined, '.');
    }
    bytes_add_view(&joined, name);
    array_add(array, bytes_view(&joined));
    bytes_fini(&joined);
}

static void array_end(struct array *array)
{
    bytes_add_char(array->to, ']');
    map_fini(&array->seen);
}

void rules_add_operations(struct bytes *to, const struct statement *statements, size_t count)
{
    struct array array;
    array_begin(&array, to);
    for (size_t i = 0; i < count; i++) {
        array_add(&array, view_of(operation_name(statements[i].operation)));
        for (size_t t = 0; t < statements[i].touch_count; t++) {
            const struct touch *touch = &statements[i].touches[t];
            /* What EXPLAIN only plans isn't done. */
            if (!touch->only_planned || touch->operation == OPERATION_SELECT)
                array_add(&array, view_of(operation_name(touch->operation)));
        }
    }
    array_end(&array);
}

void rules_add_relations(struct bytes *to, const struct statement *statements, size_t count)
{
    struct array array;
    array_begin(&array, to);
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < statements[i].touch_count; t++) {
            const struct touch *touch = &statements[i].touches[t];
            if (touch->kind == OBJECT_KIND_RELATION && touch->name.len > 0)
                array_add_name(&array, touch->schema, touch->name);
        }
    array_end(&array);
}

void rules_add_functions(struct bytes *to, const struct statement *statements, size_t count)
{
    struct array array;
    array_begin(&array, to);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < statements[i].call_count; c++) {
            const struct call *call = &statements[i].calls[c];
            /* a.b is a column far more often than a call. */
            if (call->how != CALL_HOW_ATTRIBUTE)
                array_add_name(&array, call->schema, call->name);
        }
    array_end(&array);
}
