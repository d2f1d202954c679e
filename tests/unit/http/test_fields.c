/* SPDX-License-Identifier: MIT */
#include "http/fields.h"

#include <ctype.h>

#include "unit.h"

static const str all_names[] = {
#define KNOWN_FIELD(id, name) { name, sizeof(name) - 1 },
#include "http/fields.def"
#undef KNOWN_FIELD
};

static void finds_every_name_in_any_case(void **state)
{
    for (size_t i = 0; i < COUNT_OF(all_names); i++) {
        char upper[64];
        str name = all_names[i];
        for (size_t j = 0; j < name.len; j++)
            upper[j] = (char)toupper((unsigned char)name.p[j]);
        assert_int_equal(field_lookup(name), i + 1);
        assert_int_equal(field_lookup(str_make(upper, name.len)), i + 1);
        assert_str_equal(field_name((enum field_id)(i + 1)), name);
    }
}

/* Every byte of every name, replaced by each of the other 255 that is not its other case. */
static void tells_similar_names_apart(void **state)
{
    for (size_t i = 0; i < COUNT_OF(all_names); i++) {
        char near[64];
        str name = all_names[i];
        for (size_t at = 0; at < name.len; at++)
            for (int byte = 0; byte < 256; byte++) {
                memcpy(near, name.p, name.len);
                near[at] = (char)byte;
                if (ascii_lower((char)byte) != name.p[at])
                    assert_int_not_equal(field_lookup(str_make(near, name.len)), i + 1);
            }
        assert_int_not_equal(field_lookup(str_make(name.p, name.len - 1)), i + 1);
    }
    assert_int_equal(field_lookup(STR("")), FIELD_OTHER);
    assert_int_equal(field_lookup(STR_NONE), FIELD_OTHER);
    assert_int_equal(field_lookup(STR("x-something-else")), FIELD_OTHER);
    assert_null(field_name(FIELD_OTHER).p);
}

static void knows_what_belongs_to_one_hop(void **state)
{
    assert_true(field_is_hop_by_hop(field_lookup(STR("Connection"))));
    assert_true(field_is_hop_by_hop(field_lookup(STR("Transfer-Encoding"))));
    assert_true(field_is_hop_by_hop(FIELD_KEEP_ALIVE));
    assert_true(field_is_hop_by_hop(FIELD_DATE));
    assert_true(field_is_hop_by_hop(FIELD_SERVER));
    assert_false(field_is_hop_by_hop(FIELD_OTHER));
    assert_false(field_is_hop_by_hop(FIELD_CONTENT_LENGTH));
}

static void checks_names(void **state)
{
    static const char tchar[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        assert_int_equal(field_name_is_valid(str_make(&c, 1)), memchr(tchar, c, sizeof(tchar) - 1) != NULL);
    }
    assert_false(field_name_is_valid(STR("")));
    assert_false(field_name_is_valid(STR("Content Type")));
    assert_true(field_name_is_valid(STR("X-A-Rather-Long-Name-That-Fills-More-Than-One-Vector")));
}

static void checks_values(void **state)
{
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        assert_int_equal(field_value_is_valid(str_make(&c, 1)), byte == '\t' || (byte >= 32 && byte != 127));
    }
    assert_true(field_value_is_valid(STR("")));
    assert_false(
        field_value_is_valid(STR("a value of some length, so that vectors are used\r\nSet-Cookie: x")));
}

static void searches_lists(void **state)
{
    assert_true(field_list_has(STR("keep-alive, Upgrade"), STR("upgrade")));
    assert_true(field_list_has(STR(" ,, CLOSE ,"), STR("close")));
    assert_false(field_list_has(STR("closed, not-close"), STR("close")));
    assert_false(field_list_has(STR(""), STR("close")));
    assert_false(field_list_has(STR_NONE, STR("close")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_name_in_any_case),
        cmocka_unit_test(tells_similar_names_apart),
        cmocka_unit_test(knows_what_belongs_to_one_hop),
        cmocka_unit_test(checks_names),
        cmocka_unit_test(checks_values),
        cmocka_unit_test(searches_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
