/* SPDX-License-Identifier: MIT */
/* Every way of scanning must agree with the scalar one, and must not read a byte more than it was given:
 * the data ends where an unreadable page begins, or begins where one ends. */
#include "http/scan.h"

#include <sys/mman.h>

#include "unit.h"

enum { PAGE = 4096, LEN_MOST = 100 };

static unsigned char *page; /* one page between two that must not be touched */

typedef size_t (*scan_fn)(const char *p, size_t len);

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static void compare_on(const struct scan_ops *ops, const unsigned char *p, size_t len)
{
    const char *text = (const char *)p;
    assert_int_equal(ops->text(text, len), scan_scalar.text(text, len));
    assert_int_equal(ops->target(text, len), scan_scalar.target(text, len));
    assert_int_equal(ops->token(text, len), scan_scalar.token(text, len));
}

/* `fill` is a byte that belongs; one other byte stands at each place in turn. */
static void compare_single_byte(const struct scan_ops *ops, size_t len, unsigned char byte)
{
    unsigned char *at_end = page + PAGE - len;
    memset(at_end, 'a', len);
    for (size_t at = 0; at < len; at++) {
        at_end[at] = byte;
        compare_on(ops, at_end, len);
        at_end[at] = 'a';
    }
    compare_on(ops, at_end, len);
}

static void for_each_supported(void (*check)(const struct scan_ops *ops))
{
    for (size_t i = 0; scan_all[i]; i++)
        if (scan_all[i]->is_supported())
            check(scan_all[i]);
}

static void check_all_bytes(const struct scan_ops *ops)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t len = 1; len <= 70; len += 23)
            compare_single_byte(ops, len, (unsigned char)byte);
}

static void agree_on_all_bytes(void **state)
{
    for_each_supported(check_all_bytes);
}

static void check_all_lengths(const struct scan_ops *ops)
{
    static const unsigned char strangers[] = { 0, '\r', 0x1f, ' ', '#', '?', '(', 0x7f, 0x80, 0xff };
    for (size_t len = 0; len <= LEN_MOST; len++)
        for (size_t i = 0; i < COUNT_OF(strangers); i++)
            compare_single_byte(ops, len, strangers[i]);
}

static void agree_on_all_lengths(void **state)
{
    for_each_supported(check_all_lengths);
}

/* Mostly bytes that belong, so that runs get long. */
static void check_random(const struct scan_ops *ops)
{
    for (int round = 0; round < 2000; round++) {
        size_t len = next_random() % LEN_MOST;
        unsigned char *begin = round % 2 ? page + PAGE - len : page + next_random() % 64;
        for (size_t i = 0; i < len; i++)
            begin[i] =
                next_random() % 16 ? (unsigned char)('a' + next_random() % 26) : (unsigned char)next_random();
        for (size_t skip = 0; skip <= len && skip < 40; skip++)
            compare_on(ops, begin + skip, len - skip);
    }
}

static void agree_on_random_data(void **state)
{
    for_each_supported(check_random);
}

static void choose_the_best(void **state)
{
    const struct scan_ops *best = NULL;
    for (size_t i = 0; scan_all[i]; i++)
        if (scan_all[i]->is_supported())
            best = scan_all[i];
    assert_ptr_equal(scan_active, best);
    assert_ptr_equal(scan_all[0], &scan_scalar);
}

static void say_where_the_run_ends(void **state)
{
    assert_int_equal(scan_text("value\r\n", 7), 5);
    assert_int_equal(scan_target("/a/b?c", 6), 4);
    assert_int_equal(scan_target("/a b", 4), 2);
    assert_int_equal(scan_token("Content-Type: x", 15), 12);
    assert_int_equal(scan_token("", 0), 0);
}

static int map_page(void **state)
{
    unsigned char *pages = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -1;
    page = pages + PAGE;
    return mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_on_all_bytes),     cmocka_unit_test(agree_on_all_lengths),
        cmocka_unit_test(agree_on_random_data),   cmocka_unit_test(choose_the_best),
        cmocka_unit_test(say_where_the_run_ends),
    };
    return cmocka_run_group_tests(tests, map_page, NULL);
}
