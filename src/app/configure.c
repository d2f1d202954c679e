/* SPDX-License-Identifier: MIT */
/* Settings from all their sources, in gunicorn's order: each overrules the one before. Python runs the
 * configuration file; everything else is decided here, by the rows in options.c. A load that fails
 * changes nothing: what runs goes on with its settings, directory and search path. */
#include "app/configure.h"

#include <stdio.h>

#include "app/options.h"
#include "app/place.h"
#include "app/raw.h"
#include "conf/cmdline.h"
#include "conf/directory.h"
#include "conf/help.h"
#include "conf/shellwords.h"

enum { EXIT_BAD_VALUE = 1, EXIT_USAGE = 2, ARENA_BLOCK = 8192 };

static const char usage[] = "[OPTIONS] [APP_MODULE]";
static const char default_file[] = "gunicorn.conf.py";
static const char *const variables[] = { "GUNICORN_CMD_ARGS", "GALLEY_CMD_ARGS" };

enum { COMMAND_LINE = COUNT_OF(variables), N_COMMAND_LINES };

/* One load on its way. */
struct load {
    const struct configure_source *source;
    const struct configure_report *report;
    struct settings *settings;
    struct cmdline lines[N_COMMAND_LINES]; /* of the variables, then the command line itself */
    int exit;
};

static const struct origin call_origin = { ORIGIN_CALL, "galley.run()" };

static struct origin line_origin(size_t line)
{
    if (line < COMMAND_LINE)
        return (struct origin){ ORIGIN_ENVIRONMENT, variables[line] };
    return (struct origin){ ORIGIN_COMMAND_LINE, NULL };
}

static struct arena *arena_of(const struct load *load)
{
    return &load->settings->arena;
}

/* Fails the load with gunicorn's "Error: …" and exit code. */
static bool fail(struct load *load, str before, struct buf *sentence)
{
    struct buf line = { 0 };
    buf_printf(&line, "%s%s", configure_report_is_bare(load->report) ? "" : "\nError: ", buf_text(sentence));
    configure_report_error(load->report, before, buf_str(&line));
    buf_done(&line);
    buf_done(sentence);
    load->exit = EXIT_BAD_VALUE;
    return false;
}

static bool fail_usage(struct load *load, const char *variable, struct buf *sentence)
{
    struct buf before = { 0 }, line = { 0 };
    const char *program = load->source->program;
    if (!load->report->log)
        buf_printf(&before, "usage: %s %s\n", program, usage);
    buf_printf(&line, "%s: error: %s", program, buf_text(sentence));
    if (variable)
        buf_printf(&line, " (from environment variable %s)", variable);
    configure_report_error(load->report, buf_str(&before), buf_str(&line));
    buf_done(&before);
    buf_done(&line);
    buf_done(sentence);
    load->exit = EXIT_USAGE;
    return false;
}

