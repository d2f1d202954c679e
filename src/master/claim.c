/* SPDX-License-Identifier: MIT */
/* Taking, moving and removing the pid file, with the log lines that people know. */
#include "master/claim.h"

#include "master/pidfile.h"

bool claim_take(struct master *master, const char *path)
{
    if (!path)
        return true;
    int owner = pidfile_owner(path);
    if (owner > 0 && owner != master->pid) {
        log_write(master->log, LOG_ERROR, "Already running on PID %d (or pid file '%s' is stale)", owner,
                  path);
        return false;
    }
    int err = owner < 0 ? owner : pidfile_write(path, master->pid);
    if (err) {
        log_write(master->log, LOG_ERROR, "pidfile: cannot write '%s': %s", path, strerror(-err));
        return false;
    }
    master->pidfile = str_dup(str_of(path));
    return true;
}

void claim_change(struct master *master, const char *path)
{
    if (path && master->pidfile && strcmp(path, master->pidfile) == 0)
        return;
    char *old = master->pidfile;
    master->pidfile = NULL;
    if (!claim_take(master, path)) {
        master->pidfile = old;
        return;
    }
    if (old)
        pidfile_remove(old, master->pid);
    free(old);
}

void claim_drop(struct master *master)
{
    if (master->pidfile)
        pidfile_remove(master->pidfile, master->pid);
    free(master->pidfile);
    master->pidfile = NULL;
}
