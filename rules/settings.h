/* The table of settings, for the judge; rules_setting in rules.h is its other half. */
#ifndef RULES_SETTINGS_H
#define RULES_SETTINGS_H

#include "policy.h"

/* May it be set to a value that isn't in the text? As rules_setting. */
const char *settings_computed(const struct rules *rules, struct view name, struct arena *arena);

#endif
