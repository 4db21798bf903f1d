/* What the audit's tests share: a folder of their own, files as bytes, and a log with little in it. */
#ifndef AUDIT_SUPPORT_H
#define AUDIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit/audit.h"

struct folder {
    char path[256];
};

static inline int folder_make(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/sallyport-audit-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static inline int folder_remove(void **state)
{
    struct folder *folder = *state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
    int status = system(command);
    free(folder);
    return status;
}

/* To be freed. */
static inline char *file_path(const struct folder *folder, const char *name)
{
    struct bytes path = {0};
    bytes_add_format(&path, "%s/%s", folder->path, name);
    bytes_text(&path);
    return path.data;
}

static inline struct bytes file_read(const struct folder *folder, const char *name)
{
    char *path = file_path(folder, name);
    struct bytes content = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t len = 1; len > 0; content.len += len)
        len = fread(bytes_room(&content, 65536), 1, 65536, file);
    fclose(file);
    free(path);
    bytes_text(&content);
    return content;
}

static inline void file_write(const struct folder *folder, const char *name, struct view content)
{
    char *path = file_path(folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
    fclose(file);
    free(path);
}

static inline void file_append(const struct folder *folder, const char *name, const char *text)
{
    struct bytes content = file_read(folder, name);
    bytes_add_text(&content, text);
    file_write(folder, name, bytes_view(&content));
    bytes_fini(&content);
}

static inline bool file_exists(const struct folder *folder, const char *name)
{
    char *path = file_path(folder, name);
    bool exists = access(path, F_OK) == 0;
    free(path);
    return exists;
}

static inline void file_remove(const struct folder *folder, const char *name)
{
    char *path = file_path(folder, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static inline struct audit *log_try(const struct folder *folder, const char *chain, uint64_t segment_bytes,
                                    struct fault *fault)
{
    struct audit_options options = {.directory = folder->path, .chain = chain, .segment_bytes = segment_bytes};
    return audit_open(&options, fault);
}

static inline struct audit *log_open_for(const struct folder *folder, const char *chain, uint64_t segment_bytes)
{
    struct fault fault = {0};
    struct audit *audit = log_try(folder, chain, segment_bytes, &fault);
    if (audit == NULL)
        fault_print(&fault, stderr);
    assert_non_null(audit);
    return audit;
}

static inline uint64_t log_add(struct audit *audit, const char *body)
{
    return audit_append(audit, view_of(body));
}

/* A closed log of `count` small records. */
static inline void log_make(const struct folder *folder, const char *chain, uint64_t segment_bytes, int count)
{
    struct audit *audit = log_open_for(folder, chain, segment_bytes);
    for (int i = 0; i < count; i++)
        assert_true(log_add(audit, "\"event\":\"test\",\"text\":\"x\"") > 0);
    audit_close(audit);
}

/* What is written to a stream from capture_begin, as text; closes it. To be freed. */
static inline FILE *capture_begin(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    return file;
}

static inline char *capture_end(FILE *file)
{
    struct bytes text = {0};
    rewind(file);
    for (size_t len = 1; len > 0; text.len += len)
        len = fread(bytes_room(&text, 65536), 1, 65536, file);
    fclose(file);
    bytes_text(&text);
    return text.data;
}

/* What audit_verify prints; *whole is what it returns. To be freed. */
static inline char *log_verify(const struct folder *folder, bool *whole)
{
    FILE *to = capture_begin();
    struct fault fault = {0};
    *whole = audit_verify(folder->path, to, &fault);
    if (fault.message[0])
        fault_print(&fault, to);
    return capture_end(to);
}

static inline void assert_whole(const struct folder *folder)
{
    bool whole;
    char *report = log_verify(folder, &whole);
    if (!whole)
        print_error("%s", report);
    free(report);
    assert_true(whole);
}

/* Not whole, and the report says `why`. */
static inline void assert_damaged(const struct folder *folder, const char *why)
{
    bool whole;
    char *report = log_verify(folder, &whole);
    if (whole || strstr(report, why) == NULL)
        print_error("expected \"%s\" in: %s", why, report);
    assert_false(whole);
    assert_non_null(strstr(report, why));
    free(report);
}

#endif
