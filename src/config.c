/* From the configuration's text to facts. Each object of the file has a table of its members and one
 * function that reads it; config_load calls them in order and the first fault ends it. What can only be
 * seen by holding parts against each other (an agent's policy parks, its database has no writing
 * credential) is looked at as they are read, in config_check.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_check.h"
#include "config_parts.h"
#include "config_read.h"

enum {
    FILE_BYTES = 16 * 1024 * 1024,
    KEY_CHARACTERS = 32, /* an approval key's least length */
};

static const struct member root_members[] = {
    {.name = "$schema", .type = MEMBER_TYPE_TEXT},
    {.name = "listen", .type = MEMBER_TYPE_TEXTS, .is_required = true},
    {.name = "workers", .type = MEMBER_TYPE_NUMBER, .least = 0, .most = 1024},
    {.name = "tls", .type = MEMBER_TYPE_OBJECT},
    {.name = "redis", .type = MEMBER_TYPE_OBJECT, .is_required = true},
    {.name = "approval_key", .type = MEMBER_TYPE_SECRET},
    {.name = "databases", .type = MEMBER_TYPE_OBJECT, .is_required = true},
    {.name = "agents", .type = MEMBER_TYPE_OBJECT, .is_required = true},
    {.name = "approvers", .type = MEMBER_TYPE_OBJECT},
    {.name = "policies", .type = MEMBER_TYPE_TEXTS},
    {.name = "audit", .type = MEMBER_TYPE_OBJECT, .is_required = true},
    {.name = "console", .type = MEMBER_TYPE_OBJECT},
    {.name = "metrics", .type = MEMBER_TYPE_TEXT},
    {.name = "executor", .type = MEMBER_TYPE_OBJECT},
    {.name = "limits", .type = MEMBER_TYPE_OBJECT},
    {.name = NULL},
};

static const struct member tls_members[] = {
    {.name = "certificate", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "key", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "mode", .type = MEMBER_TYPE_TEXT},
    {.name = NULL},
};

static const struct member redis_members[] = {
    {.name = "url", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "proxy", .type = MEMBER_TYPE_OBJECT},
    {.name = "executor", .type = MEMBER_TYPE_OBJECT},
    {.name = "console", .type = MEMBER_TYPE_OBJECT},
    {.name = NULL},
};

static const struct member redis_login_members[] = {
    {.name = "user", .type = MEMBER_TYPE_TEXT},
    {.name = "password", .type = MEMBER_TYPE_SECRET},
    {.name = NULL},
};

static const struct member audit_members[] = {
    {.name = "directory", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "segment_bytes", .type = MEMBER_TYPE_NUMBER, .least = 64 * 1024, .most = INT64_C(1) << 40},
    {.name = NULL},
};

static const struct member console_members[] = {
    {.name = "psql", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "http", .type = MEMBER_TYPE_TEXT},
    {.name = NULL},
};

static const struct member executor_members[] = {
    {.name = "lease_seconds", .type = MEMBER_TYPE_NUMBER, .least = 5, .most = 24 * 3600},
    {.name = "statement_seconds", .type = MEMBER_TYPE_NUMBER, .least = 1, .most = 24 * 3600},
    {.name = "lock_ms", .type = MEMBER_TYPE_NUMBER, .least = 1, .most = 3600 * 1000},
    {.name = "result_bytes", .type = MEMBER_TYPE_NUMBER, .least = 1, .most = INT64_C(1) << 30},
    {.name = NULL},
};

static const struct member limits_members[] = {
    {.name = "login_seconds", .type = MEMBER_TYPE_NUMBER, .least = 1, .most = 3600},
    {.name = "sessions", .type = MEMBER_TYPE_NUMBER, .least = 1, .most = 1000 * 1000},
    {.name = NULL},
};

const char *config_role_name(enum config_role role)
{
    static const char *const names[] = {"tool", "proxy", "executor", "console"};
    return names[role];
}

/* ---- the parts ---------------------------------------------------------------------------------------- */

