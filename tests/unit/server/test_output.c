/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "server/output.h"

static struct output output;
static struct link taken;

static int set_up(void **state)
{
    output_init(&output);
    link_init(&taken);
    return 0;
}

static int tear_down(void **state)
{
    segments_release(&taken);
    output_done(&output);
    return 0;
}

/* A segment that counts how often it was given back. */
struct counted {
    struct segment segment;
    int releases;
};

static void count_release(struct segment *segment)
{
    CONTAINER_OF(segment, struct counted, segment)->releases++;
}

static struct counted counted_make(const char *text)
{
    return (struct counted){ .segment = {
                                 .p = text,
                                 .fd = -1,
                                 .len = strlen(text),
                                 .release = count_release,
                             } };
}

/* All that was taken so far, as text. */
static str text_of(const struct link *segments, char *to)
{
    size_t len = 0;
    for (const struct link *link = segments->next; link != segments; link = link->next) {
        const struct segment *segment = CONTAINER_OF(link, const struct segment, link);
        memcpy(to + len, segment->p, segment->len);
        len += segment->len;
    }
    return str_make(to, len);
}

static void carries_head_body_and_end(void **state)
{
    char to[64];
    struct output_news news = output_take(&output, &taken);
    assert_false(news.has_head || news.is_finished || news.is_failed);
    output_set_head(&output);
    assert_true(output_push_copy(&output, STR("hello ")));
    assert_true(output_push_copy(&output, STR("")));
    news = output_take(&output, &taken);
    assert_true(news.has_head && !news.is_finished);
    assert_str_equal(text_of(&taken, to), STR("hello "));
    assert_true(output_push_copy(&output, STR("world")));
    assert_false(output_is_finished(&output));
    output_finish(&output);
    assert_true(output_is_finished(&output));
    news = output_take(&output, &taken);
    assert_true(news.has_head && news.is_finished && !news.is_failed);
    assert_str_equal(text_of(&taken, to), STR("hello world"));
    assert_true(list_is_empty(&output.segments));
}

static void copies_outlive_the_original(void **state)
{
    char bytes[] = "copy", to[8];
    assert_true(output_push_copy(&output, str_make(bytes, 4)));
    memset(bytes, 'x', 4);
    output_take(&output, &taken);
    assert_str_equal(text_of(&taken, to), STR("copy"));
}

static void counts_what_waits(void **state)
{
    assert_false(output_is_over(&output, 1));
    assert_true(output_is_over(&output, 0));
    output_push_copy(&output, STR("12345"));
    output_push_copy(&output, STR("67890"));
    assert_true(output_is_over(&output, 10));
    assert_false(output_is_over(&output, 11));
    output_take(&output, &taken);
    assert_true(output_is_over(&output, 10));
    output_sent(&output, 4);
    assert_false(output_is_over(&output, 10));
    assert_true(output_is_over(&output, 6));
}

static void releases_each_segment_once(void **state)
{
    struct counted sent = counted_make("sent"), queued = counted_make("queued"), late = counted_make("late");
    assert_true(output_push(&output, &sent.segment));
    output_take(&output, &taken);
    assert_true(output_push(&output, &queued.segment));
    segments_release(&taken);
    assert_int_equal(sent.releases, 1);
    assert_false(link_is_listed(&sent.segment.link));
    assert_int_equal(queued.releases, 0);
    output_abort(&output);
    assert_int_equal(queued.releases, 1);
    assert_false(output_push(&output, &late.segment));
    assert_int_equal(late.releases, 1);
    output_abort(&output);
    output_reset(&output);
    assert_int_equal(sent.releases + queued.releases + late.releases, 3);
}

static void closes_files_of_dropped_segments(void **state)
{
    FILE *file = tmpfile();
    struct stat st;
    struct counted segment = counted_make("");
    segment.segment.p = NULL;
    segment.segment.fd = dup(fileno(file));
    int fd = segment.segment.fd;
    assert_int_equal(fstat(fd, &st), 0);
    output_push(&output, &segment.segment);
    output_abort(&output);
    assert_int_equal(segment.releases, 1);
    assert_int_equal(fstat(fd, &st), -1);
    fclose(file);
}

static void lets_the_handler_know_of_an_abort(void **state)
{
    output_push_copy(&output, STR("12345"));
    assert_false(output_is_aborted(&output));
    output_abort(&output);
    assert_true(output_is_aborted(&output));
    assert_false(output_is_over(&output, 1));
    assert_false(output_wait(&output, 1));
    assert_false(output_push_copy(&output, STR("more")));
    assert_false(output_take(&output, &taken).is_finished);
    assert_true(list_is_empty(&taken));
}

static void begins_afresh_after_reset(void **state)
{
    output.status = 404;
    buf_append(&output.reason, STR("Nope"));
    buf_append(&output.fields, STR("A: b\r\n"));
    output.has_length = output.is_failed = output.is_streamed = output.closes = true;
    output.length = 5;
    output_set_head(&output);
    output_push_copy(&output, STR("12345"));
    output_finish(&output);
    output_abort(&output);
    output_reset(&output);
    struct output_news news = output_take(&output, &taken);
    assert_false(news.has_head || news.is_finished || news.is_failed);
    assert_true(list_is_empty(&taken));
    assert_false(output_is_aborted(&output));
    assert_false(output_is_over(&output, 1));
    assert_int_equal(output.status, 0);
    assert_int_equal(output.reason.len + output.fields.len, 0);
    assert_false(output.has_length || output.is_streamed || output.closes);
    assert_true(output_push_copy(&output, STR("again")));
}

/* A single huge head must not stay in the pool. */
static void gives_large_buffers_back(void **state)
{
    buf_reserve(&output.fields, 1 << 20);
    buf_append(&output.reason, STR("OK"));
    output_reset(&output);
    assert_true(output.fields.cap < 1 << 16);
    assert_true(output.reason.cap > 0);
}

static bool waited;

static void *wait_for_room(void *unused)
{
    waited = output_wait(&output, 3);
    return NULL;
}

static bool wait_while(void (*act)(void))
{
    pthread_t thread;
    output_push_copy(&output, STR("1234567890"));
    output_take(&output, &taken);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_room, NULL), 0);
    act();
    pthread_join(thread, NULL);
    return waited;
}

static void drain(void)
{
    for (int i = 0; i < 8; i++)
        output_sent(&output, 1);
}

static void abort_output(void)
{
    output_abort(&output);
}

static void wakes_the_handler_when_there_is_room(void **state)
{
    assert_true(wait_while(drain));
    assert_false(output_is_over(&output, 3));
    assert_true(output_wait(&output, 3));
}

static void wakes_the_handler_on_abort(void **state)
{
    assert_false(wait_while(abort_output));
}

#define WITH_OUTPUT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OUTPUT(carries_head_body_and_end),
        WITH_OUTPUT(copies_outlive_the_original),
        WITH_OUTPUT(counts_what_waits),
        WITH_OUTPUT(releases_each_segment_once),
        WITH_OUTPUT(closes_files_of_dropped_segments),
        WITH_OUTPUT(lets_the_handler_know_of_an_abort),
        WITH_OUTPUT(begins_afresh_after_reset),
        WITH_OUTPUT(gives_large_buffers_back),
        WITH_OUTPUT(wakes_the_handler_when_there_is_room),
        WITH_OUTPUT(wakes_the_handler_on_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
