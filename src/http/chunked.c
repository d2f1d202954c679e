/* SPDX-License-Identifier: MIT */
/* The chunked transfer coding (RFC 9112 section 7.1): a table of steps and byte classes, so that any
 * split of the input gives the same result, and payload taken in runs. Strict where lenient decoders let
 * two servers see different messages: line ends are CRLF, the size is bare hexadecimal without sign or
 * prefix, extensions and trailer fields follow the grammar, and both are bounded. Owns no memory; the
 * payload stays in the caller's buffer. */
#include "http/chunked.h"

#include "base/num.h"

enum { CHUNK_LINE_MOST = 4096, TRAILERS_MOST = 8192 };

enum byte_class { CTL, HEX, TCHAR, BLANK, SEMI, EQUAL, QUOTE, SLASH, COLON, CR, LF, OTHER, N_CLASSES };

enum step {
    SIZE_FIRST, /* zero, the start: never a next step, so that zero in the table means refused */
    SIZE_AGAIN,
    SIZE,
    SIZE_BLANK, /* white space that only ';' may follow */
    EXT_BEGIN,  /* behind ';' */
    EXT_NAME,
    EXT_BLANK, /* white space that only ';' or '=' may follow */
    EXT_EQUAL, /* behind '=' */
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPE, /* behind '\' in a quoted string */
    EXT_CLOSED, /* behind the closing quote */
    LINE_LF,
    DATA_CR,
    DATA_LF,
    TRAILER_BEGIN,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF, /* of the empty line behind the trailers */
    N_ROWS, /* the steps below are not led on by a single byte */
    LINE_END = N_ROWS,
    DATA,
    DONE,
    BAD,
};

static const uint8_t class_of[256] = {
    ['\t'] = BLANK,          ['\n'] = LF,           ['\r'] = CR,
    [' '] = BLANK,           ['!'] = TCHAR,         ['"'] = QUOTE,
    ['#' ... '\''] = TCHAR,  ['(' ... ')'] = OTHER, ['*' ... '+'] = TCHAR,
    [','] = OTHER,           ['-' ... '.'] = TCHAR, ['/'] = OTHER,
    ['0' ... '9'] = HEX,     [':'] = COLON,         [';'] = SEMI,
    ['<'] = OTHER,           ['='] = EQUAL,         ['>' ... '@'] = OTHER,
    ['A' ... 'F'] = HEX,     ['G' ... 'Z'] = TCHAR, ['['] = OTHER,
    ['\\'] = SLASH,          [']'] = OTHER,         ['^' ... '`'] = TCHAR,
    ['a' ... 'f'] = HEX,     ['g' ... 'z'] = TCHAR, ['{'] = OTHER,
    ['|'] = TCHAR,           ['}'] = OTHER,         ['~'] = TCHAR,
    [0x80 ... 0xff] = OTHER,
};

#define TOKEN_TO(next) [HEX] = (next), [TCHAR] = (next)
#define TEXT_TO(next)                                                                                        \
    TOKEN_TO(next), [BLANK] = (next), [SEMI] = (next), [EQUAL] = (next), [COLON] = (next), [OTHER] = (next)

