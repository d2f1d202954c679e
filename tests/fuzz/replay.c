/* SPDX-License-Identifier: MIT */
/* A main() for a fuzz target that runs every file of the given directories once, so that the corpus is
 * a test under any compiler. */
#include <dirent.h>

#include "base/buf.h"
#include "fuzz.h"

enum { FILE_MOST = 1 << 16 };

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    out->len = fread(buf_reserve(out, FILE_MOST), 1, FILE_MOST, file);
    fclose(file);
    return out->len < FILE_MOST;
}

static unsigned replay_file(const char *path)
{
    struct buf content = { 0 };
    if (!read_file(path, &content)) {
        fprintf(stderr, "cannot read %s, or it is too large\n", path);
        exit(1);
    }
    char *exact = copy_of(buf_str(&content));
    LLVMFuzzerTestOneInput((const uint8_t *)exact, content.len);
    free(exact);
    buf_done(&content);
    return 1;
}

static unsigned replay_dir(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;
    struct buf name = { 0 };
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        name.len = 0;
        buf_printf(&name, "%s/%s", path, entry->d_name);
        count += replay_file(buf_text(&name));
    }
    buf_done(&name);
    if (dir)
        closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        count += replay_dir(argv[i]);
    printf("%u inputs\n", count);
    return count ? 0 : 1;
}
