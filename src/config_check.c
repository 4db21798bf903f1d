#include "config_check.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "wire/wire.h"

enum { NAME_BYTES = 63 }; /* as PostgreSQL's own names */

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@+-";

/* Names become parts of Redis keys, of the upstream's application_name and of log lines. */
bool check_name(const struct node *node, const char *what)
{
    const char *name = node_name(node);
    size_t len = strlen(name);
    if (len == 0 || len > NAME_BYTES || name[0] == '-' || strspn(name, name_characters) != len)
        return node_fault(node, "%s names have 1 to %d letters, digits and _ . @ + -, and don't begin with -", what,
                          NAME_BYTES);
    return true;
}

bool check_address(const struct node *node)
{
    if (!node_is_there(node))
        return true;
    const char *text = node_text(node);
    if (strncmp(text, "unix:/", 6) == 0 && text[6] != '\0')
        return true;
    const char *colon = strrchr(text, ':');
    bool is_right = colon != NULL && colon != text && isdigit((unsigned char)colon[1]) &&
                    strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon + 1) <= 5 &&
                    strtol(colon + 1, NULL, 10) <= 65535;
    /* An IPv6 address without brackets: where does it end? */
    if (is_right && memchr(text, ':', (size_t)(colon - text)) != NULL)
        is_right = text[0] == '[' && colon[-1] == ']';
    if (!is_right)
        return node_fault(node,
                          "\"%s\" is no address; write \"127.0.0.1:6432\", \"[::1]:6432\" or "
                          "\"unix:/path\"",
                          text);
    return true;
}

bool check_redis_url(const struct node *node)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix:"};
    const char *text = node_text(node);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 && strlen(text) > strlen(schemes[i]))
            return true;
    return node_fault(node, "this must be redis://HOST:PORT/NUMBER, rediss://HOST:PORT/NUMBER or unix:PATH");
}

bool check_verifier(const struct node *node, const char *text)
{
    struct scram_verifier verifier;
    if (text != NULL && !scram_verifier_read(view_of(text), &verifier))
        return node_fault(node, "this must be a verifier, SCRAM-SHA-256$4096:…; \"sallyport passwd NAME\" makes one");
    return true;
}

/* ---- connection strings ------------------------------------------------------------------------------- */

/* The value of one of its keywords, in the arena; NULL: not given. *is_right false: no connection string. */
static const char *connection_value(const struct node *node, const char *text, const char *keyword, bool *is_right)
{
    char *why = NULL;
    const char *value = NULL;
    PQconninfoOption *options = PQconninfoParse(text, &why);
    *is_right = options != NULL;
    if (options == NULL) {
        /* Most of libpq's sentences quote the string, and with it a password. */
        bool is_harmless = why != NULL && strncmp(why, "invalid connection option", 25) == 0;
        node_fault(node,
                   "this must be a libpq connection string, like \"host=127.0.0.1 dbname=app user=app_read\"%s%.*s",
                   is_harmless ? ": " : "", is_harmless ? (int)strcspn(why, "\n") : 0, is_harmless ? why : "");
        PQfreemem(why);
        return NULL;
    }
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val != NULL)
            value = arena_copy(node->reading->arena, view_of(o->val));
    PQconninfoFree(options);
    return value;
}

bool check_connection(const struct node *node, const char *text)
{
    bool is_right = true;
    if (text != NULL)
        connection_value(node, text, "user", &is_right);
    return is_right;
}

bool check_write_user(const struct node *database, const char *text, const char **user)
{
    struct node write = node_member(database, "write"), given = node_member(database, "write_user");
    bool is_right = true;
    *user = node_text(&given);
    if (!node_is_there(&write))
        return !node_is_there(&given) || node_fault(&given, "write_user says whose \"write\" is, and there is none");
    if (text == NULL && node_is_plain(&write))
        text = node_text(&write);
    if (text == NULL) { /* a secret of the executor's */
        *user = *user != NULL ? *user : "";
        return true;
    }
    const char *named = connection_value(&write, text, "user", &is_right);
    if (!is_right)
        return false;
    if (*user == NULL)
        *user = named;
    if (*user == NULL)
        return node_fault(&write, "name the user that writes: user=… (or \"write_user\")");
    if (named != NULL && strcmp(named, *user) != 0)
        return node_fault(&given, "\"write\" names another user, %s", named);
    return true;
}

