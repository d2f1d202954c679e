/* SPDX-License-Identifier: MIT */
/* Values of the access log's atoms, as gunicorn has them, taken from the exchange when it ends. A request
 * that was refused may lack any part of its head: such parts print "-". While a handler still holds the
 * exchange (its client has gone, or was answered past it), only what will not change any more is read. */
#include "server/access_atom.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "server/conn.h"
#include "server/escape.h"

enum { USER_MOST = 256 };

static const struct http_head *head_of(const struct access_line *line)
{
    const struct http_head *head = line->exchange->head;
    return head && head->base ? head : NULL;
}

static void put_text(struct access_line *line, str text)
{
    if (text.p)
        escape_append(line->out, text);
    else
        buf_append_char(line->out, '-');
}

static void put_dash(struct access_line *line, const struct access_name *name)
{
    buf_append_char(line->out, '-');
}

/* --- the connection -------------------------------------------------------------------------------- */

/* As gunicorn's, the peer of a Unix socket is an empty string. */
static void put_host(struct access_line *line, const struct access_name *name)
{
    const union peer_address *peer = &line->exchange->conn->peer;
    if (peer->family != AF_INET) {
        char host[ADDRESS_TEXT_MAX];
        uint16_t port;
        exchange_peer(line->exchange, host, &port);
        buf_append(line->out, str_of(host));
        return;
    }
    uint8_t bytes[4];
    memcpy(bytes, &peer->in.sin_addr, sizeof(bytes));
    char *start = buf_reserve(line->out, 4 * (size_t)NUM_MAX_LEN), *to = start;
    for (int i = 0; i < 4; i++) {
        to += num_format(to, bytes[i]);
        *to++ = '.';
    }
    line->out->len += (size_t)(to - start) - 1;
}

/* --- Basic authentication -------------------------------------------------------------------------- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct base64 {
    unsigned bits; /* not given out yet, in the low end */
    int quad, pads;
};

/* Feeds one character; false at the end. As Python's decoder, passes over what is not in the alphabet.
 * A decoded byte, if there is one, goes to *out_byte, else that becomes -1. */
static bool base64_next(struct base64 *state, char c, int *out_byte)
{
    int value = base64_value(c);
    *out_byte = -1;
    if (c == '=')
        return !(state->quad >= 2 && state->quad + ++state->pads >= 4);
    if (value < 0)
        return true;
    state->pads = 0;
    state->bits = (state->bits << 6 | (unsigned)value) & 0xffff;
    if (state->quad)
        *out_byte = (int)(state->bits >> (6 - 2 * state->quad) & 0xff);
    state->quad = (state->quad + 1) % 4;
    return true;
}

/* The bytes before the first ':', cut after `room`; the password is not kept. -1 when `text` is no
 * base64. */
static ssize_t decode_user(str text, char *to, size_t room)
{
    struct base64 state = { 0 };
    size_t len = 0;
    bool in_user = true, goes_on = true;
    for (size_t i = 0; i < text.len && goes_on; i++) {
        int byte;
        goes_on = base64_next(&state, text.p[i], &byte);
        in_user = in_user && byte != ':';
        if (in_user && byte >= 0 && len < room)
            to[len++] = (char)byte;
    }
    return goes_on && state.quad ? -1 : (ssize_t)len;
}

static void put_user(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    str rest = head ? head_known(head, FIELD_AUTHORIZATION) : STR_NONE;
    char user[USER_MOST];
    ssize_t len = -1;
    if (str_ieq(str_sub(rest, 0, 5), STR("basic"))) {
        str_split(&rest, ' ');
        len = decode_user(rest, user, sizeof(user));
    }
    bool is_there = len > 0 && escape_is_utf8(str_make(user, (size_t)len));
    put_text(line, is_there ? str_make(user, (size_t)len) : STR_NONE);
}

/* --- time ------------------------------------------------------------------------------------------ */

static char *put_two(char *to, int n)
{
    to[0] = (char)('0' + n / 10 % 10);
    to[1] = (char)('0' + n % 10);
    return to + 2;
}

/* [31/Jan/2026:12:00:00 +0100]; the month is English whatever the locale. */
static void format_time(struct access_cache *cache, time_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    localtime_r(&now, &tm);
    int zone = (int)(tm.tm_gmtoff / 60), away = zone < 0 ? -zone : zone;
    char *to = cache->time_text;
    *to++ = '[';
    to = put_two(to, tm.tm_mday);
    *to++ = '/';
    memcpy(to, months + 3 * (size_t)tm.tm_mon, 3);
    to += 3;
    *to++ = '/';
    to += num_format(to, (unsigned)(tm.tm_year + 1900) % 10000);
    const int parts[] = { tm.tm_hour, tm.tm_min, tm.tm_sec };
    for (int i = 0; i < 3; i++) {
        *to++ = ':';
        to = put_two(to, parts[i]);
    }
    *to++ = ' ';
    *to++ = zone < 0 ? '-' : '+';
    to = put_two(to, away / 60);
    to = put_two(to, away % 60);
    *to++ = ']';
    cache->time = str_make(cache->time_text, (size_t)(to - cache->time_text));
    cache->time_at = now;
}

