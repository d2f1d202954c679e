/* SPDX-License-Identifier: MIT */
/* Words of an environment variable that holds a command line. Quoting as in POSIX.1 section 2.2:
 * single quotes keep everything, double quotes keep all but the backslash before " and \, a backslash
 * outside keeps the next byte. */
#include "conf/shellwords.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies what stands between the quotes; returns where the text goes on, or NULL without an end. */
static const char *take_quoted(const char *at, char quote, char **to)
{
    for (; *at && *at != quote; at++) {
        if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        *(*to)++ = *at;
    }
    return *at ? at + 1 : NULL;
}

static const char *take_word(const char *at, char **to, const char **out_why)
{
    while (*at && !is_blank(*at)) {
        if (*at == '\'' || *at == '"') {
            at = take_quoted(at + 1, *at, to);
            *out_why = "a quotation is not closed";
        } else if (*at == '\\' && !at[1]) {
            *out_why = "nothing follows the last backslash";
            return NULL;
        } else {
            at += *at == '\\';
            *(*to)++ = *at++;
        }
        if (!at)
            return NULL;
    }
    *(*to)++ = '\0';
    return at;
}

bool shellwords_split(struct arena *arena, const char *text, struct string_list *out, const char **out_why)
{
    size_t room = strlen(text) + 1;
    struct string_list words = { arena_zero(arena, room * sizeof(char *)), 0 };
    char *to = arena_alloc(arena, room + 1);
    while (true) {
        while (is_blank(*text))
            text++;
        if (!*text)
            break;
        words.items[words.count] = to;
        text = take_word(text, &to, out_why);
        if (!text)
            return false;
        words.count++;
    }
    *out = words;
    return true;
}
