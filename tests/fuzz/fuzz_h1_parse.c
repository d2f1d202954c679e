/* SPDX-License-Identifier: MIT */
/* Request heads: the first bytes choose limits and split points, the rest is the message. Every way of
 * scanning must give the outcome of the scalar one on the whole message, in any pieces, at any address;
 * and what is accepted must be what RFC 9112 allows, by rules that are checked here in another way. */
#include "fuzz.h"
#include "h1_run.h"
#include "http/scan.h"

enum { MESSAGE_MOST = 8192 };

static const struct h1_limits all_limits[] = {
    { .request_line = 4094, .fields = 100, .field_size = 8190 },
    { .request_line = 40, .fields = 4, .field_size = 30 },
    { .request_line = 0, .fields = H1_RUN_FIELDS, .field_size = 0 },
    { .request_line = 1, .fields = 1, .field_size = 1 },
};

static void run_whole(struct h1_run *run, const struct h1_limits *limits, str message)
{
    h1_run_begin(run, limits);
    h1_run_feed(run, message.p, message.len);
}

/* Each prefix is at an address of its own, and gone when the next one comes. */
static void run_pieces(struct h1_run *run, const struct h1_limits *limits, str message, struct pieces pieces)
{
    h1_run_begin(run, limits);
    for (size_t len = 0; run->result == H1_MORE && len < message.len;) {
        len = size_min(len + next_piece(&pieces), message.len);
        char *copy = copy_of(str_make(message.p, len));
        h1_run_feed(run, copy, len);
        free(copy);
    }
    run->parser.head.base = message.p;
}

static void run_bytes(struct h1_run *run, const struct h1_limits *limits, str message)
{
    h1_run_begin(run, limits);
    for (size_t len = 1; run->result == H1_MORE && len <= message.len; len++)
        h1_run_feed(run, message.p, len);
}

static bool status_is_known(int status)
{
    return status == 400 || status == 414 || status == 417 || status == 431 || status == 501 || status == 505;
}

static void check_bytes(str head)
{
    for (size_t i = 0; i < head.len; i++) {
        unsigned char c = (unsigned char)head.p[i];
        CHECK(c >= ' ' || c == '\t' || c == '\r' || c == '\n', "control byte");
        CHECK(c != '\r' || (i + 1 < head.len && head.p[i + 1] == '\n'), "bare CR");
        CHECK(c != '\n' || (i > 0 && head.p[i - 1] == '\r'), "bare LF");
    }
    CHECK(str_ends(head, STR("\r\n\r\n")), "end of the head");
}

static void check_field(const struct http_head *head, const struct http_field *field, str bytes)
{
    str name = head_field_name(head, field), value = head_field_value(head, field);
    CHECK(field->name_at + field->name_len < bytes.len, "name inside");
    CHECK(field->value_at + field->value_len < bytes.len, "value inside");
    CHECK(head->base[field->name_at + field->name_len] == ':', "colon behind the name");
    CHECK(head->base[field->name_at - 1] == '\n', "name begins its line");
    CHECK(field_name_is_valid(name) && field_value_is_valid(value), "name and value");
    CHECK(str_eq(str_trim(value), value) || !value.len, "value is trimmed");
    CHECK(field->id == FIELD_OTHER || str_ieq(field_name(field->id), name), "id");
}

static size_t count_of(const struct http_head *head, enum field_id id)
{
    size_t n = 0;
    for (uint32_t i = 0; i < head->n_fields; i++)
        n += head->fields[i].id == id;
    return n;
}

static void check_framing(const struct http_head *head)
{
    CHECK(count_of(head, FIELD_CONTENT_LENGTH) == head->has_length, "one Content-Length");
    CHECK(count_of(head, FIELD_TRANSFER_ENCODING) == head->is_chunked, "one Transfer-Encoding");
    CHECK(!head->is_chunked || !head->has_length, "one kind of length");
    CHECK(!head->is_chunked || head->version == HTTP_1_1, "chunked in HTTP/1.1 only");
    CHECK(!head->is_chunked || str_ieq(head_known(head, FIELD_TRANSFER_ENCODING), STR("chunked")), "chunked");
    CHECK(head->has_length || head->content_length == 0, "length only when given");
    CHECK(count_of(head, FIELD_HOST) == 1 || head->version == HTTP_1_0, "one Host");
}

static void check_request_line(const struct http_head *head)
{
    str target = head_slice(head, head->target);
    str method = head_slice(head, head->method_name);
    CHECK(method.len >= 3 && method.len <= 20 && target.len > 0, "method and target");
    CHECK(target.p == method.p + method.len + 1, "one space between method and target");
    CHECK(str_starts(str_make(target.p + target.len, 7), STR(" HTTP/1")), "version behind the target");
    for (size_t i = 0; i < target.len; i++)
        CHECK(target.p[i] > ' ' && target.p[i] < 0x7f && target.p[i] != '#', "byte of the target");
    str path = head_slice(head, head->path), query = head_slice(head, head->query);
    CHECK(path.p >= target.p && path.p + path.len <= target.p + target.len, "path in the target");
    CHECK(query.p >= path.p + path.len && query.p + query.len <= target.p + target.len,
          "query in the target");
    CHECK(str_find(path, '?', 0) == path.len, "path ends before the query");
}

static void check_accepted(const struct h1_run *run, str message)
{
    const struct http_head *head = &run->parser.head;
    str bytes = str_make(message.p, run->parser.head_len);
    CHECK(run->parser.head_len <= message.len, "head inside");
    check_bytes(bytes);
    for (uint32_t i = 0; i < head->n_fields; i++)
        check_field(head, &head->fields[i], bytes);
    check_framing(head);
    check_request_line(head);
    struct h1_run alone;
    run_whole(&alone, run->parser.limits, bytes);
    CHECK(h1_run_is_same(run, &alone), "what follows changes nothing");
}

static void check_outcome(const struct h1_run *run, str message)
{
    if (run->result == H1_BAD)
        CHECK(status_is_known(run->parser.status) && run->parser.reason, "status and reason");
    if (run->result == H1_DONE)
        check_accepted(run, message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct scan_ops *best = scan_active;
    str input = str_make((const char *)data, size);
    const struct h1_limits *limits = &all_limits[take_number(&input) % COUNT_OF(all_limits)];
    struct pieces pieces = take_pieces(&input);
    str message = str_sub(input, 0, MESSAGE_MOST);
    struct h1_run expected, run;
    scan_use(&scan_scalar);
    run_whole(&expected, limits, message);
    CHECK(expected.result != H1_GROW, "room for all fields");
    check_outcome(&expected, message);
    for (size_t i = 0; scan_all[i]; i++) {
        if (!scan_all[i]->is_supported())
            continue;
        scan_use(scan_all[i]);
        run_whole(&run, limits, message);
        CHECK(h1_run_is_same(&expected, &run), scan_all[i]->name);
        run_pieces(&run, limits, message, pieces);
        CHECK(h1_run_is_same(&expected, &run), "pieces");
        run_bytes(&run, limits, message);
        CHECK(h1_run_is_same(&expected, &run), "bytes");
    }
    scan_use(best);
    return 0;
}