static bool read_listen(struct config *config, const struct node *root)
{
    struct node listen = node_member(root, "listen");
    if (node_count(&listen) == 0)
        return node_fault(&listen, "name at least one address, like \"127.0.0.1:6432\"");
    for (size_t i = 0; i < node_count(&listen); i++) {
        struct node item = node_at(&listen, i);
        if (!check_address(&item))
            return false;
    }
    config->listen = node_texts(&listen);
    struct node workers = node_member(root, "workers"), metrics = node_member(root, "metrics");
    config->workers = (unsigned)node_number(&workers, 0);
    config->metrics = node_text(&metrics);
    return check_address(&metrics);
}

static bool read_tls(struct config *config, const struct node *root, enum config_role role)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require"};
    struct node tls = node_member(root, "tls");
    if (!node_is_there(&tls))
        return true;
    if (!node_check(&tls, tls_members))
        return false;
    struct node certificate = node_member(&tls, "certificate"), key = node_member(&tls, "key"),
                mode = node_member(&tls, "mode");
    size_t at = PROXY_TLS_PREFER;
    if (node_is_there(&mode))
        for (at = 0; at < 4 && strcmp(modes[at], node_text(&mode)) != 0;)
            at++;
    if (at == 4)
        return node_fault(&mode, "this must be disable, allow, prefer or require");
    config->tls_mode = (enum proxy_tls)at;
    config->tls_certificate = path_beside(tls.reading, node_text(&certificate));
    config->tls_key = path_beside(tls.reading, node_text(&key));
    bool is_used = (role == CONFIG_ROLE_PROXY || role == CONFIG_ROLE_CONSOLE) && config->tls_mode != PROXY_TLS_DISABLE;
    return !is_used || check_tls(&certificate, config->tls_certificate, &key, config->tls_key);
}

static bool read_redis(struct config *config, const struct node *root, enum config_role role)
{
    static const enum config_role roles[] = {CONFIG_ROLE_PROXY, CONFIG_ROLE_EXECUTOR, CONFIG_ROLE_CONSOLE};
    struct node redis = node_member(root, "redis");
    if (!node_check(&redis, redis_members))
        return false;
    struct node url = node_member(&redis, "url");
    if (!check_redis_url(&url))
        return false;
    config->redis.url = node_text(&url);
    config->redis_shared = true;
    for (size_t i = 0; i < 3; i++) {
        struct node login = node_member(&redis, config_role_name(roles[i]));
        if (!node_is_there(&login))
            continue;
        struct node user = node_member(&login, "user"), password = node_member(&login, "password");
        const char *secret;
        if (!node_check(&login, redis_login_members) || !node_secret(&password, role == roles[i], &secret))
            return false;
        if (node_is_there(&user) && !node_is_there(&password))
            return node_fault(&login, "a Redis user needs a password too");
        if (role != roles[i])
            continue;
        config->redis.user = node_text(&user);
        config->redis.password = secret;
        config->redis_shared = config->redis.user == NULL;
    }
    return true;
}

static bool read_approval_key(struct config *config, const struct node *root, enum config_role role)
{
    struct node key = node_member(root, "approval_key");
    const char *text = NULL;
    if (!node_is_there(&key)) {
        config->approval_key_file = path_beside(root->reading, "approval.key");
        return true;
    }
    if (!node_secret(&key, role == CONFIG_ROLE_EXECUTOR || role == CONFIG_ROLE_CONSOLE || node_is_plain(&key), &text))
        return false;
    if (text != NULL && strlen(text) < KEY_CHARACTERS)
        return node_fault(&key, "an approval key has %d characters or more; this one has %zu", KEY_CHARACTERS,
                          strlen(text));
    if (role == CONFIG_ROLE_EXECUTOR || role == CONFIG_ROLE_CONSOLE)
        config->approval_key = view_of(text);
    return true;
}

static bool read_audit(struct config *config, const struct node *root)
{
    struct node audit = node_member(root, "audit");
    if (!node_check(&audit, audit_members))
        return false;
    struct node directory = node_member(&audit, "directory"), segment = node_member(&audit, "segment_bytes");
    config->audit_directory = path_beside(root->reading, node_text(&directory));
    config->audit_segment_bytes = (uint64_t)node_number(&segment, 0);
    return true;
}

