/* SPDX-License-Identifier: MIT */
/* The HTTP/1.1 request head, read line by line (RFC 9112 sections 2 to 6). A line is taken apart only when
 * it is complete; until then the next call goes on where the last one stopped, so that the work is linear
 * in the bytes however they arrive, and the outcome does not depend on how they were split. Strict wherever
 * lenient parsers disagree, because what two servers read differently can be used against the one behind.
 * No allocation, no copy: the head is offsets into the caller's bytes. */
#include "http/h1_parse.h"

#include <assert.h>

#include "base/num.h"
#include "http/host.h"
#include "http/scan.h"

enum step { REQUEST_LINE, FIELD_LINES, COMPLETE, REFUSED };

enum asked {
    ASKED_CLOSE = 1,
    ASKED_KEEP_ALIVE = 2,
    CODING_CHUNKED = 4,
    CODING_REGISTERED = 8, /* one that we know by name but do not undo */
    CODING_UNKNOWN = 16,
};

enum { EMPTY_LINES_MOST = 4, METHOD_LEAST = 3, METHOD_MOST = 20, VERSION_LEN = sizeof("HTTP/1.1") - 1 };

static enum h1_result refuse(struct h1_parser *parser, uint16_t status, const char *reason)
{
    parser->step = REFUSED;
    parser->status = status;
    parser->reason = reason;
    return H1_BAD;
}

static enum h1_result refuse_line_end(struct h1_parser *parser, char found)
{
    return refuse(parser, 400, found == '\n' ? "bare LF as line end" : "control byte in the head");
}

static enum h1_result refuse_long_line(struct h1_parser *parser)
{
    if (parser->step == REQUEST_LINE)
        return refuse(parser, 414, "request line is too long");
    return refuse(parser, 431, "field line or head is too long");
}

static uint32_t line_limit(const struct h1_parser *parser)
{
    const struct h1_limits *limits = parser->limits;
    uint32_t asked = parser->step == REQUEST_LINE ? limits->request_line : limits->field_size;
    uint32_t most = asked && asked < H1_LINE_MOST ? asked : H1_LINE_MOST;
    uint32_t room = parser->line_at < H1_HEAD_MOST ? H1_HEAD_MOST - parser->line_at : 0;
    return most < room ? most : room;
}

/* H1_DONE: the line is [line_at, scanned_to), and CRLF follows. Looks at most one byte beyond the limit,
 * so that a line is too long at the same byte whether it is all there or not. */
static enum h1_result find_line(struct h1_parser *parser, const char *bytes, size_t len)
{
    size_t beyond = (size_t)parser->line_at + line_limit(parser) + 1;
    size_t end = size_min(len, beyond);
    size_t at = parser->scanned_to + scan_text(bytes + parser->scanned_to, end - parser->scanned_to);
    parser->scanned_to = (uint32_t)at;
    if (at == end)
        return at == beyond ? refuse_long_line(parser) : H1_MORE;
    if (bytes[at] != '\r')
        return refuse_line_end(parser, bytes[at]);
    if (at + 1 == len)
        return H1_MORE;
    return bytes[at + 1] == '\n' ? H1_DONE : refuse(parser, 400, "bare CR in the head");
}

static void next_line(struct h1_parser *parser)
{
    parser->line_at = parser->scanned_to += 2;
}

static const struct {
    str name;
    enum http_method method;
} methods[] = {
    { { "GET", 3 }, METHOD_GET },         { { "POST", 4 }, METHOD_POST },
    { { "HEAD", 4 }, METHOD_HEAD },       { { "PUT", 3 }, METHOD_PUT },
    { { "DELETE", 6 }, METHOD_DELETE },   { { "PATCH", 5 }, METHOD_PATCH },
    { { "OPTIONS", 7 }, METHOD_OPTIONS }, { { "CONNECT", 7 }, METHOD_CONNECT },
    { { "TRACE", 5 }, METHOD_TRACE },
};

static enum http_method method_of(str name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (str_eq(methods[i].name, name))
            return methods[i].method;
    return METHOD_OTHER;
}

/* gunicorn's rule for methods nobody registered: 3 to 20 bytes, no lower-case letter, no '#'. */
static bool is_conventional(str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((name.p[i] >= 'a' && name.p[i] <= 'z') || name.p[i] == '#')
            return false;
    return name.len >= METHOD_LEAST && name.len <= METHOD_MOST;
}

/* The parts of the request line are read by functions that take the offset where the part begins and
 * give the one behind it. The byte at the end of the line, CR, ends every part. */
