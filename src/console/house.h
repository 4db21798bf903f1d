/* What all of the console's guests share. Lives on the loop's thread; only `desk` is also used by the
 * commands that run in the thread pool. */
#ifndef CONSOLE_HOUSE_H
#define CONSOLE_HOUSE_H

#include "base/list.h"
#include "command.h"
#include "console.h"
#include "net/net.h"

struct house {
    struct net_loop *loop;
    const struct console_options *options;
    const struct console_set *set;
    struct net_tls *tls; /* of `set`; NULL: none */
    struct desk desk;
    struct list guests; /* oldest first */
    uint8_t secret[32]; /* of this process: for users that don't exist */
    bool is_stopping;
};

/* Takes the set over when its certificate can be read; the old one is given back. False: nothing changed. */
bool house_take(struct house *house, const struct console_set *set, struct fault *fault);
/* Reads the configuration again. False: it is wrong, and the old one stays; the fault and the log say why. */
bool house_reload(struct house *house, struct fault *fault);
const struct console_approver *house_approver(const struct house *house, struct view name);

#endif
