/* The people of a ticket's story, each with the login of a role: the agent's proxy, an approver at the console,
 * and, where a test has no database, an executor played by hand. */
#ifndef TESTS_APPROVAL_PEOPLE_H
#define TESTS_APPROVAL_PEOPLE_H

#include <uv.h>

#include "approval/approval.h"
#include "lease.h"
#include "servers.h"

#define APPROVAL_KEY "a key of more than 32 characters for the tests"

struct people {
    const struct server *redis;
    struct approval_redis logins[3]; /* proxy, console, executor */
    uv_loop_t loop;
    struct tickets *tickets;
    struct queue *queue;
    struct dial dial;
    struct arena arena;
};

enum people_role { PEOPLE_ROLE_PROXY, PEOPLE_ROLE_CONSOLE, PEOPLE_ROLE_EXECUTOR };

/* Makes the ACL users sp_proxy, sp_console and sp_executor, and logs everybody in as theirs. */
void people_init(struct people *people, const struct server *redis);
void people_fini(struct people *people);

/* The answer's texts live in people->arena. */
struct ticket_answer people_park(struct people *people, const struct ticket_content *content,
                                 const struct ticket_context *context);
/* One statement of this agent, for database "app" and role "writer"; a day to live. */
struct ticket_content people_content(struct people *people, const char *agent, const char *sql);
struct ticket_answer people_ask(struct people *people, const char *agent, const char *sql);

void people_approve(struct people *people, const char *id);
enum ticket_state people_state(struct people *people, const char *id);
/* Sends delivered, and waits until it has arrived. */
void people_deliver(struct people *people, const char *id);
void people_cancel(struct people *people, const char *id, const char *agent);

#endif
