/* The named parts: databases, policies, agents, approvers. */
#include "config_parts.h"

#include <string.h>

#include "base/log.h"
#include "config_check.h"

enum { POLICY_BYTES = 4 * 1024 * 1024 };

/* rules/default.json, put here by the build. */
extern const char default_policy[];

static const struct member database_members[] = {
    {.name = "read", .type = MEMBER_TYPE_SECRET, .is_required = true},
    {.name = "write", .type = MEMBER_TYPE_SECRET},
    {.name = "write_user", .type = MEMBER_TYPE_TEXT},
    {.name = "direct", .type = MEMBER_TYPE_SECRET},
    {.name = "ledger", .type = MEMBER_TYPE_TEXT},
    {.name = NULL},
};

static const struct member agent_members[] = {
    {.name = "password", .type = MEMBER_TYPE_SECRET, .is_required = true},
    {.name = "databases", .type = MEMBER_TYPE_TEXTS, .is_required = true},
    {.name = "policy", .type = MEMBER_TYPE_TEXT, .is_required = true},
    {.name = "settings", .type = MEMBER_TYPE_OBJECT},
    {.name = NULL},
};

static const struct member approver_members[] = {
    {.name = "password", .type = MEMBER_TYPE_SECRET, .is_required = true},
    {.name = NULL},
};

/* The role's own secret goes through libpq's parser; a plain one does for every role, so that a mistake
 * shows wherever the file is looked at. */
static bool read_connection(const struct node *node, bool is_wanted, const char **value)
{
    const char *text;
    if (!node_secret(node, is_wanted || node_is_plain(node), &text) || !check_connection(node, text))
        return false;
    *value = is_wanted ? text : NULL;
    return true;
}

static bool read_database(const struct node *database, enum config_role role, struct proxy_database *facts,
                          struct executor_database *writing)
{
    bool is_proxy = role == CONFIG_ROLE_PROXY;
    if (!check_name(database, "database") || !node_check(database, database_members))
        return false;
    struct node read = node_member(database, "read"), direct = node_member(database, "direct"),
                write = node_member(database, "write"), ledger = node_member(database, "ledger");
    facts->name = writing->name = node_name(database);
    writing->ledger = node_text(&ledger);
    return read_connection(&read, is_proxy, &facts->read) && read_connection(&direct, is_proxy, &facts->direct) &&
           read_connection(&write, role == CONFIG_ROLE_EXECUTOR, &writing->write) &&
           check_write_user(database, writing->write, &facts->write_role);
}

bool parts_read_databases(struct config *config, const struct node *root, enum config_role role)
{
    struct node databases = node_member(root, "databases");
    size_t count = node_count(&databases);
    if (count == 0)
        return node_fault(&databases, "name at least one database");
    struct proxy_database *all = arena_alloc(root->reading->arena, count * sizeof *all);
    struct executor_database *writes = arena_alloc(root->reading->arena, count * sizeof *writes);
    for (size_t i = 0; i < count; i++) {
        struct node database = node_at(&databases, i);
        if (!read_database(&database, role, &all[i], &writes[config->write_count]))
            return false;
        struct node write = node_member(&database, "write");
        config->write_count += node_is_there(&write);
    }
    config->databases = all;
    config->database_count = count;
    config->writes = writes;
    return true;
}

static struct rules *policy_find(const struct config_memory *memory, const char *name)
{
    for (size_t i = 0; i < memory->policy_count; i++)
        if (strcmp(rules_name(memory->policies[i]), name) == 0)
            return memory->policies[i];
    return NULL;
}

static bool read_policy(struct config *config, const struct node *item)
{
    const char *path = path_beside(item->reading, node_text(item)), *why;
    struct view text;
    if (!read_whole(path, POLICY_BYTES, item->reading->arena, &text, &why))
        return node_fault(item, "%s can't be read: %s", path, why);
    struct rules *rules = rules_read(path, text, item->reading->fault);
    if (rules == NULL)
        return false;
    if (policy_find(config->memory, rules_name(rules)) != NULL) {
        node_fault(item, "%s has the name \"%s\", which another policy has already", path, rules_name(rules));
        rules_free(rules);
        return false;
    }
    config->memory->policy_files[config->memory->policy_count] = path;
    config->memory->policies[config->memory->policy_count++] = rules;
    return true;
}