static void write_out(struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(STDOUT_FILENO, text->p + at, text->len - at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    buf_done(text);
}

/* Command lines */

static bool answer(struct load *load, enum cmdline_result result)
{
    struct buf text = { 0 };
    if (result == CMDLINE_HELP)
        help_print(&galley_options, load->source->program, usage, &text);
    else
        buf_printf(&text, "%s (version %s)\n", load->source->program, GALLEY_VERSION);
    write_out(&text);
    load->exit = 0;
    return false;
}

static bool parse_words(struct load *load, size_t line, const struct string_list *words)
{
    struct buf error = { 0 };
    enum cmdline_result result =
        cmdline_parse(&load->lines[line], &galley_options, arena_of(load), words, &error);
    if (result == CMDLINE_BAD)
        return fail_usage(load, line < COMMAND_LINE ? variables[line] : NULL, &error);
    buf_done(&error);
    return result == CMDLINE_OK || answer(load, result);
}

static bool parse_variable(struct load *load, size_t line)
{
    struct string_list words = { 0 };
    const char *text = load->source->overrides ? NULL : getenv(variables[line]);
    const char *why;
    if (text && !shellwords_split(arena_of(load), text, &words, &why)) {
        struct buf error = { 0 };
        buf_printf(&error, "environment variable %s: %s", variables[line], why);
        return fail(load, STR_NONE, &error);
    }
    return parse_words(load, line, &words);
}

static bool parse_lines(struct load *load)
{
    if (!parse_words(load, COMMAND_LINE, &load->source->words))
        return false;
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        if (!parse_variable(load, i))
            return false;
    return true;
}

static bool assign(struct load *load, const struct option *row, const struct raw *raw, struct origin origin)
{
    struct diag diag;
    if (option_set_assign(&load->settings->values, row, raw, origin, &diag))
        return true;
    struct buf before = { 0 }, error = { 0 };
    if (origin.kind == ORIGIN_FILE && !load->report->log)
        buf_printf(&before, "Invalid value for %s: %s\n", row->name, diag.shown);
    diag_print(&diag, &error);
    fail(load, buf_str(&before), &error);
    buf_done(&before);
    return false;
}

static bool assign_lines(struct load *load)
{
    for (size_t line = 0; line < N_COMMAND_LINES; line++) {
        for (size_t i = 0; i < galley_options.count; i++) {
            const struct raw *raw = load->lines[line].given[i];
            if (raw && !assign(load, &galley_options.rows[i], raw, line_origin(line)))
                return false;
        }
    }
    return true;
}

/* Python's answers */

/* Whether the exception that is set is for Python itself: SystemExit, KeyboardInterrupt. */
static bool keep_exit(const struct load *load)
{
    return !load->report->log && !PyErr_ExceptionMatches(PyExc_Exception);
}

static void append_attribute(PyObject *object, const char *name, struct buf *out)
{
    PyObject *value = name ? PyObject_GetAttrString(object, name) : PyObject_Str(object);
    PyObject *bytes = value && value != Py_None ? PyUnicode_EncodeFSDefault(value) : NULL;
    if (bytes)
        buf_append(out, str_of(PyBytes_AS_STRING(bytes)));
    PyErr_Clear();
    Py_XDECREF(bytes);
    Py_XDECREF(value);
}

/* Turns the exception that is set into the failure of the load. */
static bool fail_python(struct load *load, const char *what)
{
    load->exit = EXIT_BAD_VALUE;
    if (keep_exit(load))
        return false;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    struct buf before = { 0 }, error = { 0 };
    buf_append(&error, str_of(what));
    if (value) {
        append_attribute(value, "traceback", &before);
        append_attribute(value, NULL, &error);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    fail(load, buf_str(&before), &error);
    buf_done(&before);
    return false;
}

/* galley.config.NAME(argument); steals `argument`. NULL with an exception. */
static PyObject *call_config(const char *name, PyObject *argument)
{
    PyObject *module = argument ? PyImport_ImportModule("galley.config") : NULL;
    PyObject *result = module ? PyObject_CallMethod(module, name, "O", argument) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(argument);
    return result;
}

/* Names of settings, from a configuration file or from galley.run() */

static bool is_data(PyObject *value)
{
    return !PyCallable_Check(value) && !PyModule_Check(value);
}

static void warn_if_near(const struct load *load, const char *name, const char *where)
{
    const struct option *nearest = option_nearest(&galley_options, str_of(name));
    if (!nearest)
        return;
    struct buf text = { 0 };
    buf_printf(&text, "%s: '%s' is not a setting and is ignored; did you mean '%s'?", where, name,
               nearest->name);
    configure_report_warning(load->report, &text);
}

static bool fail_unknown(struct load *load, const char *name, const char *where)
{
    const struct option *nearest = option_nearest(&galley_options, str_of(name));
    struct buf text = { 0 };
    buf_printf(&text, "%s: there is no setting '%s'", where, name);
    if (nearest)
        buf_printf(&text, "; did you mean '%s'?", nearest->name);
    return fail(load, STR_NONE, &text);
}

static bool assign_name(struct load *load, PyObject *key, PyObject *value, struct origin origin)
{
    const char *name = raw_copy_text(key, arena_of(load));
    if (!name)
        return fail_python(load, "a setting's name: ");
    const struct option *row = option_find(&galley_options, str_of(name));
    struct raw raw;
    if (!row && origin.kind == ORIGIN_CALL)
        return fail_unknown(load, name, origin.name);
    if (!row && name[0] != '_' && is_data(value))
        warn_if_near(load, name, origin.name);
    if (!row)
        return true;
    if (raw_from_python(value, arena_of(load), &raw) < 0)
        return fail_python(load, "a setting's value: ");
    return assign(load, row, &raw, origin);
}

static bool assign_names(struct load *load, PyObject *names, struct origin origin)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(names, &at, &key, &value))
        if (PyUnicode_Check(key) && !assign_name(load, key, value, origin))
            return false;
    return true;
}

/* The configuration file */

/* The configuration file that somebody named, and where; NULL when nobody did. */
static const char *named_file(const struct load *load, struct origin *origin)
{
    size_t row = (size_t)(option_find(&galley_options, STR("config")) - galley_options.rows);
    for (size_t line = N_COMMAND_LINES; line-- > 0;) {
        const struct raw *raw = load->lines[line].given[row];
        if (!raw || !raw->text[0])
            continue;
        *origin = line_origin(line);
        return raw->text;
    }
    PyObject *given =
        load->source->overrides ? PyDict_GetItemString(load->source->overrides, "config") : NULL;
    *origin = call_origin;
    return given && PyUnicode_Check(given) ? raw_copy_text(given, arena_of(load)) : NULL;
}

static const char *find_file(const struct load *load, struct origin *origin)
{
    const char *named = named_file(load, origin);
    if (named || load->source->overrides || access(default_file, F_OK) < 0)
        return named;
    *origin = (struct origin){ ORIGIN_DEFAULT, NULL };
    return directory_absolute(arena_of(load), str_of(default_file));
}

static void warn_about_extension(const struct load *load, const char *file)
{
    if (str_starts(str_of(file), STR("python:")) || str_ends(str_of(file), STR(".py")) ||
        str_ends(str_of(file), STR(".pyc")))
        return;
    struct buf text = { 0 };
    buf_printf(&text, "configuration file should have a valid Python extension: %s", file);
    configure_report_warning(load->report, &text);
}