static void put_time(struct access_line *line, const struct access_name *name)
{
    time_t now = clock_wall();
    if (now != line->cache->time_at)
        format_time(line->cache, now);
    buf_append(line->out, line->cache->time);
}

/* Read once, so that all atoms of a line agree. */
static int64_t microseconds(struct access_line *line)
{
    if (line->duration_us < 0) {
        int64_t us = clock_mono_us() - line->exchange->start_us;
        line->duration_us = us > 0 ? us : 0;
    }
    return line->duration_us;
}

static int64_t milliseconds(struct access_line *line)
{
    return microseconds(line) / 1000;
}

static int64_t seconds(struct access_line *line)
{
    return microseconds(line) / 1000000;
}

static void put_decimal_seconds(struct access_line *line, const struct access_name *name)
{
    int64_t us = microseconds(line);
    char text[NUM_MAX_LEN + 7];
    size_t len = num_format(text, (uint64_t)us / 1000000);
    text[len++] = '.';
    us %= 1000000;
    for (int64_t unit = 100000; unit; unit /= 10)
        text[len++] = (char)('0' + us / unit % 10);
    buf_append(line->out, str_make(text, len));
}

/* --- the request ----------------------------------------------------------------------------------- */

static str slice_of(const struct http_head *head, struct http_slice slice)
{
    return head && slice.len ? head_slice(head, slice) : STR_NONE;
}

static str protocol_of(const struct http_head *head)
{
    if (!head)
        return STR_NONE;
    return head->version == HTTP_1_1   ? STR("HTTP/1.1")
           : head->version == HTTP_1_0 ? STR("HTTP/1.0")
                                       : STR_NONE;
}

static void put_method(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    put_text(line, head ? slice_of(head, head->method_name) : STR_NONE);
}

static void put_protocol(struct access_line *line, const struct access_name *name)
{
    put_text(line, protocol_of(head_of(line)));
}

