/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/list.h"

struct item {
    char name;
    struct link link;
};

/* The names, in the order of the list, checked in both directions. */
static str names(const struct link *head, char *to)
{
    size_t n = 0;
    for (const struct link *link = head->next; link != head; link = link->next) {
        assert_ptr_equal(link->next->prev, link);
        assert_ptr_equal(link->prev->next, link);
        to[n++] = CONTAINER_OF(link, const struct item, link)->name;
    }
    return str_make(to, n);
}

static void fill(struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        items[i].name = (char)('a' + i);
        link_init(&items[i].link);
    }
}

static void keeps_order(void **state)
{
    struct link head;
    struct item items[4];
    char to[4];
    fill(items, 4);
    link_init(&head);
    assert_true(list_is_empty(&head));
    list_append(&head, &items[0].link);
    list_append(&head, &items[1].link);
    list_prepend(&head, &items[2].link);
    list_insert_before(&items[1].link, &items[3].link);
    assert_str_equal(names(&head, to), STR("cadb"));
    assert_false(list_is_empty(&head));
}

static void removes_twice_harmlessly(void **state)
{
    struct link head;
    struct item items[3];
    char to[3];
    fill(items, 3);
    link_init(&head);
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].link);
    assert_true(link_is_listed(&items[1].link));
    link_remove(&items[1].link);
    link_remove(&items[1].link);
    assert_false(link_is_listed(&items[1].link));
    assert_str_equal(names(&head, to), STR("ac"));
}

static void pops_from_the_front(void **state)
{
    struct link head;
    struct item items[2];
    fill(items, 2);
    link_init(&head);
    assert_null(list_pop(&head));
    list_append(&head, &items[0].link);
    list_append(&head, &items[1].link);
    assert_ptr_equal(list_pop(&head), &items[0].link);
    assert_ptr_equal(list_pop(&head), &items[1].link);
    assert_null(list_pop(&head));
    assert_false(link_is_listed(&items[0].link));
}

static void moves_all(void **state)
{
    struct link to_head, from;
    struct item items[4];
    char to[4];
    fill(items, 4);
    link_init(&to_head);
    link_init(&from);
    list_move_all(&to_head, &from);
    assert_true(list_is_empty(&to_head));
    list_append(&from, &items[0].link);
    list_append(&from, &items[1].link);
    list_move_all(&to_head, &from);
    assert_true(list_is_empty(&from));
    list_append(&from, &items[2].link);
    list_append(&from, &items[3].link);
    list_move_all(&to_head, &from);
    assert_str_equal(names(&to_head, to), STR("abcd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order),
        cmocka_unit_test(removes_twice_harmlessly),
        cmocka_unit_test(pops_from_the_front),
        cmocka_unit_test(moves_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
