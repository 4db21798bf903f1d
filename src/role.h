/* What the three roles have in common when they start: options, surroundings made harmless, the
 * configuration, the audit chain. */
#ifndef ROLE_H
#define ROLE_H

#include "config.h"

struct role {
    enum config_role which;
    const char *name; /* "sallyport proxy" */
    const char *help;
    /* Serves until told to stop. False and a fault: it could not start. */
    bool (*serve)(struct role *role, struct fault *fault);

    const char *path;      /* as given with --config, or NULL */
    struct config *config; /* of the start */
    struct audit *audit;
    unsigned generation; /* counts reloads */
};

/* The whole of a command: 0 when it was stopped in order, 1 after a fault, which is printed. */
int role_command(struct role *role, int argc, char **argv);

/* Reads the configuration again: NULL and a fault if it is wrong. Any one thread. What became of it is told with
 * audit_reload. */
struct config *role_reload(struct role *role, struct fault *fault);

/* No libpq variables, no files for others, no signal for a closed pipe. */
void role_prepare(const char *name);

/* Reads `--config FILE` and `--help` (prints `help`). True: go on; else *status is what to exit with. */
bool role_options(int argc, char **argv, const char *help, const char **path, int *status);

/* `run` tells its children whose they are. */
#define ROLE_SUPERVISOR_VARIABLE "SALLYPORT_SUPERVISOR"

#endif