static void put_request_line(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    put_method(line, name);
    if (!head || !head->method_name.len)
        return;
    buf_append_char(line->out, ' ');
    put_text(line, slice_of(head, head->target));
    buf_append_char(line->out, ' ');
    put_protocol(line, name);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Escapes that are not well formed stay as they are. `to` has room for all of `text`. */
static size_t decode_percent(str text, char *to)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool fits = text.p[i] == '%' && text.len - i > 2;
        int high = fits ? hex_value(text.p[i + 1]) : -1;
        int low = fits ? hex_value(text.p[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            to[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            to[len++] = text.p[i];
        }
    }
    return len;
}

/* PATH_INFO, that is, without SCRIPT_NAME. */
static void put_path(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    str path = head ? slice_of(head, head->path) : STR_NONE;
    str script = line->cache->script_name;
    if (path.p && str_starts(path, script))
        path = str_make(path.p + script.len, path.len - script.len);
    if (str_find(path, '%', 0) == path.len) {
        put_text(line, path);
        return;
    }
    AUTO_FREE char *decoded = memory_alloc(path.len);
    put_text(line, str_make(decoded, decode_percent(path, decoded)));
}

/* Empty without a query, "-" without a target. */
static void put_query(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    bool is_there = head && head->target.len;
    put_text(line, !is_there ? STR_NONE : head->query.len ? head_slice(head, head->query) : STR(""));
}

/* The values of all fields with that id, joined as in environ. */
static void put_joined(struct access_line *line, enum field_id id)
{
    const struct http_head *head = head_of(line);
    unsigned first = head ? head->known[id] : 0;
    put_text(line, first ? head_known(head, id) : STR_NONE);
    for (unsigned i = first; first && i < head->n_fields; i++) {
        if (head->fields[i].id != id)
            continue;
        buf_append_char(line->out, ',');
        put_text(line, head_field_value(head, &head->fields[i]));
    }
}

static void put_referer(struct access_line *line, const struct access_name *name)
{
    put_joined(line, FIELD_REFERER);
}

static void put_user_agent(struct access_line *line, const struct access_name *name)
{
    put_joined(line, FIELD_USER_AGENT);
}

/* Of repeated fields the last. */
static void put_request_field(struct access_line *line, const struct access_name *name)
{
    const struct http_head *head = head_of(line);
    for (uint32_t i = head ? head->n_fields : 0; i > 0; i--) {
        const struct http_field *field = &head->fields[i - 1];
        if (field->id == name->id &&
            (name->id != FIELD_OTHER || str_ieq(head_field_name(head, field), name->text))) {
            put_text(line, head_field_value(head, field));
            return;
        }
    }
    buf_append_char(line->out, '-');
}

/* --- the response ---------------------------------------------------------------------------------- */

static int64_t status(struct access_line *line)
{
    return line->exchange->status > 0 ? line->exchange->status : 0;
}

static int64_t body_bytes(struct access_line *line)
{
    return line->exchange->body_sent > 0 ? line->exchange->body_sent : 0;
}

/* Of repeated fields the last. */
static str find_line(str lines, str name)
{
    str found = STR_NONE;
    while (lines.len) {
        str value = str_split(&lines, '\n');
        str key = str_split(&value, ':');
        if (value.len && value.p[value.len - 1] == '\r')
            value.len--;
        if (str_ieq(key, name))
            found = str_trim(value);
    }
    return found;
}

static void put_response_field(struct access_line *line, const struct access_name *name)
{
    const struct exchange *exchange = line->exchange;
    bool at_rest = exchange->transit.is_begun || !exchange->is_handled;
    char number[NUM_MAX_LEN];
    str value = STR_NONE;
    if (at_rest && name->id == FIELD_CONTENT_LENGTH && exchange->output.has_length)
        value = str_make(number, num_format(number, exchange->output.length));
    else if (at_rest)
        value = find_line(buf_str(&exchange->output.fields), name->text);
    put_text(line, value);
}

/* The handler fills the notes until it is done with the exchange. */
static void put_environ(struct access_line *line, const struct access_name *name)
{
    const struct exchange *exchange = line->exchange;
    str rest = exchange->is_handled ? STR_NONE : buf_str(&exchange->notes);
    for (size_t i = 0; i < name->note && rest.len; i++)
        str_split(&rest, '\0');
    put_text(line, rest.len ? str_split(&rest, '\0') : STR_NONE);
}

static void put_pid(struct access_line *line, const struct access_name *name)
{
    buf_append(line->out, line->cache->pid);
}

/* --- the table ------------------------------------------------------------------------------------- */

static const struct access_atom atoms[] = {
    { "h", .put = put_host },
    { "l", .put = put_dash },
    { "u", .put = put_user },
    { "t", .put = put_time },
    { "r", .put = put_request_line },
    { "s", .number = status },
    { "m", .put = put_method },
    { "U", .put = put_path },
    { "q", .put = put_query },
    { "H", .put = put_protocol },
    { "b", .number = body_bytes },
    { "B", .number = body_bytes },
    { "f", .put = put_referer },
    { "a", .put = put_user_agent },
    { "T", .number = seconds },
    { "D", .number = microseconds },
    { "M", .number = milliseconds },
    { "L", .put = put_decimal_seconds },
    { "p", .put = put_pid },
    { "{}i", .put = put_request_field },
    { "{}o", .put = put_response_field },
    { "{}e", .put = put_environ },
};

static const struct access_atom unknown = { "-", .put = put_dash };

/* "{Name}i" becomes "{}i" and Name. */
static str take_name(str key, char shape[4], str *out_name)
{
    *out_name = STR_NONE;
    if (key.len < 3 || key.p[0] != '{' || key.p[key.len - 2] != '}')
        return key;
    *out_name = str_sub(key, 1, key.len - 2);
    memcpy(shape, "{}", 2);
    shape[2] = ascii_lower(key.p[key.len - 1]);
    return str_make(shape, 3);
}

const struct access_atom *access_atom_find(str key, str *out_name)
{
    char shape[4];
    key = take_name(key, shape, out_name);
    for (size_t i = 0; i < COUNT_OF(atoms); i++)
        if (str_eq(key, str_of(atoms[i].key)))
            return &atoms[i];
    return &unknown;
}

bool access_atom_is_environ(const struct access_atom *atom)
{
    return atom->put == put_environ;
}

void access_cache_init(struct access_cache *cache, struct arena *arena)
{
    str script_name = arena_copy(arena, str_of(getenv("SCRIPT_NAME")));
    *cache = (struct access_cache){ .time_at = -1, .script_name = script_name };
    size_t len = 0;
    cache->pid_text[len++] = '<';
    len += num_format(cache->pid_text + len, (uint64_t)getpid());
    cache->pid_text[len++] = '>';
    cache->pid = str_make(cache->pid_text, len);
}
