/* Child processes: the supervisor's three roles, and whatever a test starts. A child inherits standard
 * input, output and error and nothing else: all our descriptors are close-on-exec. */
#include "net/net.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"

struct child {
    uv_process_t process;
    void (*ended)(void *arg, int64_t status, int signal);
    void *arg;
};

static void child_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void child_exited(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = process->data;
    uv_close((uv_handle_t *)process, child_closed);
    child->ended(child->arg, status, signal);
}

int net_spawn(struct net_loop *loop, const char *const *argv, int uid, int gid,
              void (*ended)(void *arg, int64_t status, int signal), void *arg)
{
    struct child *child = check_calloc(1, sizeof *child);
    child->ended = ended;
    child->arg = arg;
    child->process.data = child;

    uv_stdio_container_t inherited[3];
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        inherited[fd].flags = UV_INHERIT_FD;
        inherited[fd].data.fd = fd;
    }
    uv_process_options_t options = {
        .exit_cb = child_exited,
        .file = argv[0],
        .args = (char **)(uintptr_t)argv, /* libuv does not write to them */
        .stdio = inherited,
        .stdio_count = 3,
        .uid = (uv_uid_t)uid,
        .gid = (uv_gid_t)gid,
        .flags = (uid >= 0 ? UV_PROCESS_SETUID : 0u) | (gid >= 0 ? UV_PROCESS_SETGID : 0u),
    };
    int error = uv_spawn(net_loop_uv(loop), &child->process, &options);
    if (error < 0) {
        uv_close((uv_handle_t *)&child->process, child_closed);
        return error;
    }
    return child->process.pid;
}
