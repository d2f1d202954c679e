/* SPDX-License-Identifier: MIT */
/* Scanning in plain C, with SSE4.2 and with AVX2. The scalar functions are the definition; the vector
 * ones classify 16 or 32 bytes a step and must agree with them byte for byte (tests/unit/http/test_scan.c,
 * tests/fuzz). A tail shorter than a vector is covered by a last load that ends at the end of the
 * slice and overlaps bytes already found to belong, so that nothing outside is ever read. */
#include "http/scan.h"

#include "base/cpu.h"

enum { TEXT = 1, TARGET = 2, TOKEN = 4, URI = TEXT | TARGET, NAME = TEXT | TARGET | TOKEN };

static const uint8_t classes[256] = {
    [0x09] = TEXT,         [0x20] = TEXT,        ['!'] = NAME,           ['"'] = URI,  ['#'] = TEXT | TOKEN,
    ['$' ... '\''] = NAME, ['(' ... ')'] = URI,  ['*' ... '+'] = NAME,   [','] = URI,  ['-' ... '.'] = NAME,
    ['/'] = URI,           ['0' ... '9'] = NAME, [':' ... '>'] = URI,    ['?'] = TEXT, ['@'] = URI,
    ['A' ... 'Z'] = NAME,  ['[' ... ']'] = URI,  ['^' ... 'z'] = NAME,   ['{'] = URI,  ['|'] = NAME,
    ['}'] = URI,           ['~'] = NAME,         [0x80 ... 0xff] = TEXT,
};

static size_t run_of(unsigned class, const char *p, size_t len)
{
    size_t i = 0;
    while (i < len && (classes[(unsigned char)p[i]] & class))
        i++;
    return i;
}

static size_t scalar_text(const char *p, size_t len)
{
    return run_of(TEXT, p, len);
}

static size_t scalar_target(const char *p, size_t len)
{
    return run_of(TARGET, p, len);
}

static size_t scalar_token(const char *p, size_t len)
{
    return run_of(TOKEN, p, len);
}

static bool always(void)
{
    return true;
}

const struct scan_ops scan_scalar = { "scalar", always, scalar_text, scalar_target, scalar_token };

#if defined(__x86_64__)

#include <immintrin.h>

/* tchar by nibbles: bit h of entry l says that the byte with high nibble h and low nibble l is one. */
#define TCHAR_BY_LOW_NIBBLE                                                                                  \
    (char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,          \
        (char)0xf8, (char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70
#define BIT_OF_HIGH_NIBBLE 1, 2, 4, 8, 16, 32, 64, (char)0x80, 0, 0, 0, 0, 0, 0, 0, 0

#define SSE __attribute__((target("sse4.2")))
#define AVX __attribute__((target("avx2")))

/* Each of these returns a mask with a bit for every byte of the vector that does not belong. */
typedef unsigned (*strangers16_fn)(__m128i v);
typedef unsigned (*strangers32_fn)(__m256i v);

SSE static inline unsigned not_text16(__m128i v)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i control = _mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')), low);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f))));
}

/* Signed comparison takes the bytes from 0x80 up for negative, and so for strangers. */
SSE static inline unsigned not_target16(__m128i v)
{
    __m128i out =
        _mm_or_si128(_mm_cmpgt_epi8(_mm_set1_epi8(0x21), v), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
    __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('?')), _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(out, mark));
}

SSE static inline unsigned not_token16(__m128i v)
{
    const __m128i by_low = _mm_setr_epi8(TCHAR_BY_LOW_NIBBLE);
    const __m128i by_high = _mm_setr_epi8(BIT_OF_HIGH_NIBBLE);
    const __m128i nibble = _mm_set1_epi8(0x0f);
    __m128i low = _mm_shuffle_epi8(by_low, _mm_and_si128(v, nibble));
    __m128i high = _mm_shuffle_epi8(by_high, _mm_and_si128(_mm_srli_epi16(v, 4), nibble));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(low, high), _mm_setzero_si128()));
}

SSE static inline __attribute__((always_inline)) size_t run16(strangers16_fn strangers, unsigned class,
                                                              const char *p, size_t len)
{
    if (len < 16)
        return run_of(class, p, len);
    size_t last = len - 16;
    for (size_t i = 0;; i = size_min(i + 16, last)) {
        unsigned mask = strangers(_mm_loadu_si128((const __m128i *)(const void *)(p + i)));
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
        if (i == last)
            return len;
    }
}

SSE static size_t sse_text(const char *p, size_t len)
{
    return run16(not_text16, TEXT, p, len);
}

SSE static size_t sse_target(const char *p, size_t len)
{
    return run16(not_target16, TARGET, p, len);
}

SSE static size_t sse_token(const char *p, size_t len)
{
    return run16(not_token16, TOKEN, p, len);
}

static const struct scan_ops scan_sse42 = { "sse4.2", cpu_has_sse42, sse_text, sse_target, sse_token };

AVX static inline unsigned not_text32(__m256i v)
{
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
    __m256i control = _mm256_andnot_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\t')), low);
    __m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f));
    return (unsigned)_mm256_movemask_epi8(_mm256_or_si256(control, del));
}

AVX static inline unsigned not_target32(__m256i v)
{
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), v);
    __m256i del = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(0x7f));
    __m256i query = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('?'));
    __m256i fragment = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('#'));
    __m256i out = _mm256_or_si256(_mm256_or_si256(low, del), _mm256_or_si256(query, fragment));
    return (unsigned)_mm256_movemask_epi8(out);
}

AVX static inline __attribute__((always_inline)) size_t
run32(strangers32_fn strangers, size_t (*shorter)(const char *, size_t), const char *p, size_t len)
{
    if (len < 32)
        return shorter(p, len);
    size_t last = len - 32;
    for (size_t i = 0;; i = size_min(i + 32, last)) {
        unsigned mask = strangers(_mm256_loadu_si256((const __m256i *)(const void *)(p + i)));
        if (mask)
            return i + (unsigned)__builtin_ctz(mask);
        if (i == last)
            return len;
    }
}

AVX static size_t avx_text(const char *p, size_t len)
{
    return run32(not_text32, sse_text, p, len);
}

AVX static size_t avx_target(const char *p, size_t len)
{
    return run32(not_target32, sse_target, p, len);
}

/* Field names and methods rarely reach 16 bytes: wider vectors would only cost. */
static const struct scan_ops scan_avx2 = { "avx2", cpu_has_avx2, avx_text, avx_target, sse_token };

const struct scan_ops *const scan_all[] = { &scan_scalar, &scan_sse42, &scan_avx2, NULL };

#else

const struct scan_ops *const scan_all[] = { &scan_scalar, NULL };

#endif

const struct scan_ops *scan_active = &scan_scalar;

void scan_use(const struct scan_ops *ops)
{
    scan_active = ops;
}

/* Before main() and before any thread, so that no caller needs to ask or to lock. */
__attribute__((constructor)) static void choose(void)
{
    for (size_t i = 0; scan_all[i]; i++)
        if (scan_all[i]->is_supported())
            scan_use(scan_all[i]);
}
