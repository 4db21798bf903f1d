/* `sallyport run`: the three roles as child processes of one supervisor, for a single machine. A role that
 * ends is started again, after a pause that grows while it keeps ending. As root each role gets a user of
 * its own where there is one, so that none can read another's memory or files. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "commands.h"
#include "net/net.h"
#include "role.h"

static const char help[] =
    "Usage: sallyport run [--config FILE]\n\n"
    "Starts proxy, executor and console together, as child processes, and starts again what ends. It runs in\n"
    "the foreground and logs to standard error.\n\n"
    "  -c, --config FILE  the configuration; else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json\n"
    "  -h, --help         show this text\n\n"
    "Started by root, each role runs as a user of its own, sallyport-proxy, sallyport-executor and\n"
    "sallyport-console; where one of them doesn't exist, the log says that the roles are not separated.\n"
    "SIGHUP, SIGTERM and SIGINT are passed on to the roles.\n\n"
    "Exit status: 0 it was stopped; 1 the configuration is wrong.\n\n"
    "Example:\n  sallyport run --config ./sallyport.json\n";

enum {
    ROLES = 3,
    PAUSE_FIRST_MS = 500,
    PAUSE_MOST_MS = 30 * 1000,
    KILL_AFTER_MS = 15 * 1000,        /* … SIGTERM: more than a role takes that ends in order */
    LIVED_LONG_US = 60 * 1000 * 1000, /* after this a role's pauses begin anew */
};

struct supervisor;

struct child {
    struct supervisor *supervisor;
    enum config_role role;
    int pid;      /* 0: it doesn't run */
    int uid, gid; /* -1: ours */
    int64_t started;
    unsigned pause_ms;
    struct net_timer *timer; /* of the next start */
};

struct supervisor {
    struct net_loop *loop;
    const char *path; /* of the configuration, or NULL */
    struct child children[ROLES];
    struct config *config;      /* as the console sees it: with the approval key */
    struct net_timer *patience; /* of a stop */
    bool is_stopping;
};

static void child_start(struct child *child);

static bool has_ended(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < ROLES; i++)
        if (supervisor->children[i].pid > 0)
            return false;
    return true;
}

/* ---- children ----------------------------------------------------------------------------------------- */

static void plan_start(struct child *child)
{
    bool lived_long = net_loop_now(child->supervisor->loop) - child->started > LIVED_LONG_US;
    if (child->pause_ms == 0 || lived_long)
        child->pause_ms = PAUSE_FIRST_MS;
    log_warn("the %s starts again in %.1f s", config_role_name(child->role), child->pause_ms / 1000.0);
    net_timer_start(child->timer, child->pause_ms, 0);
    child->pause_ms = child->pause_ms < PAUSE_MOST_MS / 2 ? 2 * child->pause_ms : PAUSE_MOST_MS;
}

static void child_ended(void *arg, int64_t status, int signal)
{
    struct child *child = arg;
    struct supervisor *supervisor = child->supervisor;
    child->pid = 0;
    if (supervisor->is_stopping) {
        if (signal != 0)
            log_warn("the %s was ended by signal %d (%s)", config_role_name(child->role), signal, strsignal(signal));
        if (has_ended(supervisor))
            net_loop_stop(supervisor->loop);
        return;
    }
    if (signal != 0)
        log_warn("the %s was ended by signal %d (%s)", config_role_name(child->role), signal, strsignal(signal));
    else
        log_warn("the %s ended with status %d", config_role_name(child->role), (int)status);
    plan_start(child);
}

/* A key that was made at the first start lies in a file that only we can read. In an environment it lies open:
 * `variable` is the environment's own memory, which is wiped when the child has it. */
static void give_key(const struct child *child, struct bytes *variable)
{
    const struct config *config = child->supervisor->config;
    bool can_read = config->approval_key_file == NULL || child->uid < 0;
    if (can_read || child->role == CONFIG_ROLE_PROXY)
        return;
    bytes_room(variable, sizeof CONFIG_KEY_VARIABLE + config->approval_key.len + 1); /* no copies by growing */
    bytes_add_text(variable, CONFIG_KEY_VARIABLE "=");
    bytes_add_view(variable, config->approval_key);
    bytes_text(variable);
    putenv(variable->data);
}

static void take_back_key(struct bytes *variable)
{
    unsetenv(CONFIG_KEY_VARIABLE);
    crypto_wipe(variable->data, variable->len);
    bytes_fini(variable);
}

/* What a child is told in its environment is taken from ours again at once. */
static int spawn(struct child *child, const char *const *argv)
{
    char pid[24];
    struct bytes key = {0};
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv(ROLE_SUPERVISOR_VARIABLE, pid, 1);
    give_key(child, &key);
    int started = net_spawn(child->supervisor->loop, argv, child->uid, child->gid, child_ended, child);
    take_back_key(&key);
    unsetenv(ROLE_SUPERVISOR_VARIABLE);
    return started;
}

static void child_start(struct child *child)
{
    struct supervisor *supervisor = child->supervisor;
    const char *argv[] = {"/proc/self/exe", config_role_name(child->role), supervisor->path ? "--config" : NULL,
                          supervisor->path, NULL};
    int pid = spawn(child, argv);
    child->started = net_loop_now(supervisor->loop);
    if (pid > 0) {
        child->pid = pid;
        log_info("the %s runs as process %d", config_role_name(child->role), pid);
        return;
    }
    log_error("the %s can't be started: %s", config_role_name(child->role), strerror(-pid));
    plan_start(child);
}

static void timer_fired(void *arg)
{
    struct child *child = arg;
    if (!child->supervisor->is_stopping)
        child_start(child);
}

