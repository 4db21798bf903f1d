/* Replies owed: the table of the manual held against the code, then pipelines as conversations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

/* ---- a conversation --------------------------------------------------------------------------------- */

enum { MOST = 16 };

static struct owed owed;
static struct owed_entry entries[MOST]; /* in the order sent */
static size_t sent_count;
static char skipped[2 * MOST]; /* entries that were skipped, as letters in the order skipped */

/* Kinds as one letter each, as the agent's messages are called: d and D are Describe S and P. */
static const char letters[] = "PBCdDESQF";

static enum owed_kind kind_of(char letter)
{
    const char *at = strchr(letters, letter);
    assert_non_null(at);
    return (enum owed_kind)(at - letters);
}

static void note_skipped(void *arg, struct owed_entry *entry)
{
    assert_ptr_equal(arg, &owed);
    /* unlinked, and the caller's to reuse */
    assert_ptr_equal(entry->link.next, &entry->link);
    size_t len = strlen(skipped);
    skipped[len] = letters[entry->kind];
    skipped[len + 1] = '\0';
}

static int set_up(void **state)
{
    owed_init(&owed);
    memset(entries, 0, sizeof entries);
    memset(skipped, 0, sizeof skipped);
    sent_count = 0;
    return 0;
}

/* The agent's messages, as letters. */
static void sends(const char *messages)
{
    for (; *messages; messages++) {
        assert_true(sent_count < MOST);
        struct owed_entry *entry = &entries[sent_count++];
        entry->kind = kind_of(*messages);
        assert_true(owed_add(&owed, entry));
    }
}

/* Sent, but not to be answered. */
static void sends_in_vain(const char *messages)
{
    for (; *messages; messages++) {
        struct owed_entry entry = {.kind = kind_of(*messages)};
        size_t before = owed.count;
        assert_false(owed_add(&owed, &entry));
        assert_int_equal(owed.count, before);
    }
}

static enum owed_answer take(char type, const char *body, struct owed_entry **entry)
{
    return owed_take(&owed, type, view_of(body), entry, note_skipped, &owed);
}

/* The server's messages as "type=answer" words: p part, n nobody, w wrong, or the letter of the entry whose
 * last it is. 'Z' says status I. */
static void answers(const char *expected)
{
    static const char names[] = {
        [OWED_ANSWER_NOBODY] = 'n', [OWED_ANSWER_PART] = 'p', [OWED_ANSWER_WRONG] = 'w', [OWED_ANSWER_LAST] = '?'};
    for (const char *at = expected; *at; at += at[3] ? 4 : 3) {
        struct owed_entry *entry;
        enum owed_answer answer = take(at[0], "I", &entry);
        char got = answer == OWED_ANSWER_LAST ? letters[entry->kind] : names[answer];
        if (got != at[2])
            fail_msg("in \"%s\": %c is %c, not %c", expected, at[0], got, at[2]);
        assert_int_equal(entry != NULL, answer == OWED_ANSWER_PART || answer == OWED_ANSWER_LAST);
    }
}

/* ---- the table -------------------------------------------------------------------------------------- */

/* For each kind: what brings it into a state (server's messages), and then the answer for every type that
 * may come there. Anything that isn't named is wrong. */
static const struct row {
    char kind;
    const char *before;
    const char *good; /* "type=answer" words */
} rows[] = {
    {'P', "", "1=P E=P"},
    {'B', "", "2=B E=B"},
    {'C', "", "3=C E=C"},
    {'d', "", "t=p E=d"},
    {'d', "t", "T=d n=d E=d"},
    {'D', "", "T=D n=D E=D"},
    {'E', "", "D=p C=E I=E s=E G=p H=p E=E"},
    {'E', "D", "D=p C=E s=E E=E"},
    {'E', "G", "C=E E=E"},
    {'E', "G!", "C=E E=E"},
    {'E', "H", "d=p c=p E=E"},
    {'E', "Hd", "d=p c=p E=E"},
    {'E', "Hdc", "C=E E=E"},
    {'S', "", "E=p Z=S"},
    {'S', "E", "E=p Z=S"},
    {'Q', "", "T=p C=p I=p E=p G=p H=p Z=Q"},
    {'Q', "T", "T=p D=p C=p E=p"},
    {'Q', "TD", "T=p D=p C=p E=p"},
    {'Q', "TDC", "T=p C=p I=p E=p G=p H=p Z=Q"},
    {'Q', "I", "T=p C=p I=p E=p G=p H=p Z=Q"},
    {'Q', "G", "C=p E=p"},
    {'Q', "G!", "C=p E=p"},
    {'Q', "G!C", "T=p C=p I=p E=p G=p H=p Z=Q"},
    {'Q', "H", "d=p c=p E=p"},
    {'Q', "Hdc", "C=p E=p"},
    {'Q', "HdcC", "T=p C=p I=p E=p G=p H=p Z=Q"},
    {'Q', "E", "E=p Z=Q"},
    {'Q', "TE", "E=p Z=Q"},
    {'Q', "GE", "E=p Z=Q"},
    {'Q', "HE", "E=p Z=Q"},
    {'F', "", "V=p E=p"},
    {'F', "V", "E=p Z=F"},
    {'F', "E", "E=p Z=F"},
};

