/* SPDX-License-Identifier: MIT */
/* argparse's way with a command line, in two passes as there: first every word is classified (option,
 * operand, separator), which is where abbreviations are resolved; then options take their arguments.
 * Scripts in the wild rely on these habits, also on the odd ones: only the first run of operands
 * counts, "-3" is an operand, and "--" ends the options. */
#include "conf/cmdline.h"

enum token_kind { TOKEN_OPERAND, TOKEN_OPTION, TOKEN_UNKNOWN, TOKEN_SEPARATOR };

struct token {
    enum token_kind kind;
    const struct option *row;
    str flag;
    const char *argument; /* what is written in the same word; NULL: nothing */
};

struct parser {
    const struct option_table *table;
    struct arena *arena;
    const struct string_list *words;
    struct token *tokens;
    struct cmdline *out;
    struct buf *error;
    struct buf unrecognized;
    struct buf hints; /* what the unknown flags may have meant */
    bool had_operands;
};

static const struct option actions[] = {
    { .name = "help", .cli = "-h, --help", .type = &type_flag, .doc = "Show this help and exit." },
    { .name = "version", .cli = "-v, --version", .type = &type_flag, .doc = "Show the version and exit." },
};

const struct option_table cmdline_actions = { actions, COUNT_OF(actions) };

/* Flags */

struct matches {
    str wanted;
    bool is_prefix;
    const struct option *row;
    str flag;
    size_t count; /* of different rows */
    struct buf names;
};

static void match_row(struct matches *matches, const struct option *row)
{
    str cursor = str_of(row->cli);
    while (cursor.p) {
        str flag = option_next_flag(&cursor);
        bool is_hit = matches->is_prefix ? str_starts(flag, matches->wanted) : str_eq(flag, matches->wanted);
        if (!is_hit)
            continue;
        buf_printf(&matches->names, "%s%.*s", matches->names.len ? ", " : "", STR_FMT(flag));
        matches->count += matches->row != row;
        matches->row = row;
        matches->flag = flag;
    }
}

static void match_table(struct matches *matches, const struct option_table *table, bool with_additions)
{
    for (size_t i = 0; i < table->count; i++)
        if (with_additions || !table->rows[i].is_addition)
            match_row(matches, &table->rows[i]);
}

/* The result's names must be released with buf_done. */
static struct matches match(const struct parser *parser, str wanted, bool is_prefix)
{
    struct matches all = { .wanted = wanted, .is_prefix = is_prefix };
    match_table(&all, &cmdline_actions, true);
    match_table(&all, parser->table, true);
    if (all.count < 2)
        return all;
    struct matches gunicorns = { .wanted = wanted, .is_prefix = is_prefix };
    match_table(&gunicorns, &cmdline_actions, false);
    match_table(&gunicorns, parser->table, false);
    buf_done(gunicorns.count == 1 ? &all.names : &gunicorns.names);
    return gunicorns.count == 1 ? gunicorns : all;
}

/* `*flag` becomes the row's own spelling, which lives as long as the table. */
static const struct option *find_flag(const struct parser *parser, str *flag)
{
    struct matches found = match(parser, *flag, false);
    buf_done(&found.names);
    if (found.row)
        *flag = found.flag;
    return found.row;
}

/* First pass */

static void set_option(struct token *token, const struct option *row, str flag, const char *argument)
{
    *token = (struct token){ .kind = TOKEN_OPTION, .row = row, .flag = flag, .argument = argument };
}

/* -3 and -.5 */
static bool is_negative_number(str word)
{
    size_t digits = 0, dots = 0;
    for (size_t i = 1; i < word.len; i++) {
        digits += word.p[i] >= '0' && word.p[i] <= '9';
        dots += word.p[i] == '.';
    }
    return digits && dots < 2 && digits + dots + 1 == word.len && word.p[word.len - 1] != '.';
}

static bool classify_abbreviation(struct parser *parser, str word, struct token *out)
{
    size_t equals = str_find(word, '=', 0);
    struct matches found = match(parser, str_sub(word, 0, equals), true);
    if (found.count == 1)
        set_option(out, found.row, found.flag, equals < word.len ? word.p + equals + 1 : NULL);
    else if (found.count > 1)
        buf_printf(parser->error, "ambiguous option: %.*s could match %s", STR_FMT(word),
                   buf_text(&found.names));
    buf_done(&found.names);
    return found.count < 2;
}

