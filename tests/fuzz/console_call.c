/* What an approver types: cut into words and held against the table of commands. What must hold: a text that
 * is understood calls known commands with as many words as they take, and a decision is never one of several. */
#include "base/check.h"
#include "call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct call *calls;
    struct call_fault fault = {0};
    size_t count = 0, alone = 0;
    if (!call_read((struct view){(const char *)data, size}, &arena, &calls, &count, &fault)) {
        CHECK(fault.sqlstate != NULL && fault.message != NULL);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        CHECK(calls[i].words.count >= calls[i].command->least && calls[i].words.count <= calls[i].command->most);
        alone += (calls[i].command->flags & COMMAND_ALONE) != 0;
    }
    CHECK(alone == 0 || count == 1);
    arena_fini(&arena);
    return 0;
}
