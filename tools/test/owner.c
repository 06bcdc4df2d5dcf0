/* Marks: a line "pid START BOOT PID-NAMESPACE" and then the test's name. A process is known by its
 * number together with the time at which it started, after proc(5). */
#include "tools/test/owner.h"

#include "backend/base/file.h"
#include "backend/base/uuid.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "kfs-test-"
#define KEPT   "kept\n"

enum {
    IDENTITY_MAX = 256,
    START_FIELD = 22,  /* of /proc/PID/stat, counted from 1 */
    RANDOM_LENGTH = 6, /* hexadecimal digits at the end of a name */
};

struct identity {
    int pid;
    unsigned long long start; /* clock ticks after boot */
    char boot[64];
    char pids[64]; /* the namespace that the number belongs to */
};

/* ---- processes */

/* When the process started; 0 if there is none. */
static unsigned long long start_of(int pid)
{
    char path[64];
    cleanup(buf_done) struct buf text = BUF_INIT(4096);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (file_read(AT_FDCWD, path, &text, NULL) < 0)
        return 0;
    /* Field 2, in parentheses, may hold anything. */
    const char *at = strrchr(text.data, ')');
    for (int field = 2; at && field < START_FIELD; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

static struct identity identity_own(void)
{
    struct identity own = {.pid = (int)getpid()};
    cleanup(buf_done) struct buf boot = BUF_INIT(sizeof own.boot - 1);
    own.start = start_of(own.pid);
    if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &boot, NULL) == 0)
        snprintf(own.boot, sizeof own.boot, "%.*s", (int)strcspn(boot.data, "\n"), boot.data);
    ssize_t length = readlink("/proc/self/ns/pid", own.pids, sizeof own.pids - 1);
    own.pids[length < 0 ? 0 : length] = '\0';
    return own;
}

/* Of another pid namespace nothing can be known but that its boot is over. */
static bool identity_gone(const struct identity *other)
{
    struct identity own = identity_own();
    if (strcmp(own.boot, other->boot) != 0)
        return true;
    return strcmp(own.pids, other->pids) == 0 && start_of(other->pid) != other->start;
}

/* ---- names */

void owner_name(const char *test, char out[static ENCLAVE_NAME_MAX + 1])
{
    char uuid[UUID_LENGTH + 1];
    int length = snprintf(out, ENCLAVE_NAME_MAX + 1, PREFIX "%d-", (int)getpid());
    int end = ENCLAVE_NAME_MAX - RANDOM_LENGTH - 1;
    for (; *test && length < end; test++)
        out[length++] = isalnum((unsigned char)*test) ? *test : '-';
    uuid_new(uuid);
    snprintf(out + length, RANDOM_LENGTH + 2, "-%.*s", RANDOM_LENGTH, uuid);
}

/* The process that a name names; 0: the name is none of ours. */
static int pid_in(const char *name)
{
    char *end;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return 0;
    long pid = strtol(name + strlen(PREFIX), &end, 10);
    return *end == '-' && pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

/* ---- marks */

static char *mark_path(const char *enclave)
{
    char *path;
    return asprintf(&path, "%s/plan/" OWNER_FILE, enclave) < 0 ? NULL : path;
}

static int mark_write(const char *enclave, const struct buf *text, struct error **err)
{
    cleanup(free) char *path = mark_path(enclave);
    cleanup(close) int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fd < 0 || file_write_all(fd, text->data, text->length) < 0)
        return error_system(err, "cannot mark the enclave %s", enclave);
    return 0;
}

int owner_mark(const char *enclave, const char *test, struct error **err)
{
    struct identity own = identity_own();
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "%d %llu %s %s\n%s\n", own.pid, own.start, own.boot, own.pids, test);
    return mark_write(enclave, &text, err);
}

void owner_keep(const char *enclave)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, KEPT);
    mark_write(enclave, &text, NULL);
}

enum mark {
    MARK_NONE, /* or half a mark */
    MARK_OWNED,
    MARK_KEPT
};

static enum mark mark_read(const char *enclave, struct identity *ret_identity)
{
    cleanup(free) char *path = mark_path(enclave);
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    if (!path || file_read(AT_FDCWD, path, &text, NULL) < 0)
        return MARK_NONE;
    if (strcmp(text.data, KEPT) == 0)
        return MARK_KEPT;
    return sscanf(text.data, "%d %llu %63s %63s\n", &ret_identity->pid, &ret_identity->start,
                  ret_identity->boot, ret_identity->pids) == 4
               ? MARK_OWNED
               : MARK_NONE;
}

static bool is_empty(const char *enclave, const char *name)
{
    cleanup(free) char *path = NULL;
    if (asprintf(&path, "%s/%s", enclave, name) < 0)
        return false;
    cleanup(closedir) DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' || isalnum((unsigned char)entry->d_name[1]))
            return false;
    return true;
}

bool owner_is_gone(const char *enclave)
{
    const char *slash = strrchr(enclave, '/');
    struct identity owner;
    enum mark mark = mark_read(enclave, &owner);
    if (mark != MARK_NONE)
        return mark == MARK_OWNED && identity_gone(&owner);
    int pid = pid_in(slash ? slash + 1 : enclave);
    return pid && start_of(pid) == 0 && is_empty(enclave, "services") && is_empty(enclave, "runs");
}

static int add_name(char ***names, size_t *count, const char *name)
{
    char **grown = reallocarray(*names, *count + 1, sizeof **names);
    if (grown) {
        *names = grown;
        grown[*count] = strdup(name);
    }
    return grown && grown[*count] ? (int)++*count : -1;
}

int owner_list_gone(const char *mount, char ***ret_names, size_t *ret_count, struct error **err)
{
    cleanup(free) char *path = NULL;
    *ret_names = NULL;
    *ret_count = 0;
    if (asprintf(&path, "%s/enclaves", mount) < 0)
        return error_set(err, ENOMEM, "out of memory");
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0)
        return error_system(err, "%s", path);
    int result = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        cleanup(free) char *enclave = NULL;
        if (name[0] != '.' && asprintf(&enclave, "%s/%s", path, name) >= 0 &&
            owner_is_gone(enclave) && add_name(ret_names, ret_count, name) < 0)
            result = error_set(err, ENOMEM, "out of memory");
        free(entries[i]);
    }
    free(entries);
    return result;
}
