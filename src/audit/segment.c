#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "listing.h"

enum { DIRECTORY_MODE = 0700, FILE_MODE = 0600 };

/* A directory that is there, or made so that it survives a power loss. */
static bool make_one(const char *path)
{
    if (mkdir(path, DIRECTORY_MODE) != 0)
        return errno == EEXIST;
    struct bytes above = {0};
    bytes_add_format(&above, "%s/..", path);
    int fd = open(bytes_text(&above), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bytes_fini(&above);
    /* Where we may make names but not read them, it must do without. */
    bool good = fd < 0 || fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* With all that are above it. */
static bool make_directory(const char *path)
{
    char *way = check_strdup(path);
    bool good = true;
    for (char *at = way + 1; good && *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        good = make_one(way);
        *at = '/';
    }
    if (good)
        good = make_one(way);
    free(way);
    return good;
}

static void close_file(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The lock goes with the open file, not with the process: a second audit_open here is refused too. The
 * process number in the file is for people. */
static bool take_lock(struct segment *segment, const char *path, struct fault *fault)
{
    segment->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (segment->lock < 0)
        return fault_at(fault, path, 0, 0, NULL, "can't be opened: %s", strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char pid[16] = "";
    if (fcntl(segment->lock, F_OFD_SETLK, &lock) == 0) {
        int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        /* On a full disk the number stays out; the log itself will say what is wrong. */
        if (ftruncate(segment->lock, 0) == 0 && pwrite(segment->lock, pid, (size_t)len, 0) < 0)
            return true;
        return true;
    }
    if (errno != EAGAIN && errno != EACCES)
        return fault_at(fault, path, 0, 0, NULL, "can't be locked: %s", strerror(errno));
    ssize_t len = pread(segment->lock, pid, sizeof pid - 1, 0);
    pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return fault_at(fault, path, 0, 0, NULL,
                    "another process (%s) writes this audit chain; each needs its own directory",
                    pid[0] ? pid : "of unknown number");
}

bool segment_lock(struct segment *segment, const char *directory, const char *chain, struct fault *fault)
{
    *segment = (struct segment){check_strdup(directory), check_strdup(chain), -1, -1, -1, 0, 0};
    if (!make_directory(directory))
        return fault_at(fault, directory, 0, 0, NULL, "the audit directory can't be made: %s", strerror(errno));
    segment->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (segment->directory < 0)
        return fault_at(fault, directory, 0, 0, NULL, "the audit directory can't be opened: %s", strerror(errno));
    struct bytes path = {0};
    bytes_add_format(&path, "%s/%s.lock", directory, chain);
    bool good = take_lock(segment, bytes_text(&path), fault);
    bytes_fini(&path);
    return good;
}

void segment_fini(struct segment *segment)
{
    close_file(&segment->file);
    close_file(&segment->lock);
    close_file(&segment->directory);
    free(segment->path_of_directory);
    free(segment->chain);
    segment->path_of_directory = segment->chain = NULL;
}

bool segment_open(struct segment *segment, uint64_t number, uint64_t length)
{
    char *path = listing_path(segment->path_of_directory, segment->chain, number);
    segment->file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    free(path);
    segment->number = number;
    segment->length = length;
    return segment->file >= 0 && segment_repair(segment);
}

bool segment_create(struct segment *segment, uint64_t number)
{
    char *path = listing_path(segment->path_of_directory, segment->chain, number);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    /* The name must survive a power loss as the contents do. */
    bool good = file >= 0 && fsync(segment->directory) == 0;
    if (good) {
        close_file(&segment->file);
        segment->file = file;
        segment->number = number;
        segment->length = 0;
    } else if (file >= 0) {
        int error = errno;
        close(file);
        unlink(path);
        errno = error;
    }
    free(path);
    return good;
}

/* Still there, under a name, and exactly as long as we made it? */
static bool is_ours(struct segment *segment, uint64_t least, uint64_t most)
{
    struct stat status;
    if (fstat(segment->file, &status) != 0)
        return false;
    uint64_t size = (uint64_t)status.st_size;
    if (status.st_nlink > 0 && size >= least && size <= most)
        return true;
    errno = ESTALE;
    return false;
}

bool segment_write(struct segment *segment, size_t at, struct view data)
{
    /* Beyond the end of a file that somebody shortened, a write would leave zeros in between. */
    if (!is_ours(segment, segment->length + at, segment->length + at))
        return false;
    while (data.len > 0) {
        ssize_t len = pwrite(segment->file, data.data, data.len, (off_t)(segment->length + at));
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0) {
            errno = len == 0 ? ENOSPC : errno;
            return false;
        }
        at += (size_t)len;
        data.data += len;
        data.len -= (size_t)len;
    }
    return true;
}

bool segment_sync(struct segment *segment, size_t written)
{
    uint64_t length = segment->length + written;
    if (fdatasync(segment->file) != 0 || !is_ours(segment, length, length))
        return false;
    segment->length = length;
    return true;
}

bool segment_repair(struct segment *segment)
{
    /* A file that is shorter lost records: making it longer again would hide that behind zeros. */
    return is_ours(segment, segment->length, UINT64_MAX) && ftruncate(segment->file, (off_t)segment->length) == 0;
}
