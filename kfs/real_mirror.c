/*
 * Real files of a mirror: root/ of a service whose files are had through the orchestrator only.
 * What is asked for is first brought up to date by a job, and then answered like any other real
 * file; what is changed is done in the service first, and then seen here. Reading and writing an
 * open file, and listing an open directory, are as of any other.
 */
#include "kfs/parked.h"
#include "kfs/real_files.h"

#include "backend/base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct request {
    struct parked parked; /* parked.req is NULL if nobody waits for it */
    fuse_ino_t number;    /* of the file, or of the directory that `name` is in */
    const char *operation;
    char name[NAME_MAX + 1];
    char *target; /* symlink */
    mode_t mode;
    struct stat wanted; /* setattr */
    int what;
    int fd; /* of what has been written, or is being opened; else -1 */
    struct fuse_file_info fi;
    /* Brings up to date or changes what there is in the service; */
    int (*prepare)(struct request *request, struct error **err);
    /* and this answers. NULL: with success. */
    void (*answer)(struct request *request);
};

/* ---- where it is in the service ---- */

static object_id service_of(const struct real_place *place)
{
    return node_unpack(place->top).object;
}

static char *join(const struct real_place *place, const char *name)
{
    char *path = NULL;
    bool top = strcmp(place->path, ".") == 0;
    if (asprintf(&path, "%s%s%s", top && *name ? "" : place->path, top || !*name ? "" : "/", name) <
        0)
        abort();
    return path;
}

static int refresh(const struct request *request, enum mirror_part part, struct error **err)
{
    struct tree *tree = request->parked.tree;
    struct real_place place;
    if (real_locate(tree, request->number, &place, err) < 0)
        return -1;
    cleanup(free) char *path = join(&place, request->name);
    return service_mirror_refresh(tree->engine, service_of(&place), path, part, err);
}

static int refresh_entry(struct request *request, struct error **err)
{
    return refresh(request, MIRROR_ENTRY, err);
}

static int refresh_listing(struct request *request, struct error **err)
{
    return refresh(request, MIRROR_LISTING, err);
}

static int open_content(struct request *request, struct error **err)
{
    struct tree *tree = request->parked.tree;
    struct real_place place;
    if (real_locate(tree, request->number, &place, err) < 0)
        return -1;
    request->fd = service_mirror_content(tree->engine, service_of(&place), place.path,
                                         request->fi.flags & O_TRUNC, err);
    return request->fd < 0 ? -1 : 0;
}

/* ---- requests ---- */

static void request_free(struct request *request)
{
    if (request->fd >= 0)
        close(request->fd);
    free(request->target);
    free(request);
}

static void request_run(void *context)
{
    struct request *request = context;
    struct tree *tree = request->parked.tree;
    cleanup(error_free) struct error *failure = NULL;
    const char *name = *request->name ? request->name : NULL;
    int result = request->prepare(request, &failure);
    bool waited_for = request->parked.req && parked_claim(&request->parked);
    if (result < 0 && waited_for && error_code(failure) == ENOENT)
        fuse_reply_err(request->parked.req, ENOENT);
    else if (result < 0 && waited_for)
        tree_refuse(request->parked.req, request->operation, request->number, name, failure);
    else if (result < 0 && !request->parked.req)
        tree_note(tree, request->operation, request->number, name, failure);
    else if (waited_for && request->answer)
        request->answer(request);
    else if (waited_for)
        fuse_reply_err(request->parked.req, 0);
    request_free(request);
}

static struct request *request_new(struct tree *tree, const struct request *template,
                                   const char *name)
{
    struct request *request = malloc(sizeof *request);
    if (!request)
        abort();
    *request = *template;
    request->parked.tree = tree;
    request->fd = -1;
    snprintf(request->name, sizeof request->name, "%s", name);
    return request;
}

/* What only looks can be interrupted. */
static void look(fuse_req_t req, const struct request *template, const char *name)
{
    struct request *request = request_new(tree_of(req), template, name);
    parked_init(&request->parked, req, NULL);
    jobs_submit(tree_of(req)->roots, request_run, request);
}

static void change(fuse_req_t req, const struct request *template, const char *name,
                   const char *target, int fd)
{
    struct request *request = request_new(tree_of(req), template, name);
    request->target = target ? strdup(target) : NULL;
    request->fd = fd;
    parked_init_firm(&request->parked, req);
    jobs_submit(tree_of(req)->roots, request_run, request);
}

