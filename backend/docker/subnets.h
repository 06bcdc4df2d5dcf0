/*
 * Which IPv4 subnet the next network gets. A pool is cut into blocks of SUBNET_SIZE addresses; a
 * cursor walks round over them, so that making a thousand networks asks about each block once.
 *
 * What is in use comes from two sides: what this host routes or bears (asked for each network: a
 * VPN may come up at any time), and what the engine's networks use (told here by the caller, who
 * asks the engine when it first refuses one).
 *
 * Thread-safe: two callers never get the same block before the cursor has gone all the way round.
 */
#ifndef KFS_DOCKER_SUBNETS_H
#define KFS_DOCKER_SUBNETS_H

#include "backend/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define SUBNET_POOL_DEFAULT "10.64.0.0/10"
enum {
    SUBNET_PREFIX = 22, /* 1,021 services in an enclave; 4,096 enclaves in the default pool */
    SUBNET_SIZE = 1 << (32 - SUBNET_PREFIX)
};

/* Addresses in host byte order; both ends belong to it. */
struct ip_range {
    uint32_t first, last;
};
struct ip_ranges {
    struct ip_range *items;
    size_t count, capacity;
};
/* -1 without memory. */
int ip_ranges_add(struct ip_ranges *ranges, struct ip_range range);
void ip_ranges_done(struct ip_ranges *ranges);
static inline void cleanup_ip_ranges_done(struct ip_ranges *ranges)
{
    ip_ranges_done(ranges);
}

/* "10.1.2.0/24" with or without host bits. -1 if text is no IPv4 subnet. */
int ip_range_parse(const char *text, struct ip_range *ret_range);
/* Adds the destinations of a text in the format of /proc/net/route, but for default routes. */
int ip_ranges_add_routes(struct ip_ranges *ranges, const char *text);
/* What this host routes, and the networks of its own addresses. */
int ip_ranges_add_host(struct ip_ranges *ranges);

struct subnets;

/* pool: subnets separated by commas; NULL: SUBNET_POOL_DEFAULT. EINVAL if it is none or has no room
 * for one block. */
struct subnets *subnets_new(const char *pool, struct error **err);
void subnets_free(struct subnets *subnets);

/* The next block that overlaps none of used: *ret_first is its first address. ENOSPC if all do. */
int subnets_next(struct subnets *subnets, const struct ip_ranges *used, uint32_t *ret_first,
                 struct error **err);

#endif
