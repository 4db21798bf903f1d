#include "base/fault.h"

#include <stdarg.h>

#include "base/bytes.h"

bool fault_set(struct fault *fault, const char *message, ...)
{
    *fault = (struct fault){0};
    va_list args;
    va_start(args, message);
    vsnprintf(fault->message, sizeof fault->message, message, args);
    va_end(args);
    return false;
}

bool fault_at(struct fault *fault, const char *file, int line, int column, const char *key, const char *message, ...)
{
    *fault = (struct fault){.line = line, .column = column};
    snprintf(fault->file, sizeof fault->file, "%s", file ? file : "");
    snprintf(fault->key, sizeof fault->key, "%s", key ? key : "");
    va_list args;
    va_start(args, message);
    vsnprintf(fault->message, sizeof fault->message, message, args);
    va_end(args);
    return false;
}

void fault_text(const struct fault *fault, char *text, size_t size)
{
    struct bytes b = {0};
    if (fault->file[0])
        bytes_add_text(&b, fault->file);
    if (fault->line > 0)
        bytes_add_format(&b, "%s%d", fault->file[0] ? ":" : "line ", fault->line);
    if (fault->line > 0 && fault->column > 0)
        bytes_add_format(&b, ":%d", fault->column);
    if (b.len > 0)
        bytes_add_text(&b, ": ");
    if (fault->key[0])
        bytes_add_format(&b, "%s: ", fault->key);
    bytes_add_text(&b, fault->message);
    snprintf(text, size, "%s", bytes_text(&b));
    bytes_fini(&b);
}

void fault_print(const struct fault *fault, FILE *to)
{
    char text[sizeof *fault + 32]; /* with the signs between the parts */
    fault_text(fault, text, sizeof text);
    fprintf(to, "%s\n", text);
}
