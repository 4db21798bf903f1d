/* The batch that a parked Execute begins: everything up to the next Sync or Flush, read ahead without
 * taking it. All executions of parked statements in it are one ticket, with all their values. */
#ifndef BATCH_H
#define BATCH_H

#include "session_state.h"

enum batch_result {
    BATCH_RESULT_MORE,  /* Sync or Flush has not arrived yet */
    BATCH_RESULT_READY, /* park.statements and park.runs are filled in */
    BATCH_RESULT_MIXED, /* it holds something else, too; *why says what */
};

enum batch_result batch_read(struct session *session, struct view rest, const char **why);

#endif
