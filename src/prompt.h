/* Asking a person for a secret. */
#ifndef PROMPT_H
#define PROMPT_H

#include <stdio.h>

#include "base/bytes.h"

/* Asks on the terminal without echo. False: there is none, or it was closed (a message was printed, which ends with
 * `otherwise`: what to do then). */
bool prompt_secret(const char *question, const char *otherwise, struct bytes *secret);
/* One line without its end, at most 1 KiB. False: there was no line, or it was too long or held a NUL. */
bool prompt_line(FILE *from, struct bytes *line);
void prompt_forget(struct bytes *secret); /* wipes and frees */

#endif
