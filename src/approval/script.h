/* The Lua scripts, one per transition, as embed.cmake puts them into the program: *.lua in this folder,
 * each with common.lua before it. */
#ifndef APPROVAL_SCRIPT_H
#define APPROVAL_SCRIPT_H

#include <stddef.h>

struct script {
    const char *name;
    const char *sha; /* SHA-1 in hex, as EVALSHA wants it */
    const char *text;
    size_t len;
};

extern const struct script script_park, script_deliver, script_cancel, script_publish, script_news; /* proxy */
extern const struct script script_decide, script_pause, script_paused, script_reload;               /* console */
extern const struct script script_sessions, script_list, script_show;
extern const struct script script_claim, script_prepare, script_postpone, script_finish; /* executor */
extern const struct script script_release;

/* Keys that callers declare, and channels; every other name is the scripts' own business. */
#define KEY_TICKET   "ticket:{sallyport}:"
#define KEY_OK       "ok:{sallyport}:"
#define KEY_RUN      "run:{sallyport}:"
#define CHANNEL_NEWS "ok:{sallyport}:news" /* to proxies */
#define CHANNEL_WAKE "ok:{sallyport}:wake" /* to executors */

#endif
