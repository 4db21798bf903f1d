#include "role.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "config_parts.h"

extern char **environ;

bool role_options(int argc, char **argv, const char *help, const char **path, int *status)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    *path = NULL;
    *status = 1;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *status = 0;
        }
        if (option != 'c')
            return false;
        *path = optarg;
    }
    if (optind < argc)
        fprintf(stderr, "sallyport %s: \"%s\" is not understood; see --help\n", argv[0], argv[optind]);
    return optind == argc;
}

/* PGHOST, PGTZ, PGOPTIONS …: libpq would put them into connections to the databases. */
static void unset_libpq_variables(void)
{
    for (char **at = environ; *at != NULL;) {
        char name[256];
        size_t len = strcspn(*at, "=");
        if (strncmp(*at, "PG", 2) != 0 || len >= sizeof name) {
            at++;
            continue;
        }
        memcpy(name, *at, len);
        name[len] = '\0';
        unsetenv(name); /* moves the rest up */
    }
}

/* A supervisor's children end with it, however it ended. */
static void follow_supervisor(void)
{
    const char *supervisor = getenv(ROLE_SUPERVISOR_VARIABLE);
    if (supervisor == NULL)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)strtol(supervisor, NULL, 10))
        exit(1); /* it ended before we could say so */
    unsetenv(ROLE_SUPERVISOR_VARIABLE);
}

void role_prepare(const char *name)
{
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* until the role listens to it */
    unset_libpq_variables();
    follow_supervisor();
    log_open(name, LOG_LEVEL_INFO);
}

static bool open_audit(struct role *role, struct fault *fault)
{
    struct bytes directory = {0};
    const char *name = config_role_name(role->which);
    bytes_add_format(&directory, "%s/%s", role->config->audit_directory, name);
    if (mkdir(role->config->audit_directory, 0700) == 0)
        log_info("made the audit directory %s", role->config->audit_directory);
    struct audit_options options = {
        .directory = bytes_text(&directory), .chain = name, .segment_bytes = role->config->audit_segment_bytes};
    role->audit = audit_open(&options, fault);
    bytes_fini(&directory);
    return role->audit != NULL;
}

static bool needs_key(const struct role *role)
{
    return role->which == CONFIG_ROLE_EXECUTOR || role->which == CONFIG_ROLE_CONSOLE;
}

/* What concerns the whole file is said by one role: the one that judges. */
static void warn_once(const struct role *role, const struct config *config)
{
    if (role->which == CONFIG_ROLE_PROXY)
        parts_warn_unused(config);
}

int role_command(struct role *role, int argc, char **argv)
{
    struct fault fault = {0};
    int status;
    if (!role_options(argc, argv, role->help, &role->path, &status))
        return status;
    role_prepare(role->name);
    role->config = config_load(role->path, role->which, &fault);
    bool done = role->config != NULL && (!needs_key(role) || config_approval_key(role->config, NULL, &fault)) &&
                open_audit(role, &fault);
    if (done && role->config->redis_shared)
        log_warn("roles share one Redis login, so each can write what only one of them should: give each a user of "
                 "its own (redis.%s.user)",
                 config_role_name(role->which));
    if (done)
        warn_once(role, role->config);
    done = done && role->serve(role, &fault);
    if (role->audit != NULL)
        audit_close(role->audit);
    config_drop(role->config);
    if (done) {
        log_info("stopped");
        return 0;
    }
    fprintf(stderr, "%s: ", role->name);
    fault_print(&fault, stderr);
    return 1;
}

struct config *role_reload(struct role *role, struct fault *fault)
{
    struct config *config = config_load(role->path, role->which, fault);
    if (config != NULL && (!needs_key(role) || config_approval_key(config, role->config, fault))) {
        role->generation++;
        warn_once(role, config);
        return config;
    }
    config_drop(config);
    return NULL;
}