static enum h1_result read_method(struct h1_parser *parser, const char *bytes, uint32_t *at)
{
    struct http_head *head = &parser->head;
    uint32_t len = (uint32_t)scan_token(bytes + *at, parser->scanned_to - *at);
    head->method_name = (struct http_slice){ *at, len };
    head->method = (uint8_t)method_of(head_slice(head, head->method_name));
    if (bytes[*at + len] != ' ')
        return refuse(parser, 400, "method is not a token followed by one space");
    if (head->method == METHOD_OTHER && !is_conventional(head_slice(head, head->method_name)))
        return refuse(parser, 400, "unconventional method");
    *at += len + 1;
    return H1_DONE;
}

static enum h1_result read_target(struct h1_parser *parser, const char *bytes, uint32_t *at)
{
    struct http_head *head = &parser->head;
    uint32_t begin = *at, line_end = parser->scanned_to;
    uint32_t end = begin + (uint32_t)scan_target(bytes + begin, line_end - begin);
    head->path = (struct http_slice){ begin, end - begin };
    head->query = (struct http_slice){ end, 0 };
    if (bytes[end] == '?') {
        uint32_t query = end + 1;
        do
            end += 1 + (uint32_t)scan_target(bytes + end + 1, line_end - end - 1);
        while (bytes[end] == '?');
        head->query = (struct http_slice){ query, end - query };
    }
    head->target = (struct http_slice){ begin, end - begin };
    if (end == begin)
        return refuse(parser, 400, "empty request target");
    if (end == line_end)
        return refuse(parser, 400, "request line without version");
    if (bytes[end] == '#')
        return refuse(parser, 400, "fragment in the request target");
    if (bytes[end] != ' ')
        return refuse(parser, 400, "byte not allowed in the request target");
    *at = end + 1;
    return H1_DONE;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum h1_result read_version(struct h1_parser *parser, const char *bytes, uint32_t at)
{
    const char *text = bytes + at;
    if (parser->scanned_to - at != VERSION_LEN || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) ||
        text[6] != '.' || !is_digit(text[7]))
        return refuse(parser, 400, "malformed HTTP version");
    if (text[5] != '1' || text[7] > '1')
        return refuse(parser, 505, "unsupported HTTP version");
    parser->head.version = text[7] == '1' ? HTTP_1_1 : HTTP_1_0;
    return H1_DONE;
}

/* The path of an absolute target begins behind its authority. */
static enum h1_result split_absolute(struct h1_parser *parser, str target)
{
    struct http_head *head = &parser->head;
    uint32_t scheme = str_ieq(str_sub(target, 0, 7), STR("http://"))    ? 7
                      : str_ieq(str_sub(target, 0, 8), STR("https://")) ? 8
                                                                        : 0;
    if (!scheme)
        return refuse(parser, 400, "request target in none of the known forms");
    uint32_t path_end = head->path.len; /* the path still begins with the scheme */
    uint32_t slash = (uint32_t)str_find(str_make(target.p, path_end), '/', scheme);
    str authority = str_sub(target, scheme, slash);
    if (authority.len == 0 || !host_is_valid(authority))
        return refuse(parser, 400, "malformed authority in the request target");
    head->path = (struct http_slice){ head->path.at + slash, path_end - slash };
    return H1_DONE;
}

static enum h1_result split_authority(struct h1_parser *parser, str target)
{
    if (!host_is_valid_with_port(target))
        return refuse(parser, 400, "CONNECT target is not host:port");
    parser->head.path.len = 0;
    return H1_DONE;
}

/* The four forms of RFC 9112 section 3.2. */
static enum h1_result split_target(struct h1_parser *parser)
{
    struct http_head *head = &parser->head;
    str target = head_slice(head, head->target);
    if (head->method == METHOD_CONNECT)
        return split_authority(parser, target);
    if (target.p[0] == '/')
        return H1_DONE;
    if (!str_eq(target, STR("*")))
        return split_absolute(parser, target);
    return head->method == METHOD_OPTIONS ? H1_DONE : refuse(parser, 400, "target * without OPTIONS");
}

static enum h1_result skip_empty_line(struct h1_parser *parser)
{
    if (parser->line_at >= 2 * EMPTY_LINES_MOST)
        return refuse(parser, 400, "too many empty lines before the request line");
    next_line(parser);
    return H1_DONE;
}

