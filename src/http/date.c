/* SPDX-License-Identifier: MIT */
/* HTTP dates (RFC 9110 section 5.6.7): written as IMF-fixdate, read in all three forms. Pure functions
 * without locale, time zone or clock; the calendar is counted in 400-year eras, as the proleptic
 * Gregorian calendar repeats itself exactly after 146097 days. */
#include "http/date.h"

enum { DAY_S = 24 * 60 * 60, ERA_DAYS = 146097, EPOCH_DAY = 719468 /* days from 0000-03-01 to 1970-01-01 */ };

static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const str long_day_names[7] = { { "Sunday", 6 },    { "Monday", 6 },   { "Tuesday", 7 },
                                       { "Wednesday", 9 }, { "Thursday", 8 }, { "Friday", 6 },
                                       { "Saturday", 8 } };
static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;
    unsigned hour, minute, second;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years begin in March here, so that the leap day is the last of its year. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + (int64_t)day_of_era - EPOCH_DAY;
}

static struct civil civil_from_days(int64_t days)
{
    days += EPOCH_DAY;
    int64_t era = floor_div(days, ERA_DAYS);
    unsigned day_of_era = (unsigned)(days - era * ERA_DAYS);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153;
    struct civil civil = {
        .year = era * 400 + year_of_era,
        .month = march_month < 10 ? march_month + 3 : march_month - 9,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
    };
    civil.year += civil.month <= 2;
    return civil;
}

static char *put_digits(char *to, unsigned n, unsigned width)
{
    for (unsigned i = width; i-- > 0; n /= 10)
        to[i] = (char)('0' + n % 10);
    return to + width;
}

static char *put_text(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

void date_format(char *to, time_t when)
{
    int64_t days = floor_div(when, DAY_S);
    unsigned second = (unsigned)(when - days * DAY_S);
    struct civil civil = civil_from_days(days);
    unsigned week_day = (unsigned)(days - floor_div(days + 4, 7) * 7 + 4); /* 1970 began on a Thursday */
    to = put_text(to, day_names[week_day], 3);
    to = put_text(to, ", ", 2);
    to = put_digits(to, civil.day, 2);
    to = put_text(to, " ", 1);
    to = put_text(to, month_names[civil.month - 1], 3);
    to = put_text(to, " ", 1);
    to = put_digits(to, (unsigned)(civil.year % 10000), 4);
    to = put_text(to, " ", 1);
    to = put_digits(to, second / 3600, 2);
    to = put_text(to, ":", 1);
    to = put_digits(to, second / 60 % 60, 2);
    to = put_text(to, ":", 1);
    to = put_digits(to, second % 60, 2);
    put_text(to, " GMT", 4);
}

/* The takers cut what they understood off the front of `*s`. */
static bool take(str *s, str expected)
{
    if (!str_starts(*s, expected))
        return false;
    *s = str_sub(*s, expected.len, s->len);
    return true;
}

static bool take_digits(str *s, unsigned width, unsigned *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < width; i++) {
        unsigned digit = i < s->len ? (unsigned char)s->p[i] - (unsigned)'0' : 10;
        if (digit > 9)
            return false;
        n = n * 10 + digit;
    }
    *s = str_sub(*s, width, s->len);
    *out = n;
    return true;
}

static bool take_day_name(str *s)
{
    for (size_t i = 0; i < COUNT_OF(day_names); i++)
        if (take(s, str_make(day_names[i], 3)))
            return true;
    return false;
}

static bool take_long_day_name(str *s)
{
    for (size_t i = 0; i < COUNT_OF(long_day_names); i++)
        if (take(s, long_day_names[i]))
            return true;
    return false;
}

static bool take_month(str *s, unsigned *out)
{
    for (unsigned i = 0; i < COUNT_OF(month_names); i++)
        if (take(s, str_make(month_names[i], 3))) {
            *out = i + 1;
            return true;
        }
    return false;
}

static bool take_year(str *s, unsigned width, int64_t *out)
{
    unsigned year;
    if (!take_digits(s, width, &year))
        return false;
    *out = year;
    return true;
}

static bool take_time(str *s, struct civil *out)
{
    return take_digits(s, 2, &out->hour) && take(s, STR(":")) && take_digits(s, 2, &out->minute) &&
           take(s, STR(":")) && take_digits(s, 2, &out->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool parse_fixdate(str s, struct civil *out)
{
    return take_day_name(&s) && take(&s, STR(", ")) && take_digits(&s, 2, &out->day) && take(&s, STR(" ")) &&
           take_month(&s, &out->month) && take(&s, STR(" ")) && take_year(&s, 4, &out->year) &&
           take(&s, STR(" ")) && take_time(&s, out) && str_eq(s, STR(" GMT"));
}

/* Sunday, 06-Nov-94 08:49:37 GMT. The RFC takes a year over 50 years ahead for one of the past; without
 * a clock we take 70 to 99 for the last century, the same for every date that can have been meant. */
static bool parse_rfc850(str s, struct civil *out)
{
    bool ok = take_long_day_name(&s) && take(&s, STR(", ")) && take_digits(&s, 2, &out->day) &&
              take(&s, STR("-")) && take_month(&s, &out->month) && take(&s, STR("-")) &&
              take_year(&s, 2, &out->year) && take(&s, STR(" ")) && take_time(&s, out) &&
              str_eq(s, STR(" GMT"));
    out->year += out->year < 70 ? 2000 : 1900;
    return ok;
}

/* Sun Nov  6 08:49:37 1994 */
static bool parse_asctime(str s, struct civil *out)
{
    return take_day_name(&s) && take(&s, STR(" ")) && take_month(&s, &out->month) && take(&s, STR(" ")) &&
           (take(&s, STR(" ")) ? take_digits(&s, 1, &out->day) : take_digits(&s, 2, &out->day)) &&
           take(&s, STR(" ")) && take_time(&s, out) && take(&s, STR(" ")) && take_year(&s, 4, &out->year) &&
           s.len == 0;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 ? 28U + leap : 30 + ((month + (month >> 3)) & 1);
}

/* Second 60 is a leap second, which the grammar allows. */
static bool exists(const struct civil *c)
{
    return c->day >= 1 && c->day <= days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 60;
}

bool date_parse(str text, time_t *out)
{
    struct civil c = { 0 };
    if (!parse_fixdate(text, &c) && !parse_rfc850(text, &c) && !parse_asctime(text, &c))
        return false;
    if (!exists(&c))
        return false;
    *out =
        (time_t)(days_from_civil(c.year, c.month, c.day) * DAY_S + c.hour * 3600 + c.minute * 60 + c.second);
    return true;
}
