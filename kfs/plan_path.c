/* Paths below plan/, resolved by the kernel so that none leaves it. */
#include "kfs/plan_files.h"

#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

uint64_t plan_serial(uint64_t number)
{
    struct node node = node_unpack(number);
    return node.row == ROW_PLAN_NODE ? node.object : 0;
}

uint64_t plan_number(uint64_t serial)
{
    return node_pack((struct node){.row = ROW_PLAN_NODE, .object = serial});
}

int plan_locate(struct tree *tree, uint64_t number, struct plan_place *ret, struct error **err)
{
    struct node node = node_unpack(number);
    object_id enclave = node.row == ROW_PLAN_NODE ? 0 : node.object;
    return plan_nodes_locate(tree->nodes, enclave, plan_serial(number), ret, err);
}

int plan_open_at(struct tree *tree, const struct plan_place *place, int flags, struct error **err)
{
    cleanup(close) int root = enclave_open_plan(tree->engine, place->enclave, err);
    if (root < 0)
        return -1;
    /* The kernel of who asks has followed links already; what is left of them here is the last
     * component, which is meant itself. */
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, root, place->path, &how, sizeof how);
    return fd < 0 ? error_system(err, "cannot open %s", place->path) : fd;
}

int plan_open_self(struct tree *tree, uint64_t number, struct plan_place *ret, struct error **err)
{
    cleanup(error_free) struct error *failure = NULL;
    if (plan_locate(tree, number, ret, &failure) == 0)
        return plan_open_at(tree, ret, O_PATH, err);
    *ret = (struct plan_place){.path = ""};
    int fd = plan_nodes_reopen(tree->nodes, plan_serial(number));
    return fd < 0 ? error_move(err, &failure) : fd;
}

int plan_open_directory(struct tree *tree, uint64_t number, const char *name,
                        struct plan_place *ret, struct error **err)
{
    if (strlen(name) > NAME_MAX)
        return error_set(err, ENAMETOOLONG, "a name may have at most %d bytes", NAME_MAX);
    if (plan_locate(tree, number, ret, err) < 0)
        return -1;
    return plan_open_at(tree, ret, O_RDONLY | O_DIRECTORY, err);
}

bool plan_acts(const struct plan_place *place)
{
    return place->parent == 0 && plan_name_acts(place->path);
}

off_t plan_limit(const struct plan_place *place)
{
    return plan_acts(place) ? PLAN_SCRIPT_MAX_BYTES : PLAN_FILE_MAX_BYTES;
}

void plan_attributes(const struct tree *tree, uint64_t number, struct stat *attributes)
{
    attributes->st_ino = number;
    attributes_map_owner(tree, attributes);
}
