/* Listing real directories. */
#include "kfs/real_files.h"

#include <dirent.h>
#include <string.h>

struct real_listing {
    struct opened opened; /* first: the two are converted into each other */
    DIR *stream;
    struct real_place place;
};

static void listing_free(struct tree *tree, struct opened *opened)
{
    (void)tree;
    struct real_listing *listing = (struct real_listing *)opened;
    closedir(listing->stream);
    free(listing);
}

void real_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct tree *tree = tree_of(req);
    cleanup(error_free) struct error *failure = NULL;
    struct real_listing *listing = calloc(1, sizeof *listing);
    if (!listing)
        abort();
    int fd = real_open_directory(tree, number, "", &listing->place, &failure);
    listing->stream = fd < 0 ? NULL : fdopendir(fd);
    if (!listing->stream) {
        fuse_reply_err(req, failure ? error_code(failure) : errno);
        if (fd >= 0)
            close(fd);
        free(listing);
        return;
    }
    fi->fh = (uintptr_t)listing;
    tree_opened(tree, &listing->opened, listing_free);
    if (fuse_reply_open(req, fi) == -ENOENT) {
        tree_released(tree, &listing->opened);
        listing_free(tree, &listing->opened);
    }
}

void real_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    (void)number;
    struct real_listing *listing = (struct real_listing *)(uintptr_t)fi->fh;
    tree_released(tree_of(req), &listing->opened);
    listing_free(tree_of(req), &listing->opened);
    fuse_reply_err(req, 0);
}

static size_t put_entry_plus(fuse_req_t req, char *out, size_t room,
                             const struct real_listing *listing, fuse_ino_t number,
                             const struct dirent *entry)
{
    struct tree *tree = tree_of(req);
    struct fuse_entry_param param = {0};
    bool counted = *entry->d_name != '.' ||
                   (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
    /* One that went since is given by its name only, which the kernel then looks up. */
    if (counted && real_entry(tree, dirfd(listing->stream), &listing->place, number, entry->d_name,
                              &param, NULL) < 0)
        param.ino = 0;
    if (!counted || param.ino == 0)
        param.attr = (struct stat){.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
    size_t size = fuse_add_direntry_plus(req, out, room, entry->d_name, &param, entry->d_off);
    if (size > room && param.ino != 0)
        real_nodes_forget(tree->nodes, real_serial(param.ino), 1);
    return size;
}

static void list(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                 struct fuse_file_info *fi, bool plus)
{
    struct real_listing *listing = (struct real_listing *)(uintptr_t)fi->fh;
    cleanup(free) char *out = malloc(size);
    if (!out) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    seekdir(listing->stream, offset);
    size_t used = 0;
    for (struct dirent *entry; (entry = readdir(listing->stream));) {
        struct stat attributes = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        size_t taken = plus ? put_entry_plus(req, out + used, size - used, listing, number, entry)
                            : fuse_add_direntry(req, out + used, size - used, entry->d_name,
                                                &attributes, entry->d_off);
        if (taken > size - used)
            break;
        used += taken;
    }
    fuse_reply_buf(req, out, used);
}

void real_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi)
{
    list(req, number, size, offset, fi, false);
}

void real_readdirplus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    list(req, number, size, offset, fi, true);
}
