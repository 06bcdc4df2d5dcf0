/* Reads /proc/self/mountinfo (proc_pid_mountinfo(5)): "36 35 98:0 / /mnt rw,... - TYPE SOURCE
 * OPTIONS", where space, tab, newline and backslash in a name are written as \ and three octal
 * digits. */
#include "tools/kfs/mounts.h"

#include "backend/base/buf.h"
#include "backend/base/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TYPE          "fuse.kfs"
#define MOUNTINFO_MAX (16 << 20) /* bytes; a machine of many containers has some thousand lines */

enum {
    FIELD_POINT = 4 /* counted from 0 */
};

static bool is_octal(const char *digits)
{
    return digits[0] >= '0' && digits[0] <= '3' && digits[1] >= '0' && digits[1] <= '7' &&
           digits[2] >= '0' && digits[2] <= '7';
}

static void unescape(char *name)
{
    char *to = name;
    for (const char *from = name; *from; to++) {
        if (from[0] == '\\' && is_octal(from + 1)) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* The mount point of a line if it is one of ours, else NULL; the line is changed. */
static char *point_of(char *line)
{
    char *separator = strstr(line, " - ");
    if (!separator)
        return NULL;
    const char *type = separator + 3;
    if (strncmp(type, TYPE " ", sizeof TYPE) != 0)
        return NULL;
    *separator = '\0';
    char *rest = line, *field = NULL;
    for (int i = 0; i <= FIELD_POINT; i++)
        field = strsep(&rest, " ");
    if (field)
        unescape(field);
    return field;
}

static bool is_known(char **points, size_t count, const char *point)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(points[i], point) == 0)
            return true;
    return false;
}

static int add(char ***points, size_t *count, const char *point, struct error **err)
{
    if (is_known(*points, *count, point))
        return 0;
    char **grown = reallocarray(*points, *count + 1, sizeof **points);
    if (!grown)
        return error_set(err, ENOMEM, "out of memory");
    *points = grown;
    grown[*count] = strdup(point);
    if (!grown[*count])
        return error_set(err, ENOMEM, "out of memory");
    (*count)++;
    return 0;
}

int mounts_parse(const char *mountinfo, char ***ret_points, size_t *ret_count, struct error **err)
{
    char **points = NULL;
    size_t count = 0;
    cleanup(free) char *text = strdup(mountinfo);
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        const char *point = point_of(line);
        if (point && add(&points, &count, point, err) < 0) {
            mounts_free(points, count);
            return -1;
        }
    }
    *ret_points = points;
    *ret_count = count;
    return 0;
}

int mounts_list(char ***ret_points, size_t *ret_count, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(MOUNTINFO_MAX);
    if (file_read(AT_FDCWD, "/proc/self/mountinfo", &text, err) < 0)
        return -1;
    return mounts_parse(text.data, ret_points, ret_count, err);
}

void mounts_free(char **points, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(points[i]);
    free(points);
}

static bool holds(const char *point, const char *path)
{
    size_t length = strlen(point);
    return strncmp(point, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* The mount that the working directory is in, or else the only one. */
static char *choose(char **points, size_t count, struct error **err)
{
    cleanup(free) char *here = getcwd(NULL, 0);
    for (size_t i = 0; here && i < count; i++)
        if (holds(points[i], here))
            return strdup(points[i]);
    if (count == 1)
        return strdup(points[0]);
    if (count == 0)
        error_set(err, ENOENT, "kfs is not mounted: kfs mount DIRECTORY");
    else
        error_set(err, EINVAL, "kfs is mounted at %s and at %s: say which with KFS_MOUNT",
                  points[0], points[1]);
    return NULL;
}

char *mounts_find(struct error **err)
{
    const char *given = getenv("KFS_MOUNT");
    if (given && *given)
        return strdup(given);
    char **points;
    size_t count;
    if (mounts_list(&points, &count, err) < 0)
        return NULL;
    char *chosen = choose(points, count, err);
    mounts_free(points, count);
    return chosen;
}
