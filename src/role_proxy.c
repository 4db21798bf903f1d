/* `sallyport proxy`: from the configuration to the proxy's options and its set. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "commands.h"
#include "role.h"

static const char help[] =
    "Usage: sallyport proxy [--config FILE]\n\n"
    "Serves agents. It speaks PostgreSQL's protocol on the addresses under \"listen\", judges every statement by\n"
    "the agent's policy, passes reads on to the database, refuses what the policy denies, and parks what a\n"
    "person has to decide. It runs in the foreground and logs to standard error.\n\n"
    "  -c, --config FILE  the configuration; else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json\n"
    "  -h, --help         show this text\n\n"
    "SIGHUP reads the configuration again: agents, databases, policies and certificates change for new\n"
    "statements; if anything in it is wrong, all of the old one stays. SIGTERM ends it in order.\n\n"
    "Exit status: 0 it was stopped; 1 it could not start.\n\n"
    "Example:\n  sallyport proxy --config /etc/sallyport/sallyport.json\n";

static const struct proxy_set *make_set(struct config *config, unsigned generation)
{
    bool has_tls = config->tls_mode != PROXY_TLS_DISABLE;
    struct proxy_set *set = check_calloc(1, sizeof *set);
    *set = (struct proxy_set){
        .agents = config->agents,
        .agent_count = config->agent_count,
        .databases = config->databases,
        .database_count = config->database_count,
        .tls_mode = config->tls_mode,
        .tls_certificate = has_tls ? config->tls_certificate : NULL,
        .tls_key = has_tls ? config->tls_key : NULL,
        .generation = generation,
        .owner = config,
    };
    return set;
}

static void free_set(void *arg, const struct proxy_set *set)
{
    config_drop(set->owner);
    free((void *)(uintptr_t)set);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const char *const *a, const char *const *b)
{
    while (*a != NULL && same_text(*a, *b)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* What a reload can't change is said, so that nobody waits for it. */
static void warn_of_the_rest(const struct config *old, const struct config *new)
{
    static const char sentence[] = "\"%s\" was changed: that takes effect at the next start";
    if (!same_texts(old->listen, new->listen))
        log_warn(sentence, "listen");
    if (old->workers != new->workers)
        log_warn(sentence, "workers");
    if (!same_text(old->metrics, new->metrics))
        log_warn(sentence, "metrics");
    if (!same_text(old->audit_directory, new->audit_directory))
        log_warn(sentence, "audit.directory");
    if (old->audit_segment_bytes != new->audit_segment_bytes)
        log_warn(sentence, "audit.segment_bytes");
    if (old->login_seconds != new->login_seconds)
        log_warn(sentence, "limits.login_seconds");
    if (old->max_sessions != new->max_sessions)
        log_warn(sentence, "limits.sessions");
    if (!same_text(old->redis.url, new->redis.url) || !same_text(old->redis.user, new->redis.user) ||
        !same_text(old->redis.password, new->redis.password))
        log_warn(sentence, "redis");
}

static const struct proxy_set *reload(void *arg, struct fault *fault)
{
    struct role *role = arg;
    struct config *config = role_reload(role, fault);
    if (config == NULL)
        return NULL;
    warn_of_the_rest(role->config, config);
    return make_set(config, role->generation);
}

static bool serve(struct role *role, struct fault *fault)
{
    const struct config *config = role->config;
    struct proxy_options options = {
        .listen = config->listen,
        .workers = config->workers,
        .redis = config->redis,
        .audit = role->audit,
        .login_seconds = config->login_seconds,
        .max_sessions = config->max_sessions,
        .metrics = config->metrics,
        .reload = reload,
        .free_set = free_set,
        .arg = role,
    };
    return proxy_run(&options, make_set(config_hold(role->config), 0), fault);
}

int command_proxy(int argc, char **argv)
{
    struct role role = {.which = CONFIG_ROLE_PROXY, .name = "sallyport proxy", .help = help, .serve = serve};
    return role_command(&role, argc, argv);
}