static void classify_short(const struct parser *parser, str word, struct token *out)
{
    str flag = str_sub(word, 0, 2);
    const struct option *row = find_flag(parser, &flag);
    if (row)
        set_option(out, row, flag, word.p + 2);
}

/* False when the word is ambiguous. */
static bool classify(struct parser *parser, str word, struct token *out)
{
    *out = (struct token){ .kind = TOKEN_OPERAND };
    if (word.len < 2 || word.p[0] != '-')
        return true;
    size_t equals = str_find(word, '=', 0);
    str flag = str_sub(word, 0, equals);
    const struct option *exact = find_flag(parser, &flag);
    if (exact) {
        set_option(out, exact, flag, equals < word.len ? word.p + equals + 1 : NULL);
        return true;
    }
    if (word.p[1] == '-') {
        if (!classify_abbreviation(parser, word, out))
            return false;
    } else {
        classify_short(parser, word, out);
    }
    bool is_operand = is_negative_number(word) || str_find(word, ' ', 0) < word.len;
    if (out->kind == TOKEN_OPERAND && !is_operand)
        out->kind = TOKEN_UNKNOWN;
    return true;
}

static bool classify_all(struct parser *parser)
{
    bool is_behind_separator = false;
    for (size_t i = 0; i < parser->words->count; i++) {
        str word = str_of(parser->words->items[i]);
        if (is_behind_separator) {
            parser->tokens[i] = (struct token){ .kind = TOKEN_OPERAND };
        } else if (str_eq(word, STR("--"))) {
            parser->tokens[i] = (struct token){ .kind = TOKEN_SEPARATOR };
            is_behind_separator = true;
        } else if (!classify(parser, word, &parser->tokens[i])) {
            return false;
        }
    }
    return true;
}

/* Second pass */

static bool fail(struct parser *parser, const struct option *row, const char *what, const char *found)
{
    buf_append(parser->error, STR("argument "));
    option_print_flags(row, parser->error);
    buf_printf(parser->error, ": %s", what);
    if (found)
        value_print_quoted(str_of(found), parser->error);
    return false;
}

/* argparse converts numbers while it parses: what is no number at all is an error of usage. */
static bool is_well_formed(struct parser *parser, const struct option *row, const struct raw *raw)
{
    struct value_context context = { .row = row, .arena = parser->arena };
    struct value ignored;
    if (row->type->parse(&context, raw, &ignored) != VALUE_MALFORMED)
        return true;
    struct buf what = { 0 };
    buf_printf(&what, "invalid %s value: ", row->type->name);
    fail(parser, row, buf_text(&what), raw->text);
    buf_done(&what);
    return false;
}

static const struct raw *append_item(struct arena *arena, const struct raw *old, const char *item)
{
    size_t count = old ? old->list.count : 0;
    struct raw *raw = arena_zero(arena, sizeof(*raw));
    raw->kind = RAW_LIST;
    raw->list = (struct string_list){ arena_zero(arena, (count + 2) * sizeof(char *)), count + 1 };
    for (size_t i = 0; i < count; i++)
        raw->list.items[i] = old->list.items[i];
    raw->list.items[count] = item;
    return raw;
}

static bool take_value(struct parser *parser, const struct option *row, const char *text)
{
    const struct raw **slot = &parser->out->given[row - parser->table->rows];
    if (row->type->is_list) {
        *slot = append_item(parser->arena, *slot, text);
        return true;
    }
    struct raw *raw = arena_zero(parser->arena, sizeof(*raw));
    *raw = (struct raw){ .kind = RAW_WORD, .text = text };
    *slot = raw;
    return is_well_formed(parser, row, raw);
}

static bool is_action(const struct option *row)
{
    return row >= actions && row < actions + COUNT_OF(actions);
}

static enum cmdline_result take_flag(struct parser *parser, const struct option *row)
{
    if (is_action(row))
        return row == &actions[0] ? CMDLINE_HELP : CMDLINE_VERSION;
    const char *text = row->constant ? row->constant : "true";
    return take_value(parser, row, text) ? CMDLINE_OK : CMDLINE_BAD;
}

/* -Dw4: behind a flag that takes no argument another short flag may follow in the same word. */
static bool next_in_cluster(struct parser *parser, struct token *token)
{
    const char *rest = token->argument;
    char text[] = { '-', rest[0], '\0' };
    str flag = str_of(text);
    const struct option *row = rest[0] ? find_flag(parser, &flag) : NULL;
    if (!row || str_starts(token->flag, STR("--")))
        return fail(parser, token->row, "ignored explicit argument ", rest);
    if (option_takes_argument(row) && rest[1] == '=')
        rest++;
    set_option(token, row, flag, rest[1] || rest[0] == '=' ? rest + 1 : NULL);
    return true;
}

