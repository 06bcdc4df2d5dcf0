/* Programs of the same installation, or of the same build. */
#include "tools/kfs/places.h"

#include "backend/base/cleanup.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Seen from the directory of this program. */
static const char *const directories[] = {"../sbin", "../libexec/kfs", "../kfs",
                                          "../backend/plan/interpreter", "."};

char *places_find(const char *program)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    const char *here = dirname(self);
    for (size_t i = 0; i < ARRAY_LENGTH(directories); i++) {
        cleanup(free) char *path = NULL;
        if (asprintf(&path, "%s/%s/%s", here, directories[i], program) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return steal(&path);
    }
    return strdup(program);
}
