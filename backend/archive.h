/*
 * Directories as tar streams and back, with libarchive: a directory is read while its tar is
 * consumed, so size costs no memory. What is unpacked cannot leave its directory: "..", absolute
 * names and symbolic links on the way are refused.
 */
#ifndef KFS_ARCHIVE_H
#define KFS_ARCHIVE_H

#include "backend/base/error.h"
#include "backend/orchestrator.h"

#include <sys/stat.h>
#include <sys/types.h>

/* A tar of what is in a directory (its content at the root), to be read bit by bit. Owners are
 * root's, as if made in a container. */
struct archive_source;
struct archive_source *archive_source_open(const char *directory, struct error **err);
/* Begins every name with prefix ("etc/app"), whose directories come first in the tar. */
struct archive_source *archive_source_open_below(const char *directory, const char *prefix,
                                                 struct error **err);
/* A byte_source: context is the struct archive_source. */
ssize_t archive_source_read(void *source, void *bytes, size_t size);
/* Why reading gave -1; NULL if it did not. Owned by source. */
const struct error *archive_source_error(const struct archive_source *source);
void archive_source_free(struct archive_source *source);
CLEANUP_DEFINE(archive_source_free, struct archive_source *)

/* A tar of one entry called `name`: what attributes say (type, mode, owner, mtime), the target of a
 * symbolic link, the content of a file, which is read from fd (-1: empty). fd stays the caller's,
 * and open until the source is freed. It is read as one of the above. */
struct archive_source *archive_source_open_entry(const char *name, const struct stat *attributes,
                                                 const char *target, int fd, struct error **err);

/* How a tar is unpacked. */
enum archive_sink_flag {
    ARCHIVE_DROP_FIRST = 1 << 0, /* leaves the first component of each name away if it is a
                                    directory, as archives that orchestrators give begin with it */
    ARCHIVE_FIRST_ONLY = 1 << 1, /* stops after the first entry; writing fails then */
    ARCHIVE_SKELETON = 1 << 2,   /* files of their size, without their content: holes */
    ARCHIVE_OWNERS = 1 << 3,     /* owners are kept, where this process may give files away */
};
/* Unpacks a tar into an existing directory (a path without symbolic links). */
struct archive_sink;
struct archive_sink *archive_sink_open(const char *directory, unsigned flags, struct error **err);
/* A byte_sink: context is the struct archive_sink. */
int archive_sink_write(void *sink, const void *bytes, size_t length);
/* Waits for the rest to be unpacked. */
int archive_sink_finish(struct archive_sink *sink, struct error **err);
void archive_sink_free(struct archive_sink *sink);
CLEANUP_DEFINE(archive_sink_free, struct archive_sink *)

#endif
