/*
 * Tar streams. Reading a directory pulls: each read steps the walk until there are bytes. Unpacking
 * is pushed: libarchive wants to pull, so a thread unpacks from a pipe that the pusher fills.
 */
#include "backend/archive.h"

#include "backend/base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ---- a directory as a tar ---- */

enum {
    PENDING_MAX_BYTES = 4 << 20
};

struct archive_source {
    struct archive *disk, *tar;
    char *root, *prefix;
    off_t offset;       /* of a single entry: how far its content was read */
    struct buf pending; /* what the tar writer gave and nobody has read yet, from `taken` on */
    size_t taken;
    bool in_entry, ended;
    int fd; /* of one that has a single entry: where its content is read from; else -1 */
    struct error *failure;
};

static la_ssize_t on_tar_bytes(struct archive *tar, void *context, const void *bytes, size_t length)
{
    (void)tar;
    struct archive_source *source = context;
    buf_append(&source->pending, bytes, length);
    return source->pending.failed ? -1 : (la_ssize_t)length;
}

static int disk_failure(struct archive_source *source, struct archive *archive)
{
    const char *reason = archive_error_string(archive);
    return error_set(&source->failure, EIO, "cannot read %s: %s", source->root,
                     reason ? reason : "it changed");
}

/* The directories of the prefix, which need not exist where the tar goes. */
static int write_prefix(struct archive_source *source)
{
    for (char *slash = source->prefix; *source->prefix && slash; slash = strchr(slash + 1, '/')) {
        char *end = strchr(slash + 1, '/');
        cleanup(free) char *path =
            end ? strndup(source->prefix, (size_t)(end - source->prefix)) : strdup(source->prefix);
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, path);
        archive_entry_set_filetype(entry, AE_IFDIR);
        archive_entry_set_perm(entry, 0755);
        int result = archive_write_header(source->tar, entry);
        archive_entry_free(entry);
        if (result < ARCHIVE_WARN)
            return disk_failure(source, source->tar);
        if (!end)
            break;
        slash = end;
    }
    return 0;
}

struct archive_source *archive_source_open_below(const char *directory, const char *prefix,
                                                 struct error **err)
{
    cleanup(archive_source_free) struct archive_source *source = calloc(1, sizeof *source);
    if (!source)
        abort();
    source->pending = BUF_INIT(PENDING_MAX_BYTES);
    source->root = realpath(directory, NULL);
    source->prefix = strdup(prefix);
    source->disk = archive_read_disk_new();
    source->tar = archive_write_new();
    if (!source->root) {
        error_system(err, "cannot read the directory %s", directory);
        return NULL;
    }
    archive_read_disk_set_symlink_physical(source->disk);
    archive_write_set_format_pax_restricted(source->tar);
    archive_write_set_bytes_in_last_block(source->tar, 1);
    if (archive_write_open(source->tar, source, NULL, on_tar_bytes, NULL) != ARCHIVE_OK ||
        archive_read_disk_open(source->disk, source->root) != ARCHIVE_OK ||
        write_prefix(source) < 0) {
        error_set(err, EIO, "cannot read the directory %s", directory);
        return NULL;
    }
    return steal(&source);
}

struct archive_source *archive_source_open_entry(const char *name, const struct stat *attributes,
                                                 const char *target, int fd, struct error **err)
{
    cleanup(archive_source_free) struct archive_source *source = calloc(1, sizeof *source);
    struct archive_entry *entry = archive_entry_new();
    if (!source || !entry)
        abort();
    source->pending = BUF_INIT(PENDING_MAX_BYTES);
    source->fd = fd;
    source->root = strdup(name);
    source->in_entry = true;
    source->tar = archive_write_new();
    archive_entry_copy_stat(entry, attributes);
    archive_entry_set_pathname(entry, name);
    if (!S_ISREG(attributes->st_mode) || fd < 0)
        archive_entry_set_size(entry, 0);
    if (target)
        archive_entry_set_symlink(entry, target);
    archive_write_set_format_pax_restricted(source->tar);
    archive_write_set_bytes_in_last_block(source->tar, 1);
    int result = archive_write_open(source->tar, source, NULL, on_tar_bytes, NULL);
    if (result == ARCHIVE_OK)
        result = archive_write_header(source->tar, entry);
    archive_entry_free(entry);
    if (result >= ARCHIVE_WARN)
        return steal(&source);
    error_set(err, EIO, "cannot make an archive of %s", name);
    return NULL;
}