static bool fail_file(struct load *load, const struct origin *origin)
{
    struct buf what = { 0 };
    diag_print_setting(option_find(&galley_options, STR("config")), &what);
    buf_append(&what, STR(", from "));
    origin_print(origin, &what);
    buf_append(&what, STR(": "));
    fail_python(load, buf_text(&what));
    buf_done(&what);
    return false;
}

static bool read_file(struct load *load)
{
    struct origin origin;
    const char *file = find_file(load, &origin);
    if (!file)
        return true;
    PyObject *names = call_config("load", PyUnicode_DecodeFSDefault(file));
    if (!names)
        return fail_file(load, &origin);
    warn_about_extension(load, file);
    bool is_good = assign_names(load, names, (struct origin){ ORIGIN_FILE, file });
    Py_DECREF(names);
    return is_good;
}

/* Where the program runs */

static bool return_to_start(struct load *load)
{
    return place_reset_path(load->source->search_path) == 0 || fail_python(load, "sys.path: ");
}

static bool enter(struct load *load, const char *directory)
{
    if (chdir(directory) == 0)
        return place_put_on_path(directory) == 0 || fail_python(load, "sys.path: ");
    struct buf error = { 0 };
    diag_print_setting(option_find(&galley_options, STR("chdir")), &error);
    buf_printf(&error, ": can't chdir to '%s': %m", directory);
    return fail(load, STR_NONE, &error);
}

static bool extend_path(struct load *load)
{
    str rest = str_of(load->settings->pythonpath);
    while (rest.p) {
        str part = str_split(&rest, ',');
        if (part.len && place_put_on_path(directory_absolute(arena_of(load), part)) < 0)
            return fail_python(load, "sys.path: ");
    }
    return true;
}

/* The order of things */

static bool start_values(struct load *load)
{
    struct diag diag;
    struct buf error = { 0 };
    if (option_set_init(&load->settings->values, &galley_options, arena_of(load), &diag))
        return true;
    diag_print(&diag, &error);
    return fail(load, STR_NONE, &error);
}

/* The application's name takes the place of default_proc_name, until the configuration file says else. */
static bool take_operand(struct load *load)
{
    const struct string_list *operands = &load->lines[COMMAND_LINE].operands;
    const struct option *row = option_find(&galley_options, STR("default_proc_name"));
    if (operands->count == 0)
        return true;
    load->settings->app = operands->items[0];
    struct raw raw = { .kind = RAW_WORD, .text = operands->items[0] };
    return assign(load, row, &raw, (struct origin){ ORIGIN_COMMAND_LINE, NULL });
}

static bool assign_overrides(struct load *load)
{
    return !load->source->overrides || assign_names(load, load->source->overrides, call_origin);
}

static bool settle(struct load *load)
{
    struct buf error = { 0 }, line = { 0 };
    if (options_settle(load->settings, &error))
        return true;
    if (!configure_report_is_bare(load->report))
        buf_printf(&line, "%s: error: ", load->source->program);
    buf_append(&line, buf_str(&error));
    configure_report_error(load->report, STR_NONE, buf_str(&line));
    buf_done(&error);
    buf_done(&line);
    load->exit = EXIT_BAD_VALUE;
    return false;
}

static bool require_application(struct load *load)
{
    struct buf error = { 0 };
    if (load->settings->app || load->source->has_application)
        return true;
    buf_printf(&error, "No application module specified. Try: %s module:variable", load->source->program);
    return fail(load, STR_NONE, &error);
}

static bool set_environment(struct load *load)
{
    const struct string_list *env = &load->settings->env;
    PyObject *pairs = PyList_New((Py_ssize_t)env->count);
    for (size_t i = 0; pairs && i < env->count; i++) {
        PyObject *pair = PyUnicode_DecodeFSDefault(env->items[i]);
        if (!pair)
            Py_CLEAR(pairs);
        else
            PyList_SET_ITEM(pairs, (Py_ssize_t)i, pair);
    }
    PyObject *result = call_config("apply_env", pairs);
    Py_XDECREF(result);
    return result || fail_python(load, "raw_env: ");
}

static bool load_all(struct load *load)
{
    return start_values(load) && parse_lines(load) && return_to_start(load) &&
           enter(load, load->source->directory) && take_operand(load) && read_file(load) &&
           assign_lines(load) && assign_overrides(load) && settle(load) && require_application(load) &&
           enter(load, load->settings->chdir) && extend_path(load) && set_environment(load);
}

struct settings *settings_load(const struct configure_source *source, const struct configure_report *report,
                               int *out_exit)
{
    struct settings *settings = memory_zero(sizeof(*settings));
    arena_init(&settings->arena, ARENA_BLOCK);
    struct load load = { .source = source, .report = report, .settings = settings };
    struct place place;
    place_save(&place);
    bool is_good = load_all(&load);
    if (!is_good)
        place_return(&place);
    place_done(&place);
    if (is_good)
        return settings;
    settings_free(settings);
    *out_exit = load.exit;
    return NULL;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    arena_done(&settings->arena);
    free(settings);
}
