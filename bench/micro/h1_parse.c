/* SPDX-License-Identifier: MIT */
/* Nanoseconds that h1_parse_head takes for three realistic requests, with every way of scanning that the
 * processor supports: the best of ROUNDS rounds, as anything else on the machine only adds time.
 * ninja -C build bench/micro/h1_parse && build/bench/micro/h1_parse */
#include <stdio.h>
#include <time.h>

#include "http/h1_parse.h"
#include "http/scan.h"

enum { ROUNDS = 20, REPEATS = 20000, FIELDS = 64 };

#define REQUEST(name, text)                                                                                  \
    {                                                                                                        \
        name,                                                                                                \
        {                                                                                                    \
            text, sizeof(text) - 1                                                                           \
        }                                                                                                    \
    }

static const struct {
    const char *name;
    str message;
} requests[] = {
    REQUEST("curl", "GET /api/rooms?page=2 HTTP/1.1\r\n"
                    "Host: 127.0.0.1:8000\r\n"
                    "User-Agent: curl/8.5.0\r\n"
                    "Accept: */*\r\n"
                    "\r\n"),
    REQUEST("api",
            "POST /api/v2/bookings HTTP/1.1\r\n"
            "Host: api.example.com\r\n"
            "User-Agent: python-requests/2.32.3\r\n"
            "Accept-Encoding: gzip, deflate, br\r\n"
            "Accept: application/json\r\n"
            "Connection: keep-alive\r\n"
            "Content-Type: application/json\r\n"
            "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0\r\n"
            "X-Request-ID: 7d2f0c1e-7c0a-4f0e-9d57-3f2a1f9b8d11\r\n"
            "Content-Length: 348\r\n"
            "\r\n"),
    REQUEST(
        "browser",
        "GET /rooms/42?from=2026-05-01&to=2026-05-08 HTTP/1.1\r\n"
        "Host: www.example.com\r\n"
        "Connection: keep-alive\r\n"
        "Cache-Control: max-age=0\r\n"
        "sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
        "sec-ch-ua-mobile: ?0\r\n"
        "sec-ch-ua-platform: \"Linux\"\r\n"
        "Upgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0.0.0 Safari/537.36\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
        "Sec-Fetch-Site: same-origin\r\n"
        "Sec-Fetch-Mode: navigate\r\n"
        "Sec-Fetch-User: ?1\r\n"
        "Sec-Fetch-Dest: document\r\n"
        "Referer: https://www.example.com/search?q=lisbon&guests=2\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
        "Cookie: session=eyJ1c2VyIjo0Mn0.ZyXwVu.c2lnbmF0dXJlLWdvZXMtaGVyZQ; theme=dark; consent=all\r\n"
        "\r\n"),
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double time_of(str message)
{
    static const struct h1_limits limits = { .request_line = 4094, .fields = 100, .field_size = 8190 };
    struct http_field fields[FIELDS];
    struct h1_parser parser;
    double begin = now_ns();
    for (int i = 0; i < REPEATS; i++) {
        h1_parser_init(&parser, &limits, fields, FIELDS);
        if (h1_parse_head(&parser, message.p, message.len) != H1_DONE)
            abort();
    }
    return (now_ns() - begin) / REPEATS;
}

static double best_time_of(str message)
{
    double best = time_of(message);
    for (int i = 1; i < ROUNDS; i++) {
        double time = time_of(message);
        best = time < best ? time : best;
    }
    return best;
}

int main(void)
{
    for (size_t i = 0; scan_all[i]; i++) {
        if (!scan_all[i]->is_supported())
            continue;
        scan_use(scan_all[i]);
        for (size_t j = 0; j < COUNT_OF(requests); j++) {
            str message = requests[j].message;
            printf("%-8s %-8s %4zu bytes %6.0f ns\n", scan_all[i]->name, requests[j].name, message.len,
                   best_time_of(message));
        }
    }
    return 0;
}