/* ---- what parts must have together ---------------------------------------------------------------------- */

static bool check_readable(const struct node *node, const char *path)
{
    return access(path, R_OK) == 0 || node_fault(node, "%s can't be read: %s", path, strerror(errno));
}

bool check_tls(const struct node *certificate, const char *certificate_file, const struct node *key,
               const char *key_file)
{
    struct fault why;
    if (!check_readable(certificate, certificate_file) || !check_readable(key, key_file))
        return false;
    struct net_tls *tls = net_tls_new(certificate_file, key_file, &why);
    if (tls == NULL)
        return node_fault(strcmp(why.file, key_file) == 0 ? key : certificate, "%s: %s", why.file, why.message);
    net_tls_drop(tls);
    return true;
}

bool check_setting(const struct node *node)
{
    /* sallyport's own pins; an agent's pinned settings come beside them, never instead. */
    static const char *const pins[] = {"client_encoding",
                                       "standard_conforming_strings",
                                       "row_security",
                                       "default_transaction_read_only",
                                       "search_path",
                                       "application_name",
                                       "role",
                                       "session_authorization",
                                       "transaction_read_only"};
    const char *name = node_name(node);
    if (!json_is_string(node->value))
        return node_fault(node, "a setting's value must be a string in quotes");
    if (name[0] == '\0' || strspn(name, name_characters) != strlen(name) || strpbrk(name, "@+-") != NULL)
        return node_fault(node, "a setting's name has letters, digits, _ and dots");
    for (size_t i = 0; i < sizeof pins / sizeof *pins; i++)
        if (strcasecmp(name, pins[i]) == 0)
            return node_fault(node, "sallyport sets this itself, for every session");
    return true;
}

static const struct proxy_database *database_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->database_count; i++)
        if (strcmp(config->databases[i].name, name) == 0)
            return &config->databases[i];
    return NULL;
}

/* Asked of the file, since `direct` itself may be a secret of another role. */
static bool database_has(const struct node *root, const char *database, const char *key)
{
    struct node databases = node_member(root, "databases");
    struct node named = node_member(&databases, database);
    struct node member = node_member(&named, key);
    return node_is_there(&member);
}

bool check_agent_database(const struct node *node, const struct node *root, const struct config *config,
                          const struct rules *rules)
{
    const char *name = node_text(node);
    const struct proxy_database *database = database_find(config, name);
    if (database == NULL)
        return node_fault(node, "there is no database \"%s\" under \"databases\"", name);
    if (rules_can_park(rules) && database->write_role == NULL)
        return node_fault(node, "policy \"%s\" lets writes wait for approval, so databases.%s needs \"write\"",
                          rules_name(rules), name);
    if (rules_needs_direct(rules) && !database_has(root, name, "direct"))
        return node_fault(node,
                          "policy \"%s\" lets writes through without approval, so databases.%s needs "
                          "\"direct\"",
                          rules_name(rules), name);
    return true;
}

/* One approval and no approvers is a console that isn't set up yet, of which it warns; two of one is a mistake. */
bool check_approvals(const struct node *root, const struct config *config)
{
    struct node agents = node_member(root, "agents");
    for (size_t i = 0; i < config->agent_count; i++) {
        const struct rules *rules = config->agents[i].rules;
        unsigned wanted = rules_approval(rules).approvals;
        if (!rules_can_park(rules) || wanted < 2 || wanted <= config->approver_count)
            continue;
        struct node agent = node_member(&agents, config->agents[i].name), policy = node_member(&agent, "policy");
        return node_fault(&policy,
                          "policy \"%s\" wants %u approvals, but \"approvers\" has only %zu: nothing could be "
                          "approved",
                          rules_name(rules), wanted, config->approver_count);
    }
    return true;
}
