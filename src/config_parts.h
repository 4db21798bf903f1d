/* The parts of a configuration that have names of their own and speak of each other. Read in this order:
 * agents name databases and policies, and no approver may have an agent's name. */
#ifndef CONFIG_PARTS_H
#define CONFIG_PARTS_H

#include <stdatomic.h>

#include "config.h"
#include "config_read.h"

struct config_memory {
    struct arena arena;
    struct rules **policies;
    const char **policy_files; /* in the same order; NULL: built in */
    size_t policy_count;
    atomic_uint holders;
};

bool parts_read_databases(struct config *config, const struct node *root, enum config_role role);
bool parts_read_policies(struct config *config, const struct node *root);
bool parts_read_agents(struct config *config, const struct node *root, enum config_role role);
bool parts_read_approvers(struct config *config, const struct node *root, enum config_role role);

/* Says in the log which policy files no agent uses. Nothing is wrong with that, but it is seldom meant. */
void parts_warn_unused(const struct config *config);

#endif