static bool name_fits(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name)
{
    if (strlen(name) <= NAME_MAX)
        return true;
    tree_refuse_with(req, operation, parent, name, ENAMETOOLONG, "a name may have at most %d bytes",
                     NAME_MAX);
    return false;
}

/* ---- looking ---- */

static void answer_lookup(struct request *request)
{
    real_lookup(request->parked.req, request->number, request->name);
}

static void mirror_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    if (name_fits(req, "lookup", parent, name))
        look(req,
             &(struct request){.number = parent,
                               .operation = "lookup",
                               .prepare = refresh_entry,
                               .answer = answer_lookup},
             name);
}

static void answer_getattr(struct request *request)
{
    real_operations.getattr(request->parked.req, request->number, NULL);
}

static void mirror_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    if (fi)
        real_operations.getattr(req, number, fi);
    else
        look(req,
             &(struct request){.number = number,
                               .operation = "stat",
                               .prepare = refresh_entry,
                               .answer = answer_getattr},
             "");
}

static void answer_opendir(struct request *request)
{
    real_opendir(request->parked.req, request->number, &request->fi);
}

static void mirror_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    look(req,
         &(struct request){.number = number,
                           .operation = "list",
                           .fi = *fi,
                           .prepare = refresh_listing,
                           .answer = answer_opendir},
         "");
}

/* The content goes with who has it open, and so do the kernel's pages: what is known of the file
 * may be older. */
static void answer_open(struct request *request)
{
    real_reply_open(request->parked.req, request->number, steal_fd(&request->fd), &request->fi,
                    NULL, request->fi.flags & O_TRUNC);
}

static void mirror_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    look(req,
         &(struct request){.number = number,
                           .operation = "open",
                           .fi = *fi,
                           .prepare = open_content,
                           .answer = answer_open},
         "");
}

/* ---- what was written ---- */

static int put_written(struct request *request, struct error **err)
{
    struct tree *tree = request->parked.tree;
    struct real_place place;
    struct stat written;
    if (real_locate(tree, request->number, &place, err) < 0)
        return -1;
    if (fstat(request->fd, &written) < 0)
        return error_system(err, "cannot look at what was written");
    return service_mirror_put(tree->engine, service_of(&place), place.path, &written, NULL,
                              request->fd, err);
}

static const struct request put_template = {.operation = "close", .prepare = put_written};

static void mirror_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct real_handle *handle = (struct real_handle *)(uintptr_t)fi->fh;
    struct request template = put_template;
    template.number = number;
    if (real_flush_commits(req, handle))
        change(req, &template, "", NULL, fcntl(handle->fd, F_DUPFD_CLOEXEC, 0));
    else
        fuse_reply_err(req, 0);
}

static void mirror_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct real_handle *handle = (struct real_handle *)(uintptr_t)fi->fh;
    struct tree *tree = tree_of(req);
    if (commit_released(&handle->commit)) {
        struct request *request = request_new(tree, &put_template, "");
        request->number = number;
        request->fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
        jobs_submit(tree->roots, request_run, request);
    }
    real_operations.release(req, number, fi);
}

/* ---- making ---- */

static int put_new(struct request *request, struct error **err)
{
    struct tree *tree = request->parked.tree;
    const struct fuse_ctx *context = fuse_req_ctx(request->parked.req);
    struct real_place place;
    if (real_locate(tree, request->number, &place, err) < 0)
        return -1;
    cleanup(free) char *path = join(&place, request->name);
    struct timespec now = clock_timespec(clock_now());
    const struct stat attributes = {.st_mode = request->mode,
                                    .st_uid = context->uid,
                                    .st_gid = context->gid,
                                    .st_nlink = 1,
                                    .st_mtim = now};
    return service_mirror_put(tree->engine, service_of(&place), path, &attributes, request->target,
                              -1, err);
}

static void make(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name,
                 mode_t mode, const char *target)
{
    if (name_fits(req, operation, parent, name))
        change(req,
               &(struct request){.number = parent,
                                 .operation = operation,
                                 .mode = mode,
                                 .prepare = put_new,
                                 .answer = answer_lookup},
               name, target, -1);
}

static void mirror_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    make(req, "mkdir", parent, name, S_IFDIR | (mode & 07777), NULL);
}

