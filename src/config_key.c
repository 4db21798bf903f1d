/* The approval key that is made at the first start. Console and executor may start at the same moment, so
 * it is written whole under another name and linked to its own: whoever comes second finds it there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config_read.h"

enum { KEY_RANDOM = 32, KEY_CHARACTERS = 32 };

static bool write_all(int fd, struct view text)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.data, text.len);
        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            text = (struct view){text.data + put, text.len - (size_t)put};
    }
    return fsync(fd) == 0;
}

/* False, with errno, when it could not be made; that it is there already is right. */
static bool key_make(const char *path)
{
    uint8_t random[KEY_RANDOM];
    char hex[2 * KEY_RANDOM + 2];
    crypto_random(random, sizeof random);
    crypto_hex(random, sizeof random, hex);
    strcat(hex, "\n");

    struct bytes draft = {0};
    bytes_add_format(&draft, "%s.XXXXXX", path);
    bytes_text(&draft);
    int fd = mkostemp(draft.data, O_CLOEXEC); /* mode 0600 */
    bool done = fd >= 0 && write_all(fd, view_of(hex)) && (link(draft.data, path) == 0 || errno == EEXIST);
    int why = errno;
    if (fd >= 0) {
        unlink(draft.data);
        close(fd);
    }
    bytes_fini(&draft);
    crypto_wipe(hex, sizeof hex);
    crypto_wipe(random, sizeof random);
    errno = why;
    return done;
}

/* What a supervisor has handed to us, now or before. The environment can be read in /proc, and is passed on to
 * children: it doesn't stay there. */
static bool take_handed(struct config *config, const struct config *before, struct view *text)
{
    char *handed = getenv(CONFIG_KEY_VARIABLE);
    if (handed != NULL)
        *text = arena_view(config_arena(config), view_of(handed));
    else if (before != NULL && before->approval_key_was_handed)
        *text = arena_view(config_arena(config), before->approval_key);
    else
        return false;
    config->approval_key_was_handed = true;
    if (handed != NULL) {
        crypto_wipe(handed, strlen(handed));
        unsetenv(CONFIG_KEY_VARIABLE);
    }
    return true;
}

bool config_approval_key(struct config *config, const struct config *before, struct fault *fault)
{
    const char *path = config->approval_key_file, *why;
    if (path == NULL)
        return true;
    struct view text;
    bool was_handed = take_handed(config, before, &text);
    if (!was_handed && access(path, F_OK) != 0 && !key_make(path))
        return fault_at(fault, path, 0, 0, NULL,
                        "there is no \"approval_key\" in the configuration, and none can be made here: %s",
                        strerror(errno));
    if (!was_handed && !read_whole(path, 4096, config_arena(config), &text, &why))
        return fault_at(fault, path, 0, 0, NULL, "the approval key can't be read: %s", why);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (text.len < KEY_CHARACTERS)
        return fault_at(fault, path, 0, 0, NULL, "an approval key has %d characters or more", KEY_CHARACTERS);
    config->approval_key = text;
    return true;
}