static const struct {
    const char *reason; /* what is wrong with a byte that leads nowhere */
    uint8_t next[N_CLASSES];
} rows[N_ROWS] = {
    [SIZE_FIRST] = { "chunk size expected", { [HEX] = SIZE } },
    [SIZE_AGAIN] = { "chunk size expected", { [HEX] = SIZE } },
    [SIZE] = { "malformed chunk size",
               { [HEX] = SIZE, [BLANK] = SIZE_BLANK, [SEMI] = EXT_BEGIN, [CR] = LINE_LF } },
    [SIZE_BLANK] = { "malformed chunk size", { [BLANK] = SIZE_BLANK, [SEMI] = EXT_BEGIN } },
    [EXT_BEGIN] = { "malformed chunk extension", { TOKEN_TO(EXT_NAME), [BLANK] = EXT_BEGIN } },
    [EXT_NAME] = { "malformed chunk extension",
                   { TOKEN_TO(EXT_NAME), [BLANK] = EXT_BLANK, [SEMI] = EXT_BEGIN, [EQUAL] = EXT_EQUAL,
                     [CR] = LINE_LF } },
    [EXT_BLANK] = { "malformed chunk extension",
                    { [BLANK] = EXT_BLANK, [SEMI] = EXT_BEGIN, [EQUAL] = EXT_EQUAL } },
    [EXT_EQUAL] = { "malformed chunk extension",
                    { TOKEN_TO(EXT_TOKEN), [BLANK] = EXT_EQUAL, [QUOTE] = EXT_QUOTED } },
    [EXT_TOKEN] = { "malformed chunk extension",
                    { TOKEN_TO(EXT_TOKEN), [BLANK] = SIZE_BLANK, [SEMI] = EXT_BEGIN, [CR] = LINE_LF } },
    [EXT_QUOTED] = { "malformed chunk extension",
                     { TEXT_TO(EXT_QUOTED), [QUOTE] = EXT_CLOSED, [SLASH] = EXT_ESCAPE } },
    [EXT_ESCAPE] = { "malformed chunk extension",
                     { TEXT_TO(EXT_QUOTED), [QUOTE] = EXT_QUOTED, [SLASH] = EXT_QUOTED } },
    [EXT_CLOSED] = { "malformed chunk extension",
                     { [BLANK] = SIZE_BLANK, [SEMI] = EXT_BEGIN, [CR] = LINE_LF } },
    [LINE_LF] = { "bare CR in a chunk line", { [LF] = LINE_END } },
    [DATA_CR] = { "chunk data is not followed by CRLF", { [CR] = DATA_LF } },
    [DATA_LF] = { "chunk data is not followed by CRLF", { [LF] = SIZE_AGAIN } },
    [TRAILER_BEGIN] = { "malformed trailer field", { TOKEN_TO(TRAILER_NAME), [CR] = END_LF } },
    [TRAILER_NAME] = { "malformed trailer field", { TOKEN_TO(TRAILER_NAME), [COLON] = TRAILER_VALUE } },
    [TRAILER_VALUE] = { "control byte in a trailer field",
                        { TEXT_TO(TRAILER_VALUE), [QUOTE] = TRAILER_VALUE, [SLASH] = TRAILER_VALUE,
                          [CR] = TRAILER_LF } },
    [TRAILER_LF] = { "bare CR in a trailer field", { [LF] = TRAILER_BEGIN } },
    [END_LF] = { "bare CR behind the last chunk", { [LF] = DONE } },
};

static bool refuse(struct chunked *c, const char *reason)
{
    c->step = BAD;
    c->reason = reason;
    return false;
}

static unsigned digit_of(unsigned char c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - 'a' + 10;
}

static bool add_digit(struct chunked *c, unsigned char byte)
{
    if (c->left > INT64_MAX >> 4)
        return refuse(c, "chunk size is too large");
    c->left = c->left << 4 | digit_of(byte);
    return true;
}

static bool is_over_limit(struct chunked *c)
{
    uint32_t most = c->step >= TRAILER_BEGIN ? TRAILERS_MOST : CHUNK_LINE_MOST;
    return ++c->overhead > most;
}

static void enter(struct chunked *c, uint8_t step)
{
    if (step == LINE_END || step == SIZE_AGAIN)
        c->overhead = 0;
    if (step == LINE_END)
        step = c->left ? DATA : TRAILER_BEGIN;
    c->step = step;
}

static bool take_byte(struct chunked *c, unsigned char byte)
{
    if (is_over_limit(c))
        return refuse(c, c->step >= TRAILER_BEGIN ? "trailers are too long" : "chunk line is too long");
    uint8_t class = class_of[byte];
    uint8_t next = rows[c->step].next[class];
    if (!next)
        return refuse(c, class == LF ? "bare LF in a chunked body" : rows[c->step].reason);
    if (next == SIZE && !add_digit(c, byte))
        return false;
    enter(c, next);
    return true;
}

static void take_data(struct chunked *c, str *in, str *out)
{
    size_t run = c->left < in->len ? (size_t)c->left : in->len;
    *out = str_make(in->p, run);
    *in = str_make(in->p + run, in->len - run);
    c->left -= run;
    if (c->left == 0)
        c->step = DATA_CR;
}

enum chunked_result chunked_next(struct chunked *c, str *in, str *out)
{
    while (in->len && c->step < DONE) {
        if (c->step == DATA) {
            take_data(c, in, out);
            return CHUNKED_DATA;
        }
        take_byte(c, (unsigned char)in->p[0]);
        *in = str_make(in->p + 1, in->len - 1);
    }
    return c->step == DONE ? CHUNKED_DONE : c->step == BAD ? CHUNKED_BAD : CHUNKED_MORE;
}

size_t chunked_head(char *to, uint64_t size)
{
    size_t len = num_format_hex(to, size);
    to[len] = '\r';
    to[len + 1] = '\n';
    return len + 2;
}