static enum h1_result read_request_line(struct h1_parser *parser, const char *bytes, size_t len)
{
    enum h1_result result = find_line(parser, bytes, len);
    if (result != H1_DONE)
        return result;
    uint32_t at = parser->line_at;
    if (at == parser->scanned_to)
        return skip_empty_line(parser);
    if ((result = read_method(parser, bytes, &at)) != H1_DONE ||
        (result = read_target(parser, bytes, &at)) != H1_DONE ||
        (result = read_version(parser, bytes, at)) != H1_DONE || (result = split_target(parser)) != H1_DONE)
        return result;
    parser->step = FIELD_LINES;
    next_line(parser);
    return H1_DONE;
}

/* Called with the value of a field that the parser itself must understand; `again`: not the first such. */
typedef enum h1_result (*take_fn)(struct h1_parser *parser, str value, bool again);

static enum h1_result take_host(struct h1_parser *parser, str value, bool again)
{
    if (again)
        return refuse(parser, 400, "repeated Host");
    return host_is_valid(value) ? H1_DONE : refuse(parser, 400, "malformed Host");
}

static enum h1_result take_content_length(struct h1_parser *parser, str value, bool again)
{
    if (again)
        return refuse(parser, 400, "repeated Content-Length");
    if (!num_parse(value, INT64_MAX, &parser->head.content_length))
        return refuse(parser, 400, "malformed Content-Length");
    parser->head.has_length = true;
    return H1_DONE;
}

static enum h1_result take_content_type(struct h1_parser *parser, str value, bool again)
{
    return again ? refuse(parser, 400, "repeated Content-Type") : H1_DONE;
}

static bool is_registered_coding(str coding)
{
    static const str registered[] = { { "gzip", 4 },   { "deflate", 7 },     { "compress", 8 },
                                      { "x-gzip", 6 }, { "x-compress", 10 }, { "identity", 8 } };
    for (size_t i = 0; i < COUNT_OF(registered); i++)
        if (str_ieq(coding, registered[i]))
            return true;
    return false;
}

/* All elements of all fields are one list; what they add up to is judged when the head is complete. */
static enum h1_result take_transfer_encoding(struct h1_parser *parser, str value, bool again)
{
    do {
        str coding = str_trim(str_split(&value, ','));
        if (coding.len == 0)
            return refuse(parser, 400, "empty element in Transfer-Encoding");
        if (parser->asked & CODING_CHUNKED)
            return refuse(parser, 400, "chunked is repeated or not the last transfer coding");
        parser->asked |= str_ieq(coding, STR("chunked")) ? CODING_CHUNKED
                         : is_registered_coding(coding)  ? CODING_REGISTERED
                                                         : CODING_UNKNOWN;
    } while (value.p);
    return H1_DONE;
}

static enum h1_result take_connection(struct h1_parser *parser, str value, bool again)
{
    while (value.p) {
        str option = str_trim(str_split(&value, ','));
        if (str_ieq(option, STR("keep-alive")))
            parser->asked |= ASKED_KEEP_ALIVE;
        else if (str_ieq(option, STR("close")))
            parser->asked |= ASKED_CLOSE;
    }
    return H1_DONE;
}

/* An HTTP/1.0 client does not wait for 100, whatever it says (RFC 9110 section 10.1.1). */
static enum h1_result take_expect(struct h1_parser *parser, str value, bool again)
{
    if (!str_ieq(value, STR("100-continue")))
        return refuse(parser, 417, "unknown expectation");
    parser->head.expects_continue = parser->head.version == HTTP_1_1;
    return H1_DONE;
}

static const take_fn takers[FIELD_COUNT] = {
    [FIELD_HOST] = take_host,
    [FIELD_CONTENT_LENGTH] = take_content_length,
    [FIELD_CONTENT_TYPE] = take_content_type,
    [FIELD_TRANSFER_ENCODING] = take_transfer_encoding,
    [FIELD_CONNECTION] = take_connection,
    [FIELD_EXPECT] = take_expect,
};

static enum h1_result refuse_field_name(struct h1_parser *parser, uint32_t len, char found)
{
    bool is_blank = found == ' ' || found == '\t';
    if (len == 0)
        return refuse(parser, 400, is_blank ? "folded field line" : "empty field name");
    return refuse(parser, 400, is_blank ? "white space in or behind a field name" : "malformed field name");
}

static enum h1_result check_room(struct h1_parser *parser)
{
    struct http_head *head = &parser->head;
    uint32_t asked = parser->limits->fields;
    uint32_t most = asked && asked < H1_FIELDS_MOST ? asked : H1_FIELDS_MOST;
    if (head->n_fields >= most)
        return refuse(parser, 431, "too many fields");
    return head->n_fields < head->cap_fields ? H1_DONE : H1_GROW;
}

