/* SPDX-License-Identifier: MIT */
/* Python's %-formatting of a dictionary, as gunicorn applies it to access_log_format: compiled once when
 * the log is opened, then run for each line. A directive is %(key), flags, width, precision, a length
 * modifier that means nothing, and the conversion. What Python would refuse at each request is refused
 * here, once, with a reason. */
#include "server/access_format.h"

#include <locale.h>
#include <stdio.h>

#include "base/num.h"

enum { WIDEST = 1000 };

/* --- compiling ------------------------------------------------------------------------------------- */

struct directive {
    str text; /* from its '%' on, to the end of the format */
    size_t at;
    const char **out_why;
};

static bool fail(const struct directive *d, const char *what)
{
    static _Thread_local char why[160];
    size_t len = size_min(size_min(d->at + 1, d->text.len), 60);
    snprintf(why, sizeof(why), "%.*s: %s", (int)len, d->text.p, what);
    *d->out_why = why;
    return false;
}

static char peek(const struct directive *d)
{
    return d->at < d->text.len ? d->text.p[d->at] : '\0';
}

static bool skip(struct directive *d, const char *any)
{
    char c = peek(d);
    bool found = c && strchr(any, c);
    d->at += found;
    return found;
}

/* Parentheses inside the key count. */
static bool take_key(struct directive *d, str *out)
{
    if (peek(d) != '(')
        return fail(d, "a directive begins with %(; a percent sign itself is %%");
    size_t start = ++d->at;
    for (int depth = 1; depth; d->at++) {
        if (d->at >= d->text.len)
            return fail(d, "the ( is never closed");
        depth += peek(d) == '(' ? 1 : peek(d) == ')' ? -1 : 0;
    }
    *out = str_make(d->text.p + start, d->at - 1 - start);
    return true;
}

static bool take_number(struct directive *d, int *out)
{
    size_t start = d->at;
    while (skip(d, "0123456789"))
        ;
    uint64_t n;
    str digits = str_make(d->text.p + start, d->at - start);
    if (!num_parse(digits.len ? digits : STR("0"), WIDEST, &n))
        return fail(d, "width and precision go up to 1000");
    *out = (int)n;
    return true;
}

static void take_flags(struct directive *d, struct access_spec *spec)
{
    while (skip(d, "#0-+ ")) {
        char flag = d->text.p[d->at - 1];
        spec->is_alternate |= flag == '#';
        spec->is_zero |= flag == '0';
        spec->is_left |= flag == '-';
        if (flag == '+' || (flag == ' ' && !spec->sign))
            spec->sign = flag;
    }
}

static bool takes_number(char conversion)
{
    return strchr("diuxXoeEfFgG", conversion) != NULL;
}

static bool take_conversion(struct directive *d, const struct access_atom *atom, struct access_spec *spec)
{
    skip(d, "hlL");
    spec->conversion = peek(d);
    if (!spec->conversion)
        return fail(d, "the conversion is missing: end it with s");
    if (spec->conversion != 's' && !takes_number(spec->conversion))
        return fail(d, "no such conversion; allowed are s and, for numbers, d i u x X o e E f F g G");
    if (spec->conversion != 's' && !atom->number)
        return fail(d, "this atom is text: its conversion is s");
    d->at++;
    return true;
}

static bool take_spec(struct directive *d, const struct access_atom *atom, struct access_spec *spec)
{
    *spec = (struct access_spec){ .precision = -1 };
    size_t start = d->at;
    take_flags(d, spec);
    if (!take_number(d, &spec->width))
        return false;
    if (skip(d, ".") && !take_number(d, &spec->precision))
        return false;
    bool is_bare = d->at == start;
    if (!take_conversion(d, atom, spec))
        return false;
    spec->is_plain = is_bare && strchr("sdiu", spec->conversion);
    return true;
}

/* The step's text before the atom is what `literal` has gathered. */
static struct access_step *add_step(struct access_format *format, struct buf *literal)
{
    size_t size = (format->n_steps + 1) * sizeof(*format->steps);
    format->steps = memory_resize(format->steps, size);
    struct access_step *step = &format->steps[format->n_steps++];
    *step = (struct access_step){ .before = arena_copy(&format->arena, buf_str(literal)) };
    literal->len = 0;
    return step;
}

static size_t environ_note(struct access_format *format, str name)
{
    for (size_t i = 0; i < format->n_environ_names; i++)
        if (str_ieq(str_of(format->environ_names[i]), name))
            return i;
    size_t size = (format->n_environ_names + 1) * sizeof(*format->environ_names);
    format->environ_names = memory_resize(format->environ_names, size);
    format->environ_names[format->n_environ_names] = arena_copy(&format->arena, name).p;
    return format->n_environ_names++;
}

static bool add_atom(struct access_format *format, struct directive *d, struct buf *literal)
{
    str key, name;
    if (!take_key(d, &key))
        return false;
    const struct access_atom *atom = access_atom_find(key, &name);
    struct access_spec spec;
    if (!take_spec(d, atom, &spec))
        return false;
    struct access_step *step = add_step(format, literal);
    step->atom = atom;
    step->spec = spec;
    step->name = (struct access_name){ arena_copy(&format->arena, name), field_lookup(name), 0 };
    if (access_atom_is_environ(atom))
        step->name.note = environ_note(format, name);
    return true;
}

static bool compile(struct access_format *format, str text, struct buf *literal, const char **out_why)
{
    while (text.len) {
        size_t at = str_find(text, '%', 0);
        buf_append(literal, str_sub(text, 0, at));
        text = str_sub(text, at, text.len);
        if (!text.len)
            break;
        struct directive d = { text, 1, out_why };
        if (skip(&d, "%"))
            buf_append_char(literal, '%');
        else if (!add_atom(format, &d, literal))
            return false;
        text = str_sub(text, d.at, text.len);
    }
    buf_append_char(literal, '\n');
    add_step(format, literal);
    return true;
}