/* '!' is the agent's CopyDone. */
static void bring_to(const struct row *row)
{
    set_up(NULL);
    sends((char[]){row->kind, '\0'});
    for (const char *at = row->before; *at; at++) {
        struct owed_entry *entry;
        if (*at == '!')
            owed_copy_ended(&owed);
        else
            assert_int_equal(take(*at, "I", &entry), OWED_ANSWER_PART);
    }
}

static const char *find(const char *good, char type)
{
    for (const char *at = good; *at; at += at[3] ? 4 : 3)
        if (at[0] == type)
            return at;
    return NULL;
}

static void every_message_in_every_state(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int c = 0; c < 256; c++) {
            char type = (char)c;
            const char *good = find(rows[i].good, type);
            bool nobody = type == 'A' || type == 'N' || type == 'S';
            char expected[] = {type, '=', good ? good[2] : nobody ? 'n' : 'w', '\0'};
            bring_to(&rows[i]);
            struct owed before = owed;
            if (type != '\0')
                answers(expected);
            /* Only the last message takes the entry away; a wrong one changes nothing. */
            assert_int_equal(owed.count, good && good[2] == rows[i].kind ? 0 : 1);
            if (good == NULL)
                assert_memory_equal(&owed, &before, sizeof owed);
        }
    }
}

static void zero_type_is_wrong(void **state)
{
    struct owed_entry *entry;
    sends("Q");
    assert_int_equal(take('\0', "", &entry), OWED_ANSWER_WRONG);
}

static void nothing_owed(void **state)
{
    for (int c = 1; c < 256; c++) {
        char type = (char)c;
        set_up(NULL);
        answers((char[]){type, '=', strchr("ANSE", type) ? 'n' : 'w', '\0'});
        assert_true(owed_is_quiet(&owed));
        assert_false(owed.skipping);
    }
}

