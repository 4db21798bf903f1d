/* The judge's parts: each looks at one kind of fact in the statement and settles what it finds. */
#ifndef RULES_PARTS_H
#define RULES_PARTS_H

#include "judging.h"

void touches_judge(struct judging *judging); /* operations on objects: rules and lists */
void calls_judge(struct judging *judging);   /* functions and operators */
void session_judge(struct judging *judging); /* transactions, settings, names: what needs no permission */

#endif
