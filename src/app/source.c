/* SPDX-License-Identifier: MIT */
/* Where settings come from, noted when the program starts: the command line or the arguments of
 * galley.run(), the current directory and sys.path. All of it is used again by every reload. */
#include "app/configure.h"
#include "app/raw.h"
#include "conf/directory.h"

enum { ARENA_BLOCK = 2048 };

static int note_surroundings(struct configure_source *source)
{
    source->directory = directory_current(&source->arena);
    PyObject *path = PySys_GetObject("path");
    source->search_path = path ? PySequence_List(path) : PyList_New(0);
    return source->search_path ? 0 : -1;
}

/* "python -m galley" makes argv[0] the path of __main__.py. */
static const char *program_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return name[0] == '\0' || strcmp(name, "__main__.py") == 0 || strcmp(name, "-c") == 0 ? "galley" : name;
}

static int copy_words(struct configure_source *source, PyObject *argv)
{
    size_t count = (size_t)PyList_GET_SIZE(argv);
    const char **items = arena_zero(&source->arena, (count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        items[i] = raw_copy_text(PyList_GET_ITEM(argv, (Py_ssize_t)i), &source->arena);
        if (!items[i])
            return -1;
    }
    source->program = program_name(count ? items[0] : "");
    if (count)
        source->words = (struct string_list){ items + 1, count - 1 };
    return 0;
}

int configure_source_init(struct configure_source *source, PyObject *argv)
{
    *source = (struct configure_source){ 0 };
    arena_init(&source->arena, ARENA_BLOCK);
    return copy_words(source, argv) < 0 ? -1 : note_surroundings(source);
}

int configure_source_init_call(struct configure_source *source, PyObject *app, PyObject *overrides)
{
    *source = (struct configure_source){ .program = "galley" };
    arena_init(&source->arena, ARENA_BLOCK);
    source->has_application = !PyUnicode_Check(app);
    if (!source->has_application) {
        const char **word = arena_zero(&source->arena, 3 * sizeof(char *));
        word[0] = "--"; /* whatever the name is, it is no option */
        word[1] = raw_copy_text(app, &source->arena);
        if (!word[1])
            return -1;
        source->words = (struct string_list){ word, 2 };
    }
    source->overrides = PyDict_Copy(overrides);
    return source->overrides ? note_surroundings(source) : -1;
}

void configure_source_done(struct configure_source *source)
{
    Py_CLEAR(source->overrides);
    Py_CLEAR(source->search_path);
    arena_done(&source->arena);
}
