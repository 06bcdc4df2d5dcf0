/*
 * The tree as a table: one row for each file and directory that there can be. Everything that the
 * FUSE side does -- looking names up, listing, attributes, opening, reading, writing, invalidating
 * -- it does from here, so adding a file is adding a row and the function that renders it.
 */
#ifndef KFS_ROW_H
#define KFS_ROW_H

#include "kfs/subject.h"

#include <sys/stat.h>

/* The kinds of directory there are. */
enum directory {
    DIR_NONE,
    DIR_ROOT,
    DIR_ENGINE,
    DIR_ENCLAVES,
    DIR_ENCLAVE,
    DIR_PLAN, /* real files, as the two others with a `real` below: see real_files.h */
    DIR_FILES,
    DIR_SERVICE_ROOT,
    DIR_RUNS,
    DIR_RUN,
    DIR_SERVICES,
    DIR_SERVICE,
    DIR_PORTS,
    DIRECTORY_MAX
};

/* The rows that code speaks of. All others are only walked over. */
enum {
    ROW_NONE, /* so that no inode number is 0 */
    ROW_ROOT, /* so that the root's number is FUSE_ROOT_ID */
    ROW_REAL  /* all real files below plan/, files/ and root/ */
};

enum {
    MEMBER_NAME_MAX = 64 /* bytes of a name that the model gives, with the closing '\0' */
};

/* One entry of a directory whose entries the model names. The facts of `subject` are borrowed from
 * the listing. */
struct member {
    char name[MEMBER_NAME_MAX];
    object_id object;
    unsigned part;
    struct subject subject;
};

/* How such entries are found and listed, and what making, removing and renaming one does. */
struct members {
    /* Fills object and part of *ret. Whether there is one of that name. */
    bool (*find)(const struct subject *parent, const char *name, struct member *ret);
    /* Counted facts of all, in an array that the caller frees. */
    size_t (*list)(const struct subject *parent, void ***ret_facts);
    void (*describe)(const struct subject *parent, void *facts, struct member *ret);
    void (*unref)(void *facts); /* NULL: the facts are the parent's */
    /* mkdir; NULL: nothing can be made there. */
    int (*make)(const struct subject *parent, const char *name, uid_t uid, gid_t gid,
                object_id *ret_id, struct error **err);
    /* rmdir; NULL: accepted without effect, because refusing it would break rm -r of what is
     * around it. */
    int (*remove)(struct engine *engine, object_id id, struct error **err);
    /* NULL: refused. */
    int (*rename)(struct engine *engine, object_id id, const char *name, struct error **err);
};

struct real_policy;
struct stream_kind;

struct row {
    const char *name;  /* NULL: the model names its entries, through `members` */
    enum directory in; /* the kind of directory it is found in */
    enum directory is; /* the kind of directory it is itself, if it is one */
    mode_t mode;       /* type and permissions */
    const char *about; /* an unlisted file's line in `inspect` and README: such a file opens by its
                          name but is in no listing */
    bool owner_only;   /* the option that closes an enclave to others decides over its mode */
    bool grows;        /* its size changes without a word: never cached */
    bool changes; /* it is measured anew at each look, and one open file shows one measurement */
    bool grows_in_run; /* the same while the run is not finished */
    bool polled;       /* poll(2) waits until it has grown beyond what was read */
    unsigned shows;    /* ASPECT_BITs and SHOWS_…: mtime and invalidation follow from them */
    const struct members *members;
    bool (*exists)(const struct subject *subject); /* NULL: always */

    /* Content; one of these, or none for an empty file. A link's text is its target. */
    void (*render)(const struct subject *subject, struct buf *out);
    int (*back)(const struct subject *subject, struct error **err); /* gives a descriptor */
    bool back_waits;
    const struct real_policy *real;   /* of a directory of real files: how they are treated */
    const struct stream_kind *stream; /* reading gives what comes, and blocks until it does */
    bool waits;                       /* reading blocks until nothing is pending in the object */

    /* What writing `text` (without the newline at its end) does; NULL: refused to everybody. */
    int (*write)(const struct subject *subject, const char *text, uid_t uid, struct error **err);
    bool write_waits;
    bool document; /* it is written like a file, in any pieces, and `write` gets all of it at the
                      end */
};

extern const struct row tree_rows[];
extern const unsigned tree_row_count;

/* The kind of object that the row's file belongs to; OBJECT_KIND_MAX for a number that is no
 * row's. */
enum object_kind row_object(unsigned row);
/* Whether a file of the tree, rather than a real one below plan/. */
bool row_is_view(unsigned row);

/* The row called name in that kind of directory, ROW_NONE if none; unlisted ones too. */
unsigned row_find(enum directory in, const char *name);
/* The row of the entries that the model names in that kind of directory, ROW_NONE if none. */
unsigned row_of_members(enum directory in);
/* The row that is that kind of directory. */
unsigned row_of_directory(enum directory is);

#endif
