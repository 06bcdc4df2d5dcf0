/* Nodes in two maps, by serial and by place, and the tree that they form through their parents. */
#include "kfs/real_nodes.h"

#include "backend/base/buf.h"
#include "backend/base/map.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct real_node {
    uint64_t serial;
    uint64_t top;
    struct real_node *parent; /* NULL: directly in the top */
    char *name;               /* NULL: it has no place any more */
    uint64_t lookups;
    unsigned children; /* nodes whose parent this is: they keep it */
    struct real_open *open;
};

struct real_nodes {
    pthread_mutex_t nodes_lock; /* guards all below, and the nodes */
    struct idmap by_serial;
    struct map by_place; /* see place_key */
    uint64_t last_serial;
};

struct real_nodes *real_nodes_new(void)
{
    struct real_nodes *nodes = calloc(1, sizeof *nodes);
    if (nodes)
        pthread_mutex_init(&nodes->nodes_lock, NULL);
    return nodes;
}

void real_nodes_free(struct real_nodes *nodes)
{
    if (!nodes)
        return;
    size_t position = 0;
    for (struct real_node *node; (node = idmap_next(&nodes->by_serial, &position));) {
        free(node->name);
        free(node);
    }
    idmap_done(&nodes->by_serial);
    map_done(&nodes->by_place);
    pthread_mutex_destroy(&nodes->nodes_lock);
    free(nodes);
}

/* What the node of a name in a directory is found by. Names are at most NAME_MAX bytes: longer ones
 * were refused. */
struct place_key {
    char text[NAME_MAX + 64];
};

static struct place_key place_key(uint64_t top, uint64_t parent, const char *name)
{
    struct place_key key;
    snprintf(key.text, sizeof key.text, "%" PRIx64 "/%" PRIx64 "/%s", top, parent, name);
    return key;
}

static struct place_key key_of(const struct real_node *node)
{
    return place_key(node->top, node->parent ? node->parent->serial : 0, node->name);
}

static char *name_copy(const char *name)
{
    char *copy = strdup(name);
    if (!copy)
        abort();
    return copy;
}

/* Puts the node where the name in the directory is. It has no place before. */
static void node_place(struct real_nodes *nodes, struct real_node *node, struct real_node *parent,
                       const char *name)
{
    if (parent)
        parent->children++;
    node->parent = parent;
    node->name = name_copy(name);
    map_set(&nodes->by_place, key_of(node).text, node);
}

/* Frees the node, and parents that were kept only by it, if nothing needs them. */
static void node_release(struct real_nodes *nodes, struct real_node *node)
{
    while (node && node->lookups == 0 && node->children == 0) {
        struct real_node *parent = node->parent;
        if (node->name)
            map_remove(&nodes->by_place, key_of(node).text);
        idmap_remove(&nodes->by_serial, node->serial);
        free(node->name);
        free(node);
        if (parent)
            parent->children--;
        node = parent;
    }
}

/* Takes the node out of its place; the caller has a use for it or releases it. */
static void node_unplace(struct real_nodes *nodes, struct real_node *node)
{
    struct real_node *parent = node->parent;
    map_remove(&nodes->by_place, key_of(node).text);
    free(node->name);
    node->name = NULL;
    node->parent = NULL;
    if (parent) {
        parent->children--;
        node_release(nodes, parent);
    }
}

static struct real_node *node_add(struct real_nodes *nodes, uint64_t top, struct real_node *parent,
                                  const char *name)
{
    struct real_node *node = calloc(1, sizeof *node);
    if (!node)
        abort();
    node->serial = ++nodes->last_serial;
    node->top = top;
    idmap_set(&nodes->by_serial, node->serial, node);
    node_place(nodes, node, parent, name);
    return node;
}

uint64_t real_nodes_count(struct real_nodes *nodes, uint64_t top, uint64_t parent, const char *name)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *directory = parent ? idmap_get(&nodes->by_serial, parent) : NULL;
    if (parent && (!directory || !directory->name))
        return 0;
    struct real_node *node = map_get(&nodes->by_place, place_key(top, parent, name).text);
    if (!node)
        node = node_add(nodes, top, directory, name);
    node->lookups++;
    return node->serial;
}

