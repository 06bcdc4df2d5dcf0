/* Picking subnets. */
#include "backend/docker/subnets.h"

#include "backend/base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <string.h>

enum {
    ROUTES_MAX = 8 << 20 /* bytes of /proc/net/route: some 60,000 routes */
};

struct subnets {
    struct ip_ranges pool; /* each a whole number of blocks; immutable */
    uint64_t blocks;       /* in all of them */
    pthread_mutex_t cursor_lock;
    uint64_t cursor; /* the block to look at next */
};

int ip_ranges_add(struct ip_ranges *ranges, struct ip_range range)
{
    if (ranges->count == ranges->capacity) {
        size_t capacity = ranges->capacity ? ranges->capacity * 2 : 64;
        struct ip_range *items = reallocarray(ranges->items, capacity, sizeof *items);
        if (!items)
            return -1;
        ranges->items = items;
        ranges->capacity = capacity;
    }
    ranges->items[ranges->count++] = range;
    return 0;
}

void ip_ranges_done(struct ip_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct ip_ranges){0};
}

static struct ip_range range_of(uint32_t address, uint32_t mask)
{
    return (struct ip_range){.first = address & mask, .last = address | ~mask};
}

int ip_range_parse(const char *text, struct ip_range *ret_range)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof address)
        return -1;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = '\0';
    struct in_addr parsed;
    char *end;
    unsigned long prefix = strtoul(slash + 1, &end, 10);
    if (inet_pton(AF_INET, address, &parsed) != 1 || end == slash + 1 || *end || prefix > 32)
        return -1;
    uint32_t mask = prefix ? UINT32_MAX << (32 - prefix) : 0;
    *ret_range = range_of(ntohl(parsed.s_addr), mask);
    return 0;
}

/* Lines "IFACE DESTINATION GATEWAY FLAGS REFCNT USE METRIC MASK ...", addresses in hexadecimal, as
 * they lie in memory; see proc(5). The first line is a heading. */
int ip_ranges_add_routes(struct ip_ranges *ranges, const char *text)
{
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        unsigned destination, mask;
        if (sscanf(line + 1, "%*63s %8x %*8x %*x %*d %*d %*d %8x", &destination, &mask) != 2 ||
            mask == 0)
            continue;
        if (ip_ranges_add(ranges, range_of(ntohl(destination), ntohl(mask))) < 0)
            return -1;
    }
    return 0;
}

static int ranges_add_addresses(struct ip_ranges *ranges)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) < 0)
        return 0;
    int result = 0;
    for (const struct ifaddrs *i = list; i && result == 0; i = i->ifa_next) {
        if (!i->ifa_addr || !i->ifa_netmask || i->ifa_addr->sa_family != AF_INET)
            continue;
        const struct sockaddr_in *address = (const void *)i->ifa_addr;
        const struct sockaddr_in *mask = (const void *)i->ifa_netmask;
        result = ip_ranges_add(
            ranges, range_of(ntohl(address->sin_addr.s_addr), ntohl(mask->sin_addr.s_addr)));
    }
    freeifaddrs(list);
    return result;
}

int ip_ranges_add_host(struct ip_ranges *ranges)
{
    cleanup(buf_done) struct buf routes = BUF_INIT(ROUTES_MAX);
    if (file_read(AT_FDCWD, "/proc/net/route", &routes, NULL) == 0 &&
        ip_ranges_add_routes(ranges, routes.data) < 0)
        return -1;
    return ranges_add_addresses(ranges);
}

/* ---- the pool ---- */

static int pool_add(struct subnets *subnets, const char *text, struct error **err)
{
    struct ip_range range;
    if (ip_range_parse(text, &range) < 0)
        return error_set(err, EINVAL, "'%s' is no IPv4 subnet such as 10.64.0.0/10", text);
    uint64_t blocks = ((uint64_t)range.last - range.first + 1) / SUBNET_SIZE;
    if (blocks == 0)
        return error_set(err, EINVAL, "the subnet pool %s is smaller than one /%d", text,
                         SUBNET_PREFIX);
    if (ip_ranges_add(&subnets->pool, range) < 0)
        return error_set(err, ENOMEM, "out of memory");
    subnets->blocks += blocks;
    return 0;
}

struct subnets *subnets_new(const char *pool, struct error **err)
{
    struct subnets *subnets = calloc(1, sizeof *subnets);
    cleanup(free) char *text = strdup(pool ? pool : SUBNET_POOL_DEFAULT);
    int result = subnets && text ? 0 : error_set(err, ENOMEM, "out of memory");
    if (subnets)
        pthread_mutex_init(&subnets->cursor_lock, NULL);
    char *rest = NULL;
    for (char *item = result == 0 ? strtok_r(text, ", ", &rest) : NULL; item && result == 0;
         item = strtok_r(NULL, ", ", &rest))
        result = pool_add(subnets, item, err);
    if (result == 0 && subnets->blocks == 0)
        result = error_set(err, EINVAL, "the subnet pool is empty");
    if (result == 0)
        return subnets;
    subnets_free(subnets);
    return NULL;
}

void subnets_free(struct subnets *subnets)
{
    if (!subnets)
        return;
    ip_ranges_done(&subnets->pool);
    pthread_mutex_destroy(&subnets->cursor_lock);
    free(subnets);
}

/* The first address of the pool's block number `block`. */
static uint32_t block_address(const struct subnets *subnets, uint64_t block)
{
    const struct ip_range *range = subnets->pool.items;
    for (;; range++) {
        uint64_t blocks = ((uint64_t)range->last - range->first + 1) / SUBNET_SIZE;
        if (block < blocks)
            return range->first + (uint32_t)(block * SUBNET_SIZE);
        block -= blocks;
    }
}

static bool block_free(uint32_t first, const struct ip_ranges *used)
{
    for (size_t i = 0; i < used->count; i++)
        if (used->items[i].first <= first + (SUBNET_SIZE - 1) && first <= used->items[i].last)
            return false;
    return true;
}

int subnets_next(struct subnets *subnets, const struct ip_ranges *used, uint32_t *ret_first,
                 struct error **err)
{
    with_lock(&subnets->cursor_lock);
    for (uint64_t tried = 0; tried < subnets->blocks; tried++) {
        uint32_t first = block_address(subnets, subnets->cursor);
        subnets->cursor = (subnets->cursor + 1) % subnets->blocks;
        if (block_free(first, used)) {
            *ret_first = first;
            return 0;
        }
    }
    return error_set(
        err, ENOSPC,
        "no subnet is left: all %llu of the pool are in use; destroy enclaves, or give "
        "a larger pool",
        (unsigned long long)subnets->blocks);
}