/* ---- signals ------------------------------------------------------------------------------------------ */

static void tell_children(const struct supervisor *supervisor, int signal)
{
    for (size_t i = 0; i < ROLES; i++)
        if (supervisor->children[i].pid > 0)
            kill(supervisor->children[i].pid, signal);
}

static void hang_up(void *arg, int signal)
{
    tell_children(arg, signal);
}

/* A role that hangs would hang us. What it had in hand is as after a crash: somebody finds out. */
static void patience_ends(void *arg)
{
    const struct supervisor *supervisor = arg;
    for (size_t i = 0; i < ROLES; i++)
        if (supervisor->children[i].pid > 0)
            log_error("the %s has not ended within %d s, and is killed", config_role_name(supervisor->children[i].role),
                      KILL_AFTER_MS / 1000);
    tell_children(supervisor, SIGKILL);
}

static void stop(void *arg, int signal)
{
    struct supervisor *supervisor = arg;
    if (!supervisor->is_stopping)
        net_timer_start(supervisor->patience, KILL_AFTER_MS, 0);
    supervisor->is_stopping = true;
    tell_children(supervisor, SIGTERM);
    if (has_ended(supervisor))
        net_loop_stop(supervisor->loop);
}

/* ---- users of their own -------------------------------------------------------------------------------- */

static bool find_user(struct child *child)
{
    char name[64];
    snprintf(name, sizeof name, "sallyport-%s", config_role_name(child->role));
    const struct passwd *user = getpwnam(name);
    if (user == NULL) {
        log_warn("there is no user %s: roles are not separated, and run as the user that started them", name);
        return false;
    }
    child->uid = (int)user->pw_uid;
    child->gid = (int)user->pw_gid;
    return true;
}

/* Each role's part of the audit directory belongs to its user; the directory itself can be passed through. */
static bool give_audit_directory(const struct config *config, const struct child *child, struct fault *fault)
{
    struct bytes path = {0};
    if (mkdir(config->audit_directory, 0700) == 0)
        chmod(config->audit_directory, 0711);
    bytes_add_format(&path, "%s/%s", config->audit_directory, config_role_name(child->role));
    bool done = (mkdir(bytes_text(&path), 0700) == 0 || errno == EEXIST) &&
                chown(bytes_text(&path), (uid_t)child->uid, (gid_t)child->gid) == 0;
    if (!done)
        fault_set(fault, "%s can't be given to its role: %s", bytes_text(&path), strerror(errno));
    bytes_fini(&path);
    return done;
}

static bool separate(struct supervisor *supervisor, struct fault *fault)
{
    bool all = geteuid() == 0;
    if (!all)
        log_warn("not started by root: roles are not separated, and run as the user that started them");
    for (size_t i = 0; all && i < ROLES; i++)
        all = find_user(&supervisor->children[i]);
    for (size_t i = 0; i < ROLES; i++) {
        struct child *child = &supervisor->children[i];
        if (!all)
            child->uid = child->gid = -1;
        else if (!give_audit_directory(supervisor->config, child, fault))
            return false;
    }
    return true;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static void children_init(struct supervisor *supervisor)
{
    static const enum config_role roles[ROLES] = {CONFIG_ROLE_PROXY, CONFIG_ROLE_EXECUTOR, CONFIG_ROLE_CONSOLE};
    for (size_t i = 0; i < ROLES; i++)
        supervisor->children[i] = (struct child){.supervisor = supervisor, .role = roles[i], .uid = -1, .gid = -1};
}

/* A configuration that is wrong for any role is a fault now, not a role that keeps ending. */
static bool check_config(struct supervisor *supervisor, struct fault *fault)
{
    for (size_t i = 0; i < ROLES; i++) {
        struct config *config = config_load(supervisor->path, supervisor->children[i].role, fault);
        if (config == NULL)
            return false;
        struct config *before = supervisor->config;
        supervisor->config = config;
        bool has_key = supervisor->children[i].role == CONFIG_ROLE_PROXY || config_approval_key(config, before, fault);
        config_drop(before);
        if (!has_key)
            return false;
    }
    return separate(supervisor, fault);
}

static void supervise(struct supervisor *supervisor)
{
    supervisor->loop = net_loop_new();
    supervisor->patience = net_timer_new(supervisor->loop, patience_ends, supervisor);
    net_signal(supervisor->loop, SIGTERM, stop, supervisor);
    net_signal(supervisor->loop, SIGINT, stop, supervisor);
    net_signal(supervisor->loop, SIGHUP, hang_up, supervisor);
    for (size_t i = 0; i < ROLES; i++) {
        supervisor->children[i].timer = net_timer_new(supervisor->loop, timer_fired, &supervisor->children[i]);
        child_start(&supervisor->children[i]);
    }
    net_loop_run(supervisor->loop);
    for (size_t i = 0; i < ROLES; i++)
        net_timer_free(supervisor->children[i].timer);
    net_timer_free(supervisor->patience);
    net_loop_free(supervisor->loop);
}

int command_run(int argc, char **argv)
{
    struct supervisor supervisor = {0};
    struct fault fault = {0};
    int status;
    if (!role_options(argc, argv, help, &supervisor.path, &status))
        return status;
    role_prepare("sallyport run");
    children_init(&supervisor);
    bool done = check_config(&supervisor, &fault);
    if (done) {
        supervise(&supervisor);
        log_info("stopped");
    } else {
        fprintf(stderr, "sallyport run: ");
        fault_print(&fault, stderr);
    }
    config_drop(supervisor.config);
    return done ? 0 : 1;
}
