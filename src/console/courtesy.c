/* What psql and drivers send around every command (BEGIN, SET, SELECT 1 …) is answered as a server would,
 * and does nothing. Decisions don't belong to a transaction: decide.c says so when there is one. */
#include "command.h"

COMMAND_HANDLER(courtesy_begin)
{
    answer->status = 'T';
    answer->tag = command->tag;
}

COMMAND_HANDLER(courtesy_commit)
{
    answer->status = 'I';
    answer->tag = officer->status == 'E' ? "ROLLBACK" : command->tag;
}

COMMAND_HANDLER(courtesy_rollback)
{
    answer->status = 'I';
    answer->tag = command->tag;
}

COMMAND_HANDLER(courtesy_tag)
{
    answer->tag = command->tag;
}

COMMAND_HANDLER(courtesy_value)
{
    answer_row(answer)[0] = answer_text(answer, command->tag);
}