bool access_format_init(struct access_format *format, str text, const char **out_why)
{
    *format = (struct access_format){ 0 };
    arena_init(&format->arena, 1024);
    access_cache_init(&format->cache, &format->arena);
    struct buf literal = { 0 };
    bool ok = compile(format, text, &literal, out_why);
    buf_done(&literal);
    if (!ok)
        access_format_done(format);
    return ok;
}

void access_format_done(struct access_format *format)
{
    free(format->steps);
    free(format->environ_names);
    arena_done(&format->arena);
    *format = (struct access_format){ 0 };
}

/* --- writing a line -------------------------------------------------------------------------------- */

static void put_repeated(struct buf *out, char c, size_t n)
{
    if (!n)
        return;
    memset(buf_reserve(out, n), c, n);
    out->len += n;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* The bytes from `start` on, cut to the precision and filled up to the width, in characters. */
static void fit(struct buf *out, size_t start, const struct access_spec *spec)
{
    size_t count = 0, width = (size_t)spec->width;
    bool is_cut = spec->conversion == 's' && spec->precision >= 0;
    for (size_t i = start; i < out->len; i++) {
        bool begins = begins_character(out->p[i]);
        if (begins && is_cut && count == (size_t)spec->precision) {
            out->len = i;
            break;
        }
        count += begins;
    }
    if (count >= width)
        return;
    size_t len = out->len - start, fill = width - count;
    put_repeated(out, ' ', fill);
    if (!spec->is_left) {
        memmove(out->p + start + fill, out->p + start, len);
        memset(out->p + start, ' ', fill);
    }
}

static size_t format_octal(char *to, uint64_t n)
{
    size_t len = 1;
    while (len < 22 && n >> (3 * len))
        len++;
    for (size_t i = 0; i < len; i++)
        to[i] = (char)('0' + (n >> (3 * (len - 1 - i)) & 7));
    return len;
}

static size_t format_upper_hex(char *to, uint64_t n)
{
    size_t len = num_format_hex(to, n);
    for (size_t i = 0; i < len; i++)
        if (to[i] >= 'a')
            to[i] = (char)(to[i] - 'a' + 'A');
    return len;
}

struct base {
    char conversion;
    size_t (*format)(char *to, uint64_t n);
    const char *prefix; /* of the alternate form */
};

static const struct base bases[] = {
    { 'd', num_format, "" },       { 'i', num_format, "" },         { 'u', num_format, "" },
    { 'x', num_format_hex, "0x" }, { 'X', format_upper_hex, "0X" }, { 'o', format_octal, "0o" },
};

static const struct base *find_base(char conversion)
{
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        if (bases[i].conversion == conversion)
            return &bases[i];
    return NULL;
}

static size_t above(size_t most, size_t least)
{
    return most > least ? most - least : 0;
}

static void put_integer(struct buf *out, const struct access_spec *spec, const struct base *base, uint64_t n)
{
    char digits[24];
    size_t len = base->format(digits, n), start = out->len;
    if (spec->sign)
        buf_append_char(out, spec->sign);
    if (spec->is_alternate)
        buf_append(out, str_of(base->prefix));
    size_t zeros = spec->precision > 0 ? above((size_t)spec->precision, len) : 0;
    if (spec->is_zero && !spec->is_left)
        zeros = size_max(zeros, above((size_t)spec->width, out->len - start + len));
    put_repeated(out, '0', zeros);
    buf_append(out, str_make(digits, len));
}

/* In the C locale, whatever the application has set. */
static void put_float(struct buf *out, const struct access_spec *spec, double value)
{
    char fmt[16], *to = fmt;
    *to++ = '%';
    if (spec->sign)
        *to++ = spec->sign;
    if (spec->is_alternate)
        *to++ = '#';
    if (spec->is_left)
        *to++ = '-';
    if (spec->is_zero)
        *to++ = '0';
    memcpy(to, "*.*", 3);
    to[3] = spec->conversion;
    to[4] = '\0';
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = uselocale(c);
    buf_printf(out, fmt, spec->width, spec->precision, value);
    uselocale(old);
    freelocale(c);
}

static void put_number(struct buf *out, const struct access_spec *spec, int64_t n)
{
    const struct base *base = find_base(spec->conversion);
    if (base)
        put_integer(out, spec, base, (uint64_t)n);
    else if (spec->conversion == 's')
        out->len += num_format(buf_reserve(out, NUM_MAX_LEN), (uint64_t)n);
    else
        put_float(out, spec, (double)n);
}

static void put_atom(struct access_line *line, const struct access_step *step)
{
    const struct access_atom *atom = step->atom;
    struct buf *out = line->out;
    size_t start = out->len;
    if (atom->put)
        atom->put(line, &step->name);
    else if (step->spec.is_plain)
        out->len += num_format(buf_reserve(out, NUM_MAX_LEN), (uint64_t)atom->number(line));
    else
        put_number(out, &step->spec, atom->number(line));
    if (!step->spec.is_plain)
        fit(out, start, &step->spec);
}

void access_format_line(struct access_format *format, const struct exchange *exchange, struct buf *out)
{
    struct access_line line = { exchange, &format->cache, out, -1 };
    for (size_t i = 0; i < format->n_steps; i++) {
        buf_append(out, format->steps[i].before);
        if (format->steps[i].atom)
            put_atom(&line, &format->steps[i]);
    }
}