struct archive_source *archive_source_open(const char *directory, struct error **err)
{
    return archive_source_open_below(directory, "", err);
}

static int next_entry(struct archive_source *source)
{
    struct archive_entry *entry = archive_entry_new();
    int result = archive_read_next_header2(source->disk, entry);
    if (result == ARCHIVE_EOF) {
        source->ended = true;
        archive_entry_free(entry);
        return archive_write_close(source->tar) == ARCHIVE_OK ? 0
                                                              : disk_failure(source, source->tar);
    }
    archive_read_disk_descend(source->disk);
    const char *name = archive_entry_pathname(entry) + strlen(source->root);
    name += *name == '/';
    cleanup(free) char *path = NULL;
    if (result >= ARCHIVE_WARN && *name) {
        if (asprintf(&path, "%s%s%s", source->prefix, *source->prefix ? "/" : "", name) < 0)
            abort();
        archive_entry_set_pathname(entry, path);
        archive_entry_set_uid(entry, 0);
        archive_entry_set_gid(entry, 0);
        archive_entry_set_uname(entry, NULL);
        archive_entry_set_gname(entry, NULL);
        archive_entry_unset_ctime(entry);
        result = archive_write_header(source->tar, entry);
        source->in_entry = archive_entry_filetype(entry) == AE_IFREG;
    }
    archive_entry_free(entry);
    return result >= ARCHIVE_WARN ? 0 : disk_failure(source, source->disk);
}

/* The next piece of the single entry's content, from the file. */
static int next_piece(struct archive_source *source)
{
    char piece[64 << 10];
    ssize_t got = source->fd < 0 ? 0 : pread(source->fd, piece, sizeof piece, source->offset);
    if (got < 0)
        return error_system(&source->failure, "cannot read the file");
    source->offset += got;
    /* The writer takes no more than the size in the header, and fills up what is missing of it. */
    if (got > 0)
        return archive_write_data(source->tar, piece, (size_t)got) < 0
                   ? disk_failure(source, source->tar)
                   : 0;
    source->ended = true;
    return archive_write_close(source->tar) == ARCHIVE_OK ? 0 : disk_failure(source, source->tar);
}

static int next_data(struct archive_source *source)
{
    if (!source->disk)
        return next_piece(source);
    const void *block;
    size_t length;
    la_int64_t offset;
    int result = archive_read_data_block(source->disk, &block, &length, &offset);
    if (result == ARCHIVE_EOF) {
        source->in_entry = false;
        return 0;
    }
    if (result < ARCHIVE_WARN)
        return disk_failure(source, source->disk);
    return archive_write_data(source->tar, block, length) < 0 ? disk_failure(source, source->tar)
                                                              : 0;
}

ssize_t archive_source_read(void *argument, void *bytes, size_t size)
{
    struct archive_source *source = argument;
    while (source->taken == source->pending.length) {
        buf_truncate(&source->pending, 0);
        source->taken = 0;
        if (source->ended)
            return 0;
        if ((source->in_entry ? next_data(source) : next_entry(source)) < 0)
            return -1;
    }
    size_t left = source->pending.length - source->taken, length = left < size ? left : size;
    memcpy(bytes, source->pending.data + source->taken, length);
    source->taken += length;
    return (ssize_t)length;
}

const struct error *archive_source_error(const struct archive_source *source)
{
    return source->failure;
}

void archive_source_free(struct archive_source *source)
{
    if (!source)
        return;
    archive_read_free(source->disk);
    archive_write_free(source->tar);
    buf_done(&source->pending);
    error_free(source->failure);
    free(source->root);
    free(source->prefix);
    free(source);
}

/* ---- a tar into a directory ---- */

struct archive_sink {
    char *directory;
    unsigned flags; /* ARCHIVE_… */
    int input;      /* the pipe that the pusher fills; -1 once finished */
    int output;
    pthread_t thread;
    bool started;
    struct error *failure; /* the thread's; read after it ended */
};

/* The name below the directory, or NULL for what is to be left out. Refuses what would leave it. */
static const char *entry_name(struct archive_sink *sink, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    while (name && (name[0] == '/' || strncmp(name, "./", 2) == 0))
        name += name[0] == '/' ? 1 : 2;
    if (name && sink->flags & ARCHIVE_DROP_FIRST) {
        const char *slash = strchr(name, '/');
        if (slash)
            name = slash + 1;
        else if (archive_entry_filetype(entry) == AE_IFDIR)
            return NULL;
    }
    return name && *name && strcmp(name, ".") != 0 ? name : NULL;
}

