/* Our reading against the library's own scanner, loaded as the shared library so that it shares nothing with the
 * copy inside the parser room: statements per message, and where comments are. Over all of the corpus and over
 * random texts made of the pieces that lexers trip over. And many threads at once give what one gives. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "blank.h"
#include "parser/parser.h"

/* As in pg_query.h, which can't be included beside the room. */
struct scan_result {
    size_t len;
    const char *data;
    char *stderr_buffer;
    void *error;
};

struct split_result {
    void **statements;
    int count;
    char *stderr_buffer;
    void *error;
};

struct library {
    void *handle;
    struct scan_result (*scan)(const char *);
    void (*free_scan)(struct scan_result);
    struct split_result (*split)(const char *);
    void (*free_split)(struct split_result);
};

static struct library library;

static void *symbol(const char *name)
{
    void *found = dlsym(library.handle, name);
    assert_non_null(found);
    return found;
}

static int open_library(void **state)
{
    library.handle = dlopen("libpg_query.so", RTLD_NOW | RTLD_LOCAL);
    if (library.handle == NULL)
        print_error("%s\n", dlerror());
    assert_non_null(library.handle);
    *(void **)&library.scan = symbol("pg_query_scan");
    *(void **)&library.free_scan = symbol("pg_query_free_scan_result");
    *(void **)&library.split = symbol("pg_query_split_with_scanner");
    *(void **)&library.free_split = symbol("pg_query_free_split_result");
    return 0;
}

/* ---- texts -------------------------------------------------------------------------------------------- */

static int hex(const char *at)
{
    int value = 0;
    return sscanf(at, "%4x", (unsigned *)&value) == 1 ? value : 0;
}

static void add_point(struct bytes *to, int point)
{
    if (point < 0x80) {
        bytes_add_char(to, (char)point);
    } else if (point < 0x800) {
        bytes_add_char(to, (char)(0xc0 | point >> 6));
        bytes_add_char(to, (char)(0x80 | (point & 0x3f)));
    } else {
        bytes_add_char(to, (char)(0xe0 | point >> 12));
        bytes_add_char(to, (char)(0x80 | (point >> 6 & 0x3f)));
        bytes_add_char(to, (char)(0x80 | (point & 0x3f)));
    }
}

/* The JSON string at `at`, just behind its opening quote. */
static void unescape(struct bytes *to, const char *at)
{
    static const char from[] = "nrtbf", into[] = "\n\r\t\b\f";
    for (; *at != '"' && *at != '\0'; at++) {
        if (*at != '\\') {
            bytes_add_char(to, *at);
        } else if (*++at == 'u') {
            add_point(to, hex(at + 1));
            at += 4;
        } else {
            const char *escape = strchr(from, *at);
            bytes_add_char(to, escape ? into[escape - from] : *at);
        }
    }
}

/* The next statement of the corpus, or false at its end. */
static bool next_of_corpus(FILE *corpus, struct bytes *sql)
{
    static char line[200000];
    while (fgets(line, sizeof line, corpus) != NULL) {
        const char *at = strstr(line, "\"sql\": \"");
        if (at == NULL)
            continue;
        bytes_clear(sql);
        unescape(sql, at + 8);
        return true;
    }
    return false;
}

static const char *const pieces[] = {
    "'",   "''",  "E'", "e'", "U&'",    "\"",    "U&\"",  "$$",   "$a$",    "$1",     "--",  "/*",
    "*/",  "\\",  "\n", "\r", " ",      "a",     "b'",    "x'",   "n'",     ";",      "1",   "1.",
    "1e5", "+",   "-",  "/",  "*",      "(",     ")",     "=",    "<>",     "@",      "a$b", "$",
    "é",   "'a'", "\t", "\f", "SELECT", "--a\n", "/*a*/", "'--'", "\"--\"", "$$--$$",
};

static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void random_text(struct bytes *sql)
{
    bytes_clear(sql);
    for (unsigned n = 1 + draw(14); n > 0; n--)
        bytes_add_text(sql, pieces[draw(sizeof pieces / sizeof *pieces)]);
}

/* ---- comments ----------------------------------------------------------------------------------------- */

static uint64_t varint(struct reader *r)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            break;
    }
    return value;
}

enum { SQL_COMMENT = 275, C_COMMENT = 276 };

/* ScanToken {1: start, 2: end, 4: token, 5: kind}, all varints; zeros are left out. */
static void blank_token(struct reader token, char *text)
{
    uint64_t field[6] = {0};
    while (reader_left(&token) > 0) {
        uint64_t key = varint(&token);
        field[key >> 3 < 6 ? key >> 3 : 0] = varint(&token);
    }
    if (field[4] == SQL_COMMENT || field[4] == C_COMMENT)
        memset(text + field[1], ' ', field[2] - field[1]);
}

