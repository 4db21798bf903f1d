#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum { NAME_MAX_LEN = 64, DEPTH_MAX = 16, NUMBER_DIGITS = 6 };

bool listing_is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0';
}

char *listing_path(const char *directory, const char *name, uint64_t number)
{
    struct bytes path = {0};
    bytes_add_format(&path, "%s/%s-%0*" PRIu64 ".jsonl", directory, name, NUMBER_DIGITS, number);
    bytes_text(&path);
    return path.data;
}

/* "proxy-000012.jsonl" -> "proxy" and 12; "proxy.lock" -> "proxy" and 0. One spelling per number. */
static bool read_name(const char *file, char name[NAME_MAX_LEN + 1], uint64_t *number)
{
    size_t len = strlen(file);
    const char *dash = strrchr(file, '-'), *dot = strrchr(file, '.');
    bool is_lock = dot != NULL && strcmp(dot, ".lock") == 0;
    const char *end = is_lock ? dot : dash;
    if (dot == NULL || end == NULL || end > dot || (size_t)(end - file) > NAME_MAX_LEN)
        return false;
    memcpy(name, file, (size_t)(end - file));
    name[end - file] = '\0';
    *number = is_lock ? 0 : strtoull(dash + 1, NULL, 10);
    if (is_lock || !listing_is_name(name))
        return is_lock && listing_is_name(name);
    char *again = listing_path("", name, *number);
    bool same = *number > 0 && strlen(again) == len + 1 && strcmp(again + 1, file) == 0;
    free(again);
    return same;
}

void listing_chain_fini(struct listing_chain *chain)
{
    free(chain->directory);
    free(chain->name);
    free(chain->label);
    free(chain->numbers);
    *chain = (struct listing_chain){0};
}

void listing_fini(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        listing_chain_fini(&listing->chains[i]);
    free(listing->chains);
    *listing = (struct listing){0};
}

/* `below`: the way from the directory listed, "" for itself. */
static char *make_label(const char *below, const char *name)
{
    struct bytes label = {0};
    const char *last = strrchr(below, '/');
    bytes_add_text(&label, below);
    if (strcmp(last ? last + 1 : below, name) != 0) {
        bytes_add_text(&label, below[0] ? "/" : "");
        bytes_add_text(&label, name);
    }
    bytes_text(&label);
    return label.data;
}

static struct listing_chain *find_chain(struct listing *listing, const char *directory, const char *below,
                                        const char *name)
{
    for (size_t i = 0; i < listing->count; i++) {
        struct listing_chain *chain = &listing->chains[i];
        if (strcmp(chain->name, name) == 0 && strcmp(chain->directory, directory) == 0)
            return chain;
    }
    listing->chains = check_realloc(listing->chains, (listing->count + 1) * sizeof *listing->chains);
    struct listing_chain *chain = &listing->chains[listing->count++];
    *chain = (struct listing_chain){check_strdup(directory), check_strdup(name), make_label(below, name), NULL, 0};
    return chain;
}

static void add_file(struct listing *listing, const char *directory, const char *below, const char *file)
{
    char name[NAME_MAX_LEN + 1];
    uint64_t number;
    if (!read_name(file, name, &number))
        return;
    struct listing_chain *chain = find_chain(listing, directory, below, name);
    if (number == 0)
        return;
    chain->numbers = check_realloc(chain->numbers, (chain->count + 1) * sizeof *chain->numbers);
    chain->numbers[chain->count++] = number;
}

static bool read_directory(const char *directory, const char *below, int depth, struct listing *listing,
                           struct fault *fault);

static bool add_entry(const char *directory, const char *below, const char *file, int depth, struct listing *listing,
                      struct fault *fault)
{
    struct bytes path = {0}, label = {0};
    struct stat status;
    bool good = true;
    bytes_add_format(&path, "%s/%s", directory, file);
    bytes_add_format(&label, "%s%s%s", below, below[0] ? "/" : "", file);
    if (lstat(bytes_text(&path), &status) != 0)
        good = errno == ENOENT || fault_at(fault, path.data, 0, 0, NULL, "can't be looked at: %s", strerror(errno));
    else if (S_ISREG(status.st_mode))
        add_file(listing, directory, below, file);
    else if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
        good = read_directory(path.data, bytes_text(&label), depth + 1, listing, fault);
    bytes_fini(&path);
    bytes_fini(&label);
    return good;
}

/* depth DEPTH_MAX: only this directory. */
static bool read_directory(const char *directory, const char *below, int depth, struct listing *listing,
                           struct fault *fault)
{
    DIR *open = opendir(directory);
    if (open == NULL)
        return fault_at(fault, directory, 0, 0, NULL, "the audit directory can't be read: %s", strerror(errno));
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(open)) != NULL;)
        if (entry->d_name[0] != '.')
            good = add_entry(directory, below, entry->d_name, depth, listing, fault);
    closedir(open);
    return good;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static int compare_chains(const void *a, const void *b)
{
    return strcmp(((const struct listing_chain *)a)->label, ((const struct listing_chain *)b)->label);
}

static bool list(const char *directory, int depth, struct listing *listing, struct fault *fault)
{
    *listing = (struct listing){0};
    if (!read_directory(directory, "", depth, listing, fault)) {
        listing_fini(listing);
        return false;
    }
    if (listing->count > 0)
        qsort(listing->chains, listing->count, sizeof *listing->chains, compare_chains);
    for (size_t i = 0; i < listing->count; i++)
        if (listing->chains[i].count > 0)
            qsort(listing->chains[i].numbers, listing->chains[i].count, sizeof(uint64_t), compare_numbers);
    return true;
}

bool listing_read(const char *directory, struct listing *listing, struct fault *fault)
{
    return list(directory, 0, listing, fault);
}

bool listing_read_chain(const char *directory, const char *name, struct listing_chain *chain, struct fault *fault)
{
    struct listing listing;
    if (!list(directory, DEPTH_MAX, &listing, fault))
        return false;
    /* find_chain makes an empty one if it is not there; the array's other chains are freed. */
    struct listing_chain *found = find_chain(&listing, directory, "", name);
    *chain = *found;
    *found = (struct listing_chain){0};
    listing_fini(&listing);
    return true;
}

bool listing_is_in_use(const struct listing_chain *chain)
{
    struct bytes path = {0};
    bytes_add_format(&path, "%s/%s.lock", chain->directory, chain->name);
    int fd = open(bytes_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bytes_fini(&path);
    if (fd < 0)
        return false;
    /* Asked, not taken: a process that starts right now must not find it taken by us. */
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    bool in_use = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return in_use;
}