/* The files first; where none of them is called "default", the built-in one is there under that name. */
bool parts_read_policies(struct config *config, const struct node *root)
{
    struct node policies = node_member(root, "policies");
    size_t count = node_count(&policies);
    config->memory->policies = arena_alloc(&config->memory->arena, (count + 1) * sizeof(struct rules *));
    config->memory->policy_files = arena_alloc(&config->memory->arena, (count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        struct node item = node_at(&policies, i);
        if (!read_policy(config, &item))
            return false;
    }
    if (policy_find(config->memory, "default") != NULL)
        return true;
    struct rules *rules = rules_read("built-in default.json", view_of(default_policy), root->reading->fault);
    if (rules == NULL)
        return false;
    config->memory->policy_files[config->memory->policy_count] = NULL;
    config->memory->policies[config->memory->policy_count++] = rules;
    return true;
}

static bool is_used(const struct config *config, const struct rules *rules)
{
    for (size_t i = 0; i < config->agent_count; i++)
        if (config->agents[i].rules == rules)
            return true;
    return false;
}

void parts_warn_unused(const struct config *config)
{
    const struct config_memory *memory = config->memory;
    bool has_built_in = false;
    for (size_t i = 0; i < memory->policy_count; i++)
        has_built_in = has_built_in || (memory->policy_files[i] == NULL && is_used(config, memory->policies[i]));
    for (size_t i = 0; i < memory->policy_count; i++)
        if (memory->policy_files[i] != NULL && !is_used(config, memory->policies[i]))
            log_warn("policy \"%s\" (%s) is used by no agent%s", rules_name(memory->policies[i]),
                     memory->policy_files[i],
                     has_built_in ? "; agents with \"policy\": \"default\" have the built-in one" : "");
}

static bool read_settings(const struct node *agent, struct proxy_agent *facts)
{
    struct node settings = node_member(agent, "settings");
    if (!node_is_there(&settings))
        return true;
    facts->setting_count = node_count(&settings);
    struct proxy_setting *all = arena_alloc(agent->reading->arena, (facts->setting_count + 1) * sizeof *all);
    for (size_t i = 0; i < facts->setting_count; i++) {
        struct node setting = node_at(&settings, i);
        if (!check_setting(&setting))
            return false;
        all[i] = (struct proxy_setting){node_name(&setting), node_text(&setting)};
    }
    facts->settings = all;
    return true;
}

static bool read_verifier(const struct node *node, bool is_wanted, const char **verifier)
{
    const char *text;
    if (!node_secret(node, is_wanted || node_is_plain(node), &text) || !check_verifier(node, text))
        return false;
    *verifier = is_wanted ? text : NULL;
    return true;
}

static bool read_agent(struct config *config, const struct node *root, const struct node *agent, enum config_role role,
                       struct proxy_agent *facts)
{
    if (!check_name(agent, "agent") || !node_check(agent, agent_members))
        return false;
    struct node password = node_member(agent, "password"), databases = node_member(agent, "databases"),
                policy = node_member(agent, "policy");
    facts->name = node_name(agent);
    if (!read_verifier(&password, role == CONFIG_ROLE_PROXY, &facts->verifier) || !read_settings(agent, facts))
        return false;
    facts->rules = policy_find(config->memory, node_text(&policy));
    if (facts->rules == NULL)
        return node_fault(&policy,
                          "there is no policy \"%s\"; a policy's name stands in its file, and the file in "
                          "\"policies\"",
                          node_text(&policy));
    if (node_count(&databases) == 0)
        return node_fault(&databases, "name at least one database");
    facts->databases = node_texts(&databases);
    for (size_t i = 0; i < node_count(&databases); i++) {
        struct node item = node_at(&databases, i);
        if (!check_agent_database(&item, root, config, facts->rules))
            return false;
    }
    return true;
}

bool parts_read_agents(struct config *config, const struct node *root, enum config_role role)
{
    struct node agents = node_member(root, "agents");
    config->agent_count = node_count(&agents);
    struct proxy_agent *all = arena_alloc(root->reading->arena, (config->agent_count + 1) * sizeof *all);
    for (size_t i = 0; i < config->agent_count; i++) {
        struct node agent = node_at(&agents, i);
        if (!read_agent(config, root, &agent, role, &all[i]))
            return false;
    }
    config->agents = all;
    return true;
}

bool parts_read_approvers(struct config *config, const struct node *root, enum config_role role)
{
    struct node approvers = node_member(root, "approvers");
    config->approver_count = node_count(&approvers);
    struct console_approver *all = arena_alloc(root->reading->arena, (config->approver_count + 1) * sizeof *all);
    for (size_t i = 0; i < config->approver_count; i++) {
        struct node approver = node_at(&approvers, i);
        if (!check_name(&approver, "approver") || !node_check(&approver, approver_members))
            return false;
        all[i].name = node_name(&approver);
        if (config_agent(config, all[i].name) != NULL)
            return node_fault(&approver, "an approver can't be an agent: \"%s\" stands under \"agents\" too",
                              all[i].name);
        struct node password = node_member(&approver, "password");
        if (!read_verifier(&password, role == CONFIG_ROLE_CONSOLE, &all[i].verifier))
            return false;
    }
    config->approvers = all;
    return check_approvals(root, config);
}

const struct proxy_agent *config_agent(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->agent_count; i++)
        if (strcmp(config->agents[i].name, name) == 0)
            return &config->agents[i];
    return NULL;
}
