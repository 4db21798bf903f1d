/* What a value of the configuration must look like, beyond its type. Each check sets the fault at the node
 * and returns false; a node that isn't there is right. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config.h"
#include "config_read.h"

bool check_name(const struct node *node, const char *what); /* what: "agent", "approver", "database" */
bool check_address(const struct node *node);                /* host:port, [host]:port or unix:/path */
bool check_redis_url(const struct node *node);
bool check_verifier(const struct node *node, const char *text);   /* text NULL: nothing to look at */
bool check_connection(const struct node *node, const char *text); /* a libpq connection string */
bool check_tls(const struct node *certificate, const char *certificate_file, const struct node *key,
               const char *key_file);
bool check_setting(const struct node *node); /* one of an agent's pinned settings */

/* The user that runs approved writes: part of a ticket's identity, so every role must know it, also those
 * that may not see the rest of `write`: "write_user" tells them. "": nobody told. text: `write` as looked
 * up, or NULL. */
bool check_write_user(const struct node *database, const char *text, const char **user);

/* One of an agent's databases: it exists, and has the credentials that the agent's policy can call for. */
bool check_agent_database(const struct node *node, const struct node *root, const struct config *config,
                          const struct rules *rules);

/* Can what an agent's policy parks be approved at all? */
bool check_approvals(const struct node *root, const struct config *config);

#endif