void real_nodes_forget(struct real_nodes *nodes, uint64_t serial, uint64_t count)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *node = idmap_get(&nodes->by_serial, serial);
    if (!node)
        return;
    node->lookups -= count < node->lookups ? count : node->lookups;
    node_release(nodes, node);
}

static bool put_path(const struct real_node *node, struct buf *out)
{
    if (!node->name || (node->parent && !put_path(node->parent, out)))
        return false;
    if (node->parent)
        buf_putc(out, '/');
    buf_puts(out, node->name);
    return true;
}

uint64_t real_nodes_top(struct real_nodes *nodes, uint64_t serial)
{
    with_lock(&nodes->nodes_lock);
    const struct real_node *node = idmap_get(&nodes->by_serial, serial);
    return node ? node->top : 0;
}

int real_nodes_locate(struct real_nodes *nodes, uint64_t top, uint64_t serial,
                      struct real_place *ret, struct error **err)
{
    *ret = (struct real_place){.top = top, .path = "."};
    if (serial == 0)
        return 0;
    cleanup(buf_done) struct buf path = BUF_INIT(PATH_MAX - 1);
    with_lock(&nodes->nodes_lock);
    const struct real_node *node = idmap_get(&nodes->by_serial, serial);
    if (!node || !put_path(node, &path))
        return error_set(err, ESTALE, "the file has been removed");
    if (path.failed)
        return error_set(err, ENAMETOOLONG, "the path is longer than %d bytes", PATH_MAX);
    ret->top = node->top;
    ret->parent = node->parent ? node->parent->serial : 0;
    memcpy(ret->path, path.data, path.length + 1);
    return 0;
}

void real_nodes_remove(struct real_nodes *nodes, uint64_t top, uint64_t parent, const char *name)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *node = map_get(&nodes->by_place, place_key(top, parent, name).text);
    if (node)
        node_unplace(nodes, node);
}

void real_nodes_move(struct real_nodes *nodes, uint64_t top, uint64_t from, const char *from_name,
                     uint64_t to, const char *to_name, bool exchange)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *moved = map_get(&nodes->by_place, place_key(top, from, from_name).text);
    struct real_node *other = map_get(&nodes->by_place, place_key(top, to, to_name).text);
    struct real_node *from_directory = from ? idmap_get(&nodes->by_serial, from) : NULL;
    struct real_node *to_directory = to ? idmap_get(&nodes->by_serial, to) : NULL;
    if (moved == other)
        return;
    /* The kernel holds both directories while it renames, so they are not freed meanwhile. */
    if (other)
        node_unplace(nodes, other);
    if (moved)
        node_unplace(nodes, moved);
    if (moved && (!to || to_directory))
        node_place(nodes, moved, to_directory, to_name);
    if (other && exchange && (!from || from_directory))
        node_place(nodes, other, from_directory, from_name);
}

void real_nodes_opened(struct real_nodes *nodes, struct real_open *open)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *node = idmap_get(&nodes->by_serial, open->serial);
    if (!node)
        return;
    open->next = node->open;
    node->open = open;
}

void real_nodes_closed(struct real_nodes *nodes, struct real_open *open)
{
    with_lock(&nodes->nodes_lock);
    struct real_node *node = idmap_get(&nodes->by_serial, open->serial);
    if (!node)
        return;
    struct real_open **link = &node->open;
    while (*link && *link != open)
        link = &(*link)->next;
    if (*link)
        *link = open->next;
}

int real_nodes_reopen(struct real_nodes *nodes, uint64_t serial)
{
    with_lock(&nodes->nodes_lock);
    const struct real_node *node = idmap_get(&nodes->by_serial, serial);
    return node && node->open ? fcntl(node->open->fd, F_DUPFD_CLOEXEC, 0) : -1;
}

size_t real_nodes_of(struct real_nodes *nodes, uint64_t top, uint64_t **ret_serials)
{
    with_lock(&nodes->nodes_lock);
    uint64_t *serials = calloc(nodes->by_serial.count + 1, sizeof *serials);
    if (!serials)
        abort();
    size_t count = 0, position = 0;
    for (const struct real_node *node; (node = idmap_next(&nodes->by_serial, &position));)
        if (node->top == top)
            serials[count++] = node->serial;
    *ret_serials = serials;
    return count;
}

size_t real_nodes_known(struct real_nodes *nodes)
{
    with_lock(&nodes->nodes_lock);
    return nodes->by_serial.count;
}
