/* `sallyport console`: from the configuration to the console's options and its set. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "commands.h"
#include "role.h"

static const char help[] =
    "Usage: sallyport console [--config FILE]\n\n"
    "Serves approvers. They connect with psql (database \"sallyport\") to the address under console.psql, see\n"
    "what agents want to have done, and approve or reject it. It holds no database credential. It runs in the\n"
    "foreground and logs to standard error.\n\n"
    "  -c, --config FILE  the configuration; else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json\n"
    "  -h, --help         show this text\n\n"
    "SIGHUP, and RELOAD in the console, read the configuration again: approvers and certificates change; if\n"
    "anything in it is wrong, all of the old one stays. SIGTERM ends it in order.\n\n"
    "Exit status: 0 it was stopped; 1 it could not start.\n\n"
    "Example:\n"
    "  sallyport console --config /etc/sallyport/sallyport.json\n"
    "  psql 'host=127.0.0.1 port=6433 dbname=sallyport user=alice' -c 'SHOW QUEUE'\n";

static const struct console_set *make_set(struct config *config)
{
    bool has_tls = config->tls_mode != PROXY_TLS_DISABLE;
    const char **agents = check_calloc(config->agent_count + 1, sizeof *agents);
    for (size_t i = 0; i < config->agent_count; i++)
        agents[i] = config->agents[i].name;
    struct console_set *set = check_calloc(1, sizeof *set);
    *set = (struct console_set){
        .approvers = config->approvers,
        .approver_count = config->approver_count,
        .agents = agents,
        .tls_certificate = has_tls ? config->tls_certificate : NULL,
        .tls_key = has_tls ? config->tls_key : NULL,
        .tls_required = config->tls_mode == PROXY_TLS_REQUIRE,
        .owner = config,
    };
    if (set->approver_count == 0)
        log_warn("there are no \"approvers\": nobody can log in, and nothing be approved");
    return set;
}

static void free_set(void *arg, const struct console_set *set)
{
    config_drop(set->owner);
    free((void *)(uintptr_t)set->agents);
    free((void *)(uintptr_t)set);
}

static const struct console_set *reload(void *arg, struct fault *fault)
{
    struct config *config = role_reload(arg, fault);
    return config != NULL ? make_set(config) : NULL;
}

static bool serve(struct role *role, struct fault *fault)
{
    const struct config *config = role->config;
    struct console_options options = {
        .psql = config->console_psql,
        .redis = config->redis,
        .approval_key = config->approval_key,
        .audit = role->audit,
        .reload = reload,
        .free_set = free_set,
        .arg = role,
    };
    if (config->console_http != NULL)
        log_warn("console.http is not served by this version: psql is the only way to decide");
    return console_run(&options, make_set(config_hold(role->config)), fault);
}

int command_console(int argc, char **argv)
{
    struct role role = {.which = CONFIG_ROLE_CONSOLE, .name = "sallyport console", .help = help, .serve = serve};
    return role_command(&role, argc, argv);
}
