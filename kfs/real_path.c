/* Paths of real files, resolved by the kernel so that none leaves its top. */
#include "kfs/real_files.h"

#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

uint64_t real_serial(uint64_t number)
{
    struct node node = node_unpack(number);
    return node.row == ROW_REAL ? node.object : 0;
}

uint64_t real_number(uint64_t serial)
{
    return node_pack((struct node){.row = ROW_REAL, .object = serial});
}

int real_locate(struct tree *tree, uint64_t number, struct real_place *ret, struct error **err)
{
    return real_nodes_locate(tree->nodes, number, real_serial(number), ret, err);
}

static int open_top(struct tree *tree, uint64_t top, struct error **err)
{
    struct node node = node_unpack(top);
    cleanup(subject_done) struct subject subject = {0};
    if (subject_get(tree, node, &subject) < 0)
        return error_set(err, ENOENT, "it is gone");
    return tree_rows[node.row].back(&subject, err);
}

int real_open_at(struct tree *tree, const struct real_place *place, int flags, struct error **err)
{
    cleanup(close) int top = open_top(tree, place->top, err);
    if (top < 0)
        return -1;
    /* The kernel of who asks has followed links already; what is left of them here is the last
     * component, which is meant itself. */
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                   (real_policy(place)->root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH),
    };
    int fd = (int)syscall(SYS_openat2, top, place->path, &how, sizeof how);
    return fd < 0 ? error_system(err, "cannot open %s", place->path) : fd;
}

int real_open_self(struct tree *tree, uint64_t number, struct real_place *ret, struct error **err)
{
    cleanup(error_free) struct error *failure = NULL;
    if (real_locate(tree, number, ret, &failure) == 0)
        return real_open_at(tree, ret, O_PATH, err);
    *ret = (struct real_place){.path = ""};
    int fd = real_nodes_reopen(tree->nodes, real_serial(number));
    return fd < 0 ? error_move(err, &failure) : fd;
}

int real_open_directory(struct tree *tree, uint64_t number, const char *name,
                        struct real_place *ret, struct error **err)
{
    if (strlen(name) > NAME_MAX)
        return error_set(err, ENAMETOOLONG, "a name may have at most %d bytes", NAME_MAX);
    if (real_locate(tree, number, ret, err) < 0)
        return -1;
    return real_open_at(tree, ret, O_RDONLY | O_DIRECTORY, err);
}

const struct real_policy *real_policy(const struct real_place *place)
{
    return tree_rows[node_unpack(place->top).row].real;
}

bool real_acts(const struct real_place *place)
{
    const struct real_policy *policy = real_policy(place);
    return place->parent == 0 && policy->acts && policy->acts(place->path);
}

off_t real_limit(const struct real_place *place)
{
    const struct real_policy *policy = real_policy(place);
    return real_acts(place) ? policy->acts_max : policy->file_max;
}

static bool is_top(const struct real_place *place)
{
    return strcmp(place->path, ".") == 0;
}

int real_may_make(const struct real_place *directory, bool is_directory, const char *name,
                  struct error **err)
{
    const struct real_policy *policy = real_policy(directory);
    if (!is_top(directory) || !policy->check)
        return 0;
    if (!is_directory)
        return error_set(err, EPERM,
                         "only directories can be made here, and files in them: mkdir first");
    return policy->check(name, err);
}

void real_changed(struct tree *tree, const struct real_place *place, const char *name)
{
    const struct real_policy *policy = real_policy(place);
    const char *first = is_top(place) ? name : place->path;
    if (!policy->changed || !first)
        return;
    char top_name[NAME_MAX + 1];
    size_t length = strcspn(first, "/");
    memcpy(top_name, first, length);
    top_name[length] = '\0';
    policy->changed(tree, place->top, top_name);
}

/* ---- the three kinds ---- */

static void artifact_changed(struct tree *tree, uint64_t top, const char *name)
{
    enclave_artifact_changed(tree->engine, node_unpack(top).object, name);
}

const struct real_policy real_plan = {
    .acts = plan_name_acts,
    .cache_seconds = TREE_CACHE_SECONDS,
    .file_max = (off_t)64 << 20, /* what a package may have beside its scripts */
    .acts_max = (off_t)4 << 20,  /* a script is held in memory whole; 20,000 lines are about one */
};

const struct real_policy real_artifacts = {
    .check = artifact_name_check,
    .changed = artifact_changed,
    .cache_seconds = TREE_CACHE_SECONDS,
    .file_max = INT64_MAX,
};

const struct real_policy real_root = {.root = true, .file_max = INT64_MAX};

void real_attributes(const struct tree *tree, uint64_t number, struct stat *attributes)
{
    struct node top = node_unpack(real_nodes_top(tree->nodes, real_serial(number)));
    attributes->st_ino = number;
    /* When a mirror was made is nobody's affair: archivers would find each directory changed as
     * they read it. */
    if (tree_rows[top.row].real && tree_rows[top.row].real->root)
        attributes->st_ctim = attributes->st_mtim;
    attributes_map_owner(tree, attributes);
}
