/*
 * Inode numbers. A number says which object of the engine a file belongs to and which row of the
 * tree's table it is, so that any number finds its object and there is no table of inodes that
 * could leak:
 *
 *     bit 63      46 45                  8 7        0
 *        [  part   ] [      object        ] [  row   ]
 *
 * An object's id is never used again while the daemon runs, so neither is a number. 38 bits of
 * objects last for eight years of a thousand new ones a second. `part` tells the ports of a service
 * apart: a port's number and transport, which mean the same port for ever, where its place in a
 * list would not.
 */
#ifndef KFS_NODE_H
#define KFS_NODE_H

#include <stdint.h>

enum {
    NODE_ROW_BITS = 8,
    NODE_OBJECT_BITS = 38,
    NODE_PART_BITS = 18
};

struct node {
    unsigned row;    /* index in tree_rows */
    uint64_t object; /* id; 0 for the engine */
    unsigned part;   /* of the object; 0 where there is only one */
};

static inline uint64_t node_pack(struct node node)
{
    return (uint64_t)node.part << (NODE_ROW_BITS + NODE_OBJECT_BITS) |
           node.object << NODE_ROW_BITS | node.row;
}

static inline struct node node_unpack(uint64_t number)
{
    return (struct node){
        .row = (unsigned)(number & ((1u << NODE_ROW_BITS) - 1)),
        .object = number >> NODE_ROW_BITS & ((UINT64_C(1) << NODE_OBJECT_BITS) - 1),
        .part = (unsigned)(number >> (NODE_ROW_BITS + NODE_OBJECT_BITS)),
    };
}

#endif