static void ready_has_a_status(void **state)
{
    struct owed_entry *entry;
    assert_int_equal(owed.status, 'I');
    for (const char *status = "TEI"; *status; status++) {
        sends("Q");
        assert_int_equal(take('Z', (char[]){*status, '\0'}, &entry), OWED_ANSWER_LAST);
        assert_int_equal(owed.status, *status);
    }
    sends("S");
    static const char *const bad[] = {"", "X", "II"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(take('Z', bad[i], &entry), OWED_ANSWER_WRONG);
    assert_int_equal(owed.status, 'I');
    assert_int_equal(owed.count, 1);
}

/* ---- pipelines -------------------------------------------------------------------------------------- */

static void pipeline_is_answered_in_order(void **state)
{
    sends("PdBDESPBES");
    answers("1=P t=p T=d 2=B T=D D=p D=p C=E Z=S 1=P 2=B C=E Z=S");
    assert_true(owed_is_quiet(&owed));
    assert_string_equal(skipped, "");
}

static void entry_is_the_one_that_was_sent(void **state)
{
    struct owed_entry *entry;
    sends("PBS");
    assert_int_equal(take('1', "", &entry), OWED_ANSWER_LAST);
    assert_ptr_equal(entry, &entries[0]);
    assert_int_equal(take('N', "", &entry), OWED_ANSWER_NOBODY);
    assert_null(entry);
    assert_int_equal(take('2', "", &entry), OWED_ANSWER_LAST);
    assert_ptr_equal(entry, &entries[1]);
    assert_int_equal(take('1', "", &entry), OWED_ANSWER_WRONG);
    assert_null(entry);
    assert_int_equal(take('Z', "I", &entry), OWED_ANSWER_LAST);
    assert_ptr_equal(entry, &entries[2]);
}

static void suspended_portal_goes_on(void **state)
{
    sends("BEEES");
    answers("2=B D=p s=E D=p s=E C=E Z=S");
}

static void notices_pass_anywhere(void **state)
{
    answers("N=n A=n S=n");
    sends("PES");
    answers("N=n 1=P A=n D=p S=n N=n C=E N=n Z=S A=n");
}

static void error_skips_to_sync(void **state)
{
    sends("PBDESPBES");
    answers("E=P");
    assert_string_equal(skipped, "BDE");
    assert_false(owed.skipping);
    answers("Z=S 1=P 2=B C=E Z=S");
    assert_string_equal(skipped, "BDE");
    assert_true(owed_is_quiet(&owed));
}

static void error_at_the_end_skips_nothing(void **state)
{
    sends("PBES");
    answers("1=P 2=B D=p E=E");
    assert_string_equal(skipped, "");
    answers("Z=S");
}

static void error_before_sync_is_sent(void **state)
{
    sends("PBE");
    answers("1=P E=B");
    assert_string_equal(skipped, "E");
    assert_true(owed.skipping);
    assert_true(owed_is_quiet(&owed));
    sends_in_vain("PBCdDEQF");
    sends("S");
    assert_false(owed.skipping);
    sends("P");
    answers("Z=S 1=P");
}

static void query_and_call_are_skipped_too(void **state)
{
    sends("PQFESQ");
    answers("E=P");
    assert_string_equal(skipped, "QFE");
    answers("Z=S T=p C=p Z=Q");
}

static void query_without_sync_in_a_skip(void **state)
{
    sends("PQ");
    answers("E=P");
    assert_string_equal(skipped, "Q");
    assert_true(owed.skipping);
    sends_in_vain("Q");
    sends("S");
    answers("Z=S");
}

static void error_in_query_skips_nothing(void **state)
{
    sends("QQPS");
    answers("T=p D=p E=p");
    assert_string_equal(skipped, "");
    assert_false(owed.skipping);
    answers("Z=Q C=p Z=Q 1=P Z=S");
}

static void error_in_call_skips_nothing(void **state)
{
    sends("FPS");
    answers("E=p Z=F 1=P Z=S");
    assert_string_equal(skipped, "");
}

static void error_at_commit_belongs_to_sync(void **state)
{
    sends("PBESPS");
    answers("1=P 2=B C=E E=p Z=S 1=P Z=S");
    assert_string_equal(skipped, "");
}

static void server_shuts_down(void **state)
{
    sends("PBES");
    answers("1=P E=B"); /* FATAL: then the connection closes */
    assert_int_equal(owed.count, 1);
    set_up(NULL);
    sends("PB");
    answers("E=P E=n"); /* an error, and FATAL behind it */
    set_up(NULL);
    sends("PBS");
    answers("E=P E=p");
    set_up(NULL);
    answers("E=n"); /* idle */
    assert_false(owed.skipping);
}

static void statements_of_a_string(void **state)
{
    sends("QQ");
    answers("C=p T=p D=p C=p I=p T=p C=p Z=Q I=p Z=Q");
}

static void login_messages_are_wrong(void **state)
{
    sends("Q");
    answers("R=w K=w v=w W=w");
    assert_int_equal(owed.count, 1);
}

/* ---- COPY ------------------------------------------------------------------------------------------- */

static void copy_out_in_query(void **state)
{
    sends("Q");
    answers("H=p");
    assert_true(owed.copy_out);
    answers("d=p N=n d=p");
    assert_true(owed.copy_out);
    answers("c=p");
    assert_false(owed.copy_out);
    answers("C=p Z=Q");
    assert_true(owed_is_quiet(&owed));
}

static void copy_out_in_execute(void **state)
{
    sends("PBES");
    answers("1=P 2=B H=p d=p d=p c=p C=E Z=S");
    sends("PBES");
    answers("1=P 2=B H=p d=p E=E"); /* fails in the middle */
    assert_false(owed.copy_out);
    answers("Z=S");
}

static void copy_in_in_query(void **state)
{
    sends("Q");
    answers("G=p");
    assert_true(owed.copy_in);
    assert_false(owed_is_quiet(&owed));
    sends_in_vain("SS"); /* the server ignores them */
    owed_copy_ended(&owed);
    assert_false(owed.copy_in);
    sends("S"); /* and reads this one */
    answers("C=p Z=Q Z=S");
}

static void copy_in_in_query_fails(void **state)
{
    sends("Q");
    answers("G=p N=n E=p");
    assert_false(owed.copy_in);
    owed_copy_ended(&owed); /* too late, and ignored */
    assert_false(owed.copy_in);
    answers("Z=Q");
}

/* psql -c 'COPY a FROM STDIN; COPY b FROM STDIN; SELECT 1' */
static void copies_of_a_string(void **state)
{
    sends("Q");
    answers("G=p");
    owed_copy_ended(&owed);
    answers("C=p G=p");
    assert_true(owed.copy_in);
    owed_copy_ended(&owed);
    answers("C=p T=p D=p C=p Z=Q");
}

/* libpq sends the Sync of an extended query at once, and another behind CopyDone. */
static void copy_in_swallows_the_sync_behind_it(void **state)
{
    sends("PBDES");
    answers("1=P 2=B n=D G=p");
    assert_string_equal(skipped, "S");
    assert_int_equal(owed.count, 1);
    owed_copy_ended(&owed);
    sends("S");
    answers("C=E Z=S");
    assert_true(owed_is_quiet(&owed));
}

static void copy_in_swallows_no_more_than_syncs(void **state)
{
    sends("ESSPS");
    answers("G=p");
    assert_string_equal(skipped, "SS");
    answers("E=E"); /* unexpected message during COPY: Parse */
    assert_string_equal(skipped, "SSP");
    answers("E=p"); /* FATAL: synchronization was lost */
}

static void failed_copy_in_of_execute_skips(void **state)
{
    sends("PBES");
    answers("1=P 2=B G=p E=E");
    assert_false(owed.copy_in);
    assert_true(owed.skipping);
    owed_copy_ended(&owed); /* the agent did not know yet */
    sends_in_vain("P");
    sends("S");
    answers("Z=S");
}

static void failed_copy_in_of_execute_after_its_end(void **state)
{
    sends("E");
    answers("G=p");
    owed_copy_ended(&owed);
    sends("PBS");
    answers("E=E");
    assert_string_equal(skipped, "PB");
    answers("Z=S");
}

static void copy_end_means_nothing_elsewhere(void **state)
{
    owed_copy_ended(&owed);
    sends("QES");
    owed_copy_ended(&owed);
    answers("C=p Z=Q");
    owed_copy_ended(&owed);
    answers("C=E Z=S");
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_message_in_every_state),
        TEST(zero_type_is_wrong),
        TEST(nothing_owed),
        TEST(ready_has_a_status),
        TEST(pipeline_is_answered_in_order),
        TEST(entry_is_the_one_that_was_sent),
        TEST(suspended_portal_goes_on),
        TEST(notices_pass_anywhere),
        TEST(error_skips_to_sync),
        TEST(error_at_the_end_skips_nothing),
        TEST(error_before_sync_is_sent),
        TEST(query_and_call_are_skipped_too),
        TEST(query_without_sync_in_a_skip),
        TEST(error_in_query_skips_nothing),
        TEST(error_in_call_skips_nothing),
        TEST(error_at_commit_belongs_to_sync),
        TEST(server_shuts_down),
        TEST(statements_of_a_string),
        TEST(login_messages_are_wrong),
        TEST(copy_out_in_query),
        TEST(copy_out_in_execute),
        TEST(copy_in_in_query),
        TEST(copy_in_in_query_fails),
        TEST(copies_of_a_string),
        TEST(copy_in_swallows_the_sync_behind_it),
        TEST(copy_in_swallows_no_more_than_syncs),
        TEST(failed_copy_in_of_execute_skips),
        TEST(failed_copy_in_of_execute_after_its_end),
        TEST(copy_end_means_nothing_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