/* ScanResult {1: version, 2: repeated ScanToken}. */
static void blank_by_library(struct scan_result scan, char *text)
{
    struct reader r = reader_of((struct view){scan.data, scan.len});
    while (reader_left(&r) > 0) {
        uint64_t key = varint(&r), value = varint(&r);
        if ((key & 7) == 2)
            blank_token(reader_of(reader_take(&r, value)), text);
    }
}

/* The server lets comments stand between the parts of a literal; the library's scanner takes the parts for
 * separate literals then, which only matters where one is an escape string. Such texts are left out. */
static bool differs_knowingly(const char *text)
{
    return strstr(text, "--") != NULL && (strstr(text, "E'") != NULL || strstr(text, "e'") != NULL);
}

static bool compare_comments(struct bytes *sql)
{
    const char *text = bytes_text(sql);
    if (strlen(text) != sql->len)
        return false;
    struct scan_result scan = library.scan(text);
    if (scan.error == NULL) {
        char *theirs = strdup(text), *ours = strdup(text);
        blank_by_library(scan, theirs);
        blank_comments(ours, sql->len);
        if (strcmp(theirs, ours) != 0 && !differs_knowingly(text)) {
            print_error("text   <%s>\ntheirs <%s>\nours   <%s>\n", text, theirs, ours);
            fail();
        }
        free(theirs);
        free(ours);
    }
    bool scanned = scan.error == NULL;
    library.free_scan(scan);
    return scanned;
}

static void comments_are_where_the_library_finds_them(void **state)
{
    struct bytes sql = {0};
    int scanned = 0;
    FILE *corpus = fopen(SOURCE_DIR "/tests/corpus/statements.jsonl", "r");
    assert_non_null(corpus);
    while (next_of_corpus(corpus, &sql))
        scanned += compare_comments(&sql);
    fclose(corpus);
    assert_true(scanned > 500);
    for (int i = 0; i < 200000; i++) {
        random_text(&sql);
        scanned += compare_comments(&sql);
    }
    print_message("%d texts\n", scanned);
    assert_true(scanned > 20000);
    bytes_fini(&sql);
}

/* ---- statements --------------------------------------------------------------------------------------- */

/* True when the text could be read. */
static bool compare_counts(struct bytes *sql)
{
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    bool read = parser_read(bytes_view(sql), NULL, &arena, &facts, &error) == PARSER_RESULT_OK;
    if (read && strstr(bytes_text(sql), "ATOMIC") == NULL) { /* which the library's scanner splits */
        struct split_result split = library.split(bytes_text(sql));
        if (split.error == NULL && (size_t)split.count != facts.count)
            print_error("%d and %zu statements: <%s>\n", split.count, facts.count, bytes_text(sql));
        assert_true(split.error != NULL || (size_t)split.count == facts.count);
        library.free_split(split);
    }
    arena_fini(&arena);
    return read;
}

static void statements_are_as_many_as_the_scanner_finds(void **state)
{
    struct bytes sql = {0};
    int read = 0;
    FILE *corpus = fopen(SOURCE_DIR "/tests/corpus/statements.jsonl", "r");
    assert_non_null(corpus);
    while (next_of_corpus(corpus, &sql))
        read += compare_counts(&sql);
    fclose(corpus);
    print_message("%d texts\n", read);
    assert_true(read > 500);
    bytes_fini(&sql);
}

/* ---- threads ------------------------------------------------------------------------------------------ */

/* A hash over the shapes and counts of the whole corpus. */
static uint64_t read_corpus(void)
{
    struct bytes sql = {0};
    struct arena arena = {0};
    uint64_t hash = 1;
    FILE *corpus = fopen(SOURCE_DIR "/tests/corpus/statements.jsonl", "r");
    char *line = NULL;
    size_t room = 0;
    while (corpus != NULL && getline(&line, &room, corpus) > 0) {
        const char *at = strstr(line, "\"sql\": \"");
        if (at == NULL)
            continue;
        bytes_clear(&sql);
        unescape(&sql, at + 8);
        struct facts facts;
        struct parser_error error;
        hash = hash * 31 + parser_read(bytes_view(&sql), NULL, &arena, &facts, &error);
        for (size_t i = 0; i < facts.count; i++)
            hash = hash * 31 + facts.statements[i].shape + facts.statements[i].column_count;
        arena_reset(&arena);
    }
    free(line);
    if (corpus != NULL)
        fclose(corpus);
    arena_fini(&arena);
    bytes_fini(&sql);
    return hash;
}

static void *thread_main(void *hash)
{
    for (int i = 0; i < 5; i++)
        *(uint64_t *)hash = read_corpus();
    return NULL;
}

static void threads_in_parallel_give_the_same(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    uint64_t hashes[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, &hashes[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    uint64_t alone = read_corpus();
    for (int i = 0; i < THREADS; i++)
        assert_true(hashes[i] == alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_are_where_the_library_finds_them),
        cmocka_unit_test(statements_are_as_many_as_the_scanner_finds),
        cmocka_unit_test(threads_in_parallel_give_the_same),
    };
    return cmocka_run_group_tests(tests, open_library, NULL);
}
