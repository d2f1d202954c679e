/* SPDX-License-Identifier: MIT */
/* The table that the tests of src/conf read: one row of each kind. */
#include "conf/kit.h"

static const struct option rows[] = {
    { .name = "workers",
      .section = "Processes",
      .cli = "-w, --workers",
      .metavar = "INT",
      .type = &type_int,
      OPTION_FIELD(struct kit_target, workers),
      .def = "1",
      .env = "KIT_WORKERS",
      .max = 64,
      .doc = "Worker processes. One a processor is a good start." },
    { .name = "worker_class",
      .section = "Processes",
      .cli = "-k, --worker-class",
      .type = &type_class,
      .def = "sync",
      .doc = "Kind of worker." },
    { .name = "bind",
      .section = "Sockets",
      .cli = "-b, --bind",
      .metavar = "ADDRESS",
      .type = &type_list,
      OPTION_FIELD(struct kit_target, bind),
      .def = "127.0.0.1:8000",
      .env = "KIT_PORT",
      .env_fmt = "0.0.0.0:%s",
      .min = 1,
      .doc = "Address to listen on." },
    { .name = "proc_name",
      .section = "Names",
      .cli = "-n, --name",
      .type = &type_string,
      OPTION_FIELD(struct kit_target, name),
      .doc = "Name in the process title." },
    { .name = "daemon",
      .section = "Processes",
      .cli = "-D, --daemon",
      .type = &type_flag,
      OPTION_FIELD(struct kit_target, daemon),
      .def = "false",
      .doc = "Run in the background." },
    { .name = "reload",
      .section = "Debugging",
      .cli = "-R, --reload",
      .type = &type_flag,
      .def = "false",
      .doc = "Restart workers when code changes." },
    { .name = "umask",
      .section = "Processes",
      .cli = "-m, --umask",
      .type = &type_mode,
      OPTION_FIELD(struct kit_target, umask),
      .def = "0",
      .max = 0777,
      .doc = "Permissions not given." },
    { .name = "proxy",
      .section = "Sockets",
      .cli = "--proxy",
      .type = &type_choice,
      OPTION_FIELD(struct kit_target, mode),
      .def = "off",
      .constant = "auto",
      .choices = "off v1 auto",
      .doc = "Expect a PROXY header." },
    { .name = "worker_time",
      .section = "Processes",
      .cli = "--work-time",
      .type = &type_int,
      .is_addition = true,
      .def = "3",
      .min = 2,
      .doc = "Not supported, with a floor." },
    { .name = "upload",
      .section = "Sockets",
      .cli = "--upload",
      .type = &type_size,
      .def = "1k",
      .doc = "Bytes." },
    { .name = "env", .section = "Names", .cli = "-e, --env", .type = &type_env, .doc = "Variables." },
    { .name = "trusted",
      .section = "Names",
      .cli = "--trusted",
      .type = &type_csv,
      .def = "a,b",
      .doc = "Addresses." },
    { .name = "user", .section = "Names", .cli = "-u, --user", .type = &type_user, .doc = "User." },
    { .name = "group", .section = "Names", .cli = "-g, --group", .type = &type_group, .doc = "Group." },
    { .name = "chdir",
      .section = "Names",
      .cli = "--chdir",
      .type = &type_dir,
      .def = ".",
      .doc = "Directory." },
    { .name = "loglevel",
      .section = "Names",
      .cli = "--log-level",
      .type = &type_level,
      .def = "info",
      .doc = "Level." },
    { .name = "on_exit", .section = "Names", .type = &type_call, .doc = "Hook." },
    { .name = "headers", .section = "Names", .type = &type_any, .def = "{}", .doc = "Anything." },
};

const struct option_table kit_table = { rows, COUNT_OF(rows) };

static struct arena arena = { .block_size = 4096 };
static struct value_context context;
static struct buf printed;

const struct option *kit_row(const char *name)
{
    const struct option *row = option_find(&kit_table, str_of(name));
    assert_non_null(row);
    return row;
}

struct value kit_parse(const char *row, const struct raw *raw, enum value_outcome wanted)
{
    struct value value = { .kind = VALUE_NONE };
    context = (struct value_context){ .row = kit_row(row), .arena = &arena };
    assert_int_equal(context.row->type->parse(&context, raw, &value), wanted);
    assert_int_equal(context.expected[0] == '\0', wanted == VALUE_OK);
    return value;
}

const char *kit_expected(void)
{
    return context.expected;
}

const char *kit_print(const struct value *value)
{
    printed.len = 0;
    value_print(value, &printed);
    return buf_text(&printed);
}

struct arena *kit_arena(void)
{
    return &arena;
}

void kit_reset(void)
{
    arena_done(&arena);
    buf_done(&printed);
}