static bool read_console(struct config *config, const struct node *root, enum config_role role)
{
    struct node console = node_member(root, "console");
    if (!node_is_there(&console))
        return role != CONFIG_ROLE_CONSOLE || node_fault(&console, "the console needs this: {\"psql\": \"ADDRESS\"}");
    if (!node_check(&console, console_members))
        return false;
    struct node psql = node_member(&console, "psql"), http = node_member(&console, "http");
    config->console_psql = node_text(&psql);
    config->console_http = node_text(&http);
    return check_address(&psql) && check_address(&http);
}

static bool read_executor(struct config *config, const struct node *root)
{
    struct node executor = node_member(root, "executor");
    if (!node_is_there(&executor))
        return true;
    if (!node_check(&executor, executor_members))
        return false;
    struct node lease = node_member(&executor, "lease_seconds"),
                statement = node_member(&executor, "statement_seconds"), lock = node_member(&executor, "lock_ms"),
                result = node_member(&executor, "result_bytes");
    config->lease_seconds = (unsigned)node_number(&lease, 0);
    config->statement_seconds = (unsigned)node_number(&statement, 0);
    config->lock_ms = (unsigned)node_number(&lock, 0);
    config->result_bytes = (uint64_t)node_number(&result, 0);
    if (node_number(&statement, 30) >= node_number(&lease, 60))
        return node_fault(node_is_there(&statement) ? &statement : &lease,
                          "statement_seconds (30 unless given) must be below lease_seconds (60 unless given)");
    return true;
}

static bool read_limits(struct config *config, const struct node *root)
{
    struct node limits = node_member(root, "limits");
    if (!node_is_there(&limits))
        return true;
    if (!node_check(&limits, limits_members))
        return false;
    struct node login = node_member(&limits, "login_seconds"), sessions = node_member(&limits, "sessions");
    config->login_seconds = (unsigned)node_number(&login, 0);
    config->max_sessions = (unsigned)node_number(&sessions, 0);
    return true;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static bool read_root(struct config *config, const struct node *root, enum config_role role)
{
    return node_check(root, root_members) && read_listen(config, root) && read_tls(config, root, role) &&
           read_redis(config, root, role) && read_approval_key(config, root, role) &&
           parts_read_databases(config, root, role) && parts_read_policies(config, root) &&
           parts_read_agents(config, root, role) && parts_read_approvers(config, root, role) &&
           read_audit(config, root) && read_console(config, root, role) && read_executor(config, root) &&
           read_limits(config, root);
}

static const char *config_path(const char *path)
{
    if (path == NULL)
        path = getenv("SALLYPORT_CONFIG");
    return path != NULL && path[0] != '\0' ? path : "/etc/sallyport/sallyport.json";
}

struct config *config_load(const char *path, enum config_role role, struct fault *fault)
{
    struct config *config = check_calloc(1, sizeof *config);
    config->memory = check_calloc(1, sizeof *config->memory);
    atomic_init(&config->memory->holders, 1);
    config->file = arena_copy(&config->memory->arena, view_of(config_path(path)));

    struct reading reading = {.file = config->file, .arena = &config->memory->arena, .fault = fault};
    struct node root = {0};
    const char *why;
    bool done = false;
    if (!read_whole(config->file, FILE_BYTES, reading.arena, &reading.text, &why))
        fault_at(fault, config->file, 0, 0, NULL, "the configuration can't be read: %s", why);
    else if (node_read(&reading, &root))
        done = read_root(config, &root, role);
    node_free(&root);
    if (done)
        return config;
    config_drop(config);
    return NULL;
}

struct arena *config_arena(struct config *config)
{
    return &config->memory->arena;
}

struct config *config_hold(struct config *config)
{
    atomic_fetch_add(&config->memory->holders, 1);
    return config;
}

void config_drop(struct config *config)
{
    if (config == NULL || atomic_fetch_sub(&config->memory->holders, 1) != 1)
        return;
    for (size_t i = 0; i < config->memory->policy_count; i++)
        rules_free(config->memory->policies[i]);
    crypto_wipe((char *)config->approval_key.data, config->approval_key.len);
    arena_fini(&config->memory->arena);
    free(config->memory);
    free(config);
}