static enum cmdline_result take_argument(struct parser *parser, const struct token *token, size_t *at)
{
    bool has_next = *at < parser->words->count && parser->tokens[*at].kind == TOKEN_OPERAND;
    const char *text = token->argument;
    if (!text && has_next)
        text = parser->words->items[(*at)++];
    if (!text)
        text = token->row->constant;
    if (!text)
        fail(parser, token->row, "expected one argument", NULL);
    return text && take_value(parser, token->row, text) ? CMDLINE_OK : CMDLINE_BAD;
}

/* Takes the option at *at and what belongs to it, and moves *at behind that. */
static enum cmdline_result take_option(struct parser *parser, size_t *at)
{
    struct token token = parser->tokens[(*at)++];
    enum cmdline_result result = CMDLINE_OK;
    while (result == CMDLINE_OK && !option_takes_argument(token.row)) {
        const struct option *flag = token.row;
        bool is_last = !token.argument;
        if (!is_last && !next_in_cluster(parser, &token))
            return CMDLINE_BAD;
        result = take_flag(parser, flag);
        if (is_last)
            return result;
    }
    return result == CMDLINE_OK ? take_argument(parser, &token, at) : result;
}

static void suggest(struct parser *parser, str word)
{
    str flag = str_sub(word, 0, str_find(word, '=', 0));
    str nearest = option_nearest_flag(parser->table, flag);
    if (!nearest.p)
        nearest = option_nearest_flag(&cmdline_actions, flag);
    if (nearest.p)
        buf_printf(&parser->hints, "%s%.*s", parser->hints.len ? ", " : "", STR_FMT(nearest));
}

static void refuse_word(struct parser *parser, size_t at)
{
    str word = str_of(parser->words->items[at]);
    buf_printf(&parser->unrecognized, "%s%.*s", parser->unrecognized.len ? " " : "", STR_FMT(word));
    if (parser->tokens[at].kind == TOKEN_UNKNOWN)
        suggest(parser, word);
}

/* Operands up to the next option. */
static void take_operands(struct parser *parser, size_t *at)
{
    struct string_list *operands = &parser->out->operands;
    for (; *at < parser->words->count; ++*at) {
        enum token_kind kind = parser->tokens[*at].kind;
        if (kind != TOKEN_OPERAND && kind != TOKEN_SEPARATOR)
            break;
        if (kind == TOKEN_OPERAND && parser->had_operands)
            refuse_word(parser, *at);
        else if (kind == TOKEN_OPERAND)
            operands->items[operands->count++] = parser->words->items[*at];
    }
    parser->had_operands = operands->count > 0;
}

static enum cmdline_result take_all(struct parser *parser)
{
    enum cmdline_result result = CMDLINE_OK;
    size_t at = 0;
    while (result == CMDLINE_OK && at < parser->words->count) {
        if (parser->tokens[at].kind == TOKEN_OPTION)
            result = take_option(parser, &at);
        else if (parser->tokens[at].kind == TOKEN_UNKNOWN)
            refuse_word(parser, at++);
        else
            take_operands(parser, &at);
    }
    return result;
}

static enum cmdline_result report_unrecognized(struct parser *parser)
{
    if (parser->unrecognized.len == 0)
        return CMDLINE_OK;
    buf_printf(parser->error, "unrecognized arguments: %s", buf_text(&parser->unrecognized));
    if (parser->hints.len)
        buf_printf(parser->error, " (did you mean %s?)", buf_text(&parser->hints));
    return CMDLINE_BAD;
}

enum cmdline_result cmdline_parse(struct cmdline *out, const struct option_table *table, struct arena *arena,
                                  const struct string_list *words, struct buf *error)
{
    struct parser parser = { .table = table, .arena = arena, .words = words, .out = out, .error = error };
    parser.tokens = arena_zero(arena, (words->count + 1) * sizeof(*parser.tokens));
    out->given = arena_zero(arena, table->count * sizeof(*out->given));
    out->operands = (struct string_list){ arena_zero(arena, (words->count + 1) * sizeof(char *)), 0 };
    enum cmdline_result result = classify_all(&parser) ? take_all(&parser) : CMDLINE_BAD;
    if (result == CMDLINE_OK)
        result = report_unrecognized(&parser);
    buf_done(&parser.unrecognized);
    buf_done(&parser.hints);
    return result;
}