static void mirror_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                         dev_t device)
{
    if (S_ISREG(mode))
        make(req, "mknod", parent, name, mode, NULL);
    else
        real_mknod(req, parent, name, mode, device);
}

static void mirror_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    make(req, "symlink", parent, name, S_IFLNK | 0777, target);
}

static void answer_create(struct request *request)
{
    request->fi.flags &= ~O_EXCL; /* it is there now */
    real_create(request->parked.req, request->number, request->name, request->mode & 07777,
                &request->fi);
}

static void mirror_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                          struct fuse_file_info *fi)
{
    if (name_fits(req, "create", parent, name))
        change(req,
               &(struct request){.number = parent,
                                 .operation = "create",
                                 .mode = S_IFREG | (mode & 07777),
                                 .fi = *fi,
                                 .prepare = put_new,
                                 .answer = answer_create},
               name, NULL, -1);
}

/* ---- attributes ---- */

/* The archive's way to change attributes is to send the whole file again. */
static int put_attributes(struct request *request, struct error **err)
{
    struct tree *tree = request->parked.tree;
    struct real_place place;
    struct stat now;
    char target[PATH_MAX] = "";
    if (refresh_entry(request, err) < 0 ||
        real_set_attributes(tree, request->number, &request->wanted, request->what, NULL, err) < 0)
        return -1;
    cleanup(close) int self = real_open_self(tree, request->number, &place, err);
    if (self < 0)
        return -1;
    if (fstat(self, &now) < 0 ||
        (S_ISLNK(now.st_mode) && readlinkat(self, "", target, sizeof target - 1) < 0))
        return error_system(err, "cannot look at it");
    cleanup(close) int content =
        S_ISREG(now.st_mode)
            ? service_mirror_content(tree->engine, service_of(&place), place.path, false, err)
            : -1;
    if (S_ISREG(now.st_mode) && content < 0)
        return -1;
    if (content >= 0 && ftruncate(content, now.st_size) < 0)
        return error_system(err, "cannot set its size");
    return service_mirror_put(tree->engine, service_of(&place), place.path, &now,
                              *target ? target : NULL, content, err);
}

static void mirror_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what,
                           struct fuse_file_info *fi)
{
    if (fi) { /* of a file that is open: it goes with what is written */
        real_touched((struct real_handle *)(uintptr_t)fi->fh);
        real_operations.setattr(req, number, wanted, what, fi);
        return;
    }
    change(req,
           &(struct request){.number = number,
                             .operation = "change attributes of",
                             .wanted = *wanted,
                             .what = what,
                             .prepare = put_attributes,
                             .answer = answer_getattr},
           "", NULL, -1);
}

/* ---- what cannot be done ---- */

#define NO_REMOVAL                                                                         \
    "the engine only lets files be read and written here, not removed or renamed: have a " \
    "command do it, through exec"

static void mirror_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    tree_refuse_with(req, "unlink", parent, name, EPERM, NO_REMOVAL);
}

static void mirror_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    tree_refuse_with(req, "rmdir", parent, name, EPERM, NO_REMOVAL);
}

static void mirror_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                          fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
    (void)new_parent, (void)new_name, (void)flags;
    tree_refuse_with(req, "rename", parent, name, EPERM, NO_REMOVAL);
}

static void pass_readlink(fuse_req_t req, fuse_ino_t number)
{
    real_operations.readlink(req, number);
}

static void pass_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    real_operations.read(req, number, size, offset, fi);
}

static void pass_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size,
                       off_t offset, struct fuse_file_info *fi)
{
    real_operations.write(req, number, bytes, size, offset, fi);
}

const struct fuse_lowlevel_ops mirror_operations = {
    .lookup = mirror_lookup,
    .getattr = mirror_getattr,
    .setattr = mirror_setattr,
    .readlink = pass_readlink,
    .mknod = mirror_mknod,
    .mkdir = mirror_mkdir,
    .unlink = mirror_unlink,
    .rmdir = mirror_rmdir,
    .symlink = mirror_symlink,
    .rename = mirror_rename,
    .link = real_link,
    .open = mirror_open,
    .read = pass_read,
    .write = pass_write,
    .flush = mirror_flush,
    .release = mirror_release,
    .fsync = real_fsync,
    .opendir = mirror_opendir,
    .readdir = real_readdir,
    .readdirplus = real_readdirplus,
    .releasedir = real_releasedir,
    .create = mirror_create,
};
