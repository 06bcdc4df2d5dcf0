/* mount, umount: the only subcommands that do more than use the tree, and they leave that to kfsd
 * and to fusermount3. */
#include "tools/kfs/command.h"

#include "tools/kfs/mounts.h"
#include "tools/kfs/places.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

int command_mount(int argc, char **argv, struct error **err)
{
    cleanup(free) char *kfsd = places_find("kfsd");
    cleanup(free) char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (!kfsd || !arguments)
        return error_set(err, ENOMEM, "out of memory"), EXIT_FAILURE;
    arguments[0] = kfsd;
    for (int i = 1; i < argc; i++)
        arguments[i] = argv[i];
    execvp(kfsd, arguments);
    error_system(err, "cannot run %s", kfsd);
    return EXIT_FAILURE;
}

/* What umount(2) refuses to a user, fusermount3 may do. */
static int run_fusermount(const char *point, struct error **err)
{
    pid_t child = fork();
    if (child < 0)
        return error_system(err, "cannot start fusermount3");
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-u", "--", point, (char *)NULL);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) < 0)
        return error_system(err, "cannot wait for fusermount3");
    if (status != 0)
        return error_set(err, EIO, "fusermount3 could not unmount %s", point);
    return 0;
}

static int unmount(const char *point, struct error **err)
{
    if (umount2(point, UMOUNT_NOFOLLOW) == 0)
        return 0;
    if (errno == EPERM)
        return run_fusermount(point, err);
    if (errno == EBUSY)
        return error_set(err, EBUSY, "%s is in use: a shell or a reader is in it (fuser -vm %s)",
                         point, point);
    return error_system(err, "cannot unmount %s", point);
}

int command_umount(int argc, char **argv, struct error **err)
{
    cleanup(free) char *point = argc > 1 ? strdup(argv[1]) : mounts_find(err);
    if (!point || unmount(point, err) < 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