static int copy_data(struct archive *from, struct archive *to)
{
    const void *block;
    size_t length;
    la_int64_t offset;
    for (int result;
         (result = archive_read_data_block(from, &block, &length, &offset)) != ARCHIVE_EOF;)
        if (result < ARCHIVE_WARN ||
            archive_write_data_block(to, block, length, offset) < ARCHIVE_WARN)
            return -1;
    return 0;
}

static int unpack_entry(struct archive_sink *sink, struct archive *tar, struct archive *disk,
                        struct archive_entry *entry)
{
    const char *name = entry_name(sink, entry), *target = archive_entry_hardlink(entry);
    cleanup(free) char *path = NULL, *link = NULL;
    mode_t type = archive_entry_filetype(entry);
    if (!name || (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK && !target))
        return 0; /* devices, sockets and pipes are no files to keep */
    if (asprintf(&path, "%s/%s", sink->directory, name) < 0)
        abort();
    if (target) {
        struct archive_entry *other = archive_entry_new();
        archive_entry_set_pathname(other, target);
        const char *target_name = entry_name(sink, other);
        if (target_name && asprintf(&link, "%s/%s", sink->directory, target_name) < 0)
            abort();
        archive_entry_free(other);
        archive_entry_set_hardlink(entry, link);
    }
    archive_entry_set_pathname(entry, path);
    if (archive_write_header(disk, entry) < ARCHIVE_WARN ||
        (type == AE_IFREG && !(sink->flags & ARCHIVE_SKELETON) && copy_data(tar, disk) < 0) ||
        archive_write_finish_entry(disk) < ARCHIVE_WARN)
        return error_set(&sink->failure, EIO, "cannot unpack %s: %s", name,
                         archive_error_string(disk) ? archive_error_string(disk)
                                                    : "the archive is damaged");
    return 0;
}

static void *unpack(void *argument)
{
    struct archive_sink *sink = argument;
    struct archive *tar = archive_read_new(), *disk = archive_write_disk_new();
    struct archive_entry *entry;
    archive_read_support_format_tar(tar);
    archive_read_support_format_empty(tar);
    archive_write_disk_set_options(
        disk, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                  ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_UNLINK |
                  (sink->flags & ARCHIVE_OWNERS && geteuid() == 0 ? ARCHIVE_EXTRACT_OWNER : 0));
    int result = archive_read_open_fd(tar, sink->output, 65536);
    while (result >= ARCHIVE_WARN && !sink->failure &&
           (result = archive_read_next_header(tar, &entry)) != ARCHIVE_EOF)
        if (result >= ARCHIVE_WARN && unpack_entry(sink, tar, disk, entry) == 0 &&
            sink->flags & ARCHIVE_FIRST_ONLY)
            break;
    if (result < ARCHIVE_WARN)
        error_set(&sink->failure, EIO, "the archive is damaged: %s", archive_error_string(tar));
    archive_read_free(tar);
    archive_write_free(disk);
    close(sink->output); /* a pusher that is not through sees EPIPE */
    return NULL;
}

struct archive_sink *archive_sink_open(const char *directory, unsigned flags, struct error **err)
{
    int ends[2];
    cleanup(archive_sink_free) struct archive_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        abort();
    sink->input = -1;
    sink->flags = flags;
    sink->directory = realpath(directory, NULL);
    if (!sink->directory || pipe2(ends, O_CLOEXEC) < 0) {
        error_system(err, "cannot unpack into %s", directory);
        return NULL;
    }
    sink->output = ends[0];
    sink->input = ends[1];
    if (pthread_create(&sink->thread, NULL, unpack, sink) != 0) {
        close(sink->output);
        error_set(err, EAGAIN, "cannot start a thread to unpack an archive");
        return NULL;
    }
    sink->started = true;
    return steal(&sink);
}

int archive_sink_write(void *argument, const void *bytes, size_t length)
{
    struct archive_sink *sink = argument;
    return file_write_all(sink->input, bytes, length);
}

int archive_sink_finish(struct archive_sink *sink, struct error **err)
{
    if (sink->input >= 0)
        close(steal_fd(&sink->input));
    if (sink->started)
        pthread_join(sink->thread, NULL);
    sink->started = false;
    return sink->failure ? error_move(err, &sink->failure) : 0;
}

void archive_sink_free(struct archive_sink *sink)
{
    if (!sink)
        return;
    archive_sink_finish(sink, NULL);
    error_free(sink->failure);
    free(sink->directory);
    free(sink);
}