static enum h1_result add_field(struct h1_parser *parser, struct http_field field)
{
    struct http_head *head = &parser->head;
    enum field_id id = field_lookup(head_field_name(head, &field));
    bool again = id != FIELD_OTHER && head->known[id];
    field.id = (uint16_t)id;
    head->fields[head->n_fields++] = field;
    if (id != FIELD_OTHER && !again)
        head->known[id] = (uint16_t)head->n_fields;
    return takers[id] ? takers[id](parser, head_field_value(head, &field), again) : H1_DONE;
}

/* RFC 9112 section 6: one unambiguous length, or none. */
static enum h1_result judge_framing(struct h1_parser *parser)
{
    struct http_head *head = &parser->head;
    unsigned codings = parser->asked & (CODING_CHUNKED | CODING_REGISTERED | CODING_UNKNOWN);
    if (!codings)
        return H1_DONE;
    if (head->has_length)
        return refuse(parser, 400, "Content-Length with Transfer-Encoding");
    if (head->version == HTTP_1_0)
        return refuse(parser, 400, "Transfer-Encoding in HTTP/1.0");
    if (codings == CODING_REGISTERED)
        return refuse(parser, 400, "chunked is not the last transfer coding");
    if (codings != CODING_CHUNKED)
        return refuse(parser, 501, "unsupported transfer coding");
    head->is_chunked = true;
    return H1_DONE;
}

static enum h1_result finish(struct h1_parser *parser)
{
    struct http_head *head = &parser->head;
    if (head->version == HTTP_1_1 && !head->known[FIELD_HOST])
        return refuse(parser, 400, "HTTP/1.1 without Host");
    if (judge_framing(parser) != H1_DONE)
        return H1_BAD;
    /* What follows CONNECT may be meant for a tunnel, never for us. */
    head->keep_alive = !(parser->asked & ASKED_CLOSE) && head->method != METHOD_CONNECT &&
                       (head->version == HTTP_1_1 || (parser->asked & ASKED_KEEP_ALIVE));
    parser->head_len = parser->scanned_to + 2;
    parser->step = COMPLETE;
    return H1_DONE;
}

static bool is_ows(char c)
{
    return c == ' ' || c == '\t';
}

static enum h1_result read_field_line(struct h1_parser *parser, const char *bytes, size_t len)
{
    enum h1_result result = find_line(parser, bytes, len);
    if (result != H1_DONE)
        return result;
    uint32_t at = parser->line_at, end = parser->scanned_to;
    if (at == end)
        return finish(parser);
    /* Beyond `end` is only CRLF, which is no token: scanning up to `len` spares the short tail. */
    uint32_t name_len = (uint32_t)scan_token(bytes + at, size_min(len - at, H1_LINE_MOST));
    if (name_len == 0 || bytes[at + name_len] != ':')
        return refuse_field_name(parser, name_len, bytes[at + name_len]);
    if (name_len > UINT16_MAX)
        return refuse(parser, 431, "field name is too long");
    if ((result = check_room(parser)) != H1_DONE)
        return result;
    uint32_t value_at = at + name_len + 1, value_end = end;
    while (value_at < value_end && is_ows(bytes[value_at]))
        value_at++;
    while (value_end > value_at && is_ows(bytes[value_end - 1]))
        value_end--;
    next_line(parser);
    return add_field(parser, (struct http_field){ .name_at = at,
                                                  .name_len = (uint16_t)name_len,
                                                  .value_at = value_at,
                                                  .value_len = value_end - value_at });
}

void h1_parser_init(struct h1_parser *parser, const struct h1_limits *limits, struct http_field *fields,
                    uint32_t cap)
{
    *parser = (struct h1_parser){ .limits = limits, .head = { .fields = fields, .cap_fields = cap } };
}

enum h1_result h1_parse_head(struct h1_parser *parser, const char *bytes, size_t len)
{
    assert(len >= parser->scanned_to);
    if (len == 0)
        return H1_MORE;
    parser->head.base = bytes;
    enum h1_result result = H1_DONE;
    while (result == H1_DONE && parser->step == REQUEST_LINE)
        result = read_request_line(parser, bytes, len);
    while (result == H1_DONE && parser->step == FIELD_LINES)
        result = read_field_line(parser, bytes, len);
    return parser->step == REFUSED ? H1_BAD : result;
}
