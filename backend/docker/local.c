/*
 * What is read on this host instead of asking the engine: a service's own file system and its
 * counters. The engine's own counters take a second to come, because it samples once a second.
 */
#include "backend/docker/docker_int.h"

#include "backend/base/file.h"
#include "backend/docker/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
    COUNTER_FILE_MAX = 1 << 20
};

char *docker_service_local_root(struct orchestrator *self, const char *id)
{
    (void)self;
    pid_t pid = cgroup_first_process(id);
    char *path = NULL;
    if (pid == 0 || asprintf(&path, "/proc/%d/root", (int)pid) < 0)
        return NULL;
    if (access(path, R_OK | X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* ---- counters in files ---- */

/* The number that follows key (or begins the file, key ""); otherwise if there is none. "max" is no
 * number. */
static uint64_t counter(int dir, const char *file, const char *key, uint64_t otherwise)
{
    cleanup(buf_done) struct buf text = BUF_INIT(COUNTER_FILE_MAX);
    if (file_read(dir, file, &text, NULL) < 0)
        return otherwise;
    size_t length = strlen(key);
    for (const char *line = text.data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && strspn(line + length, " 0123456789") > 0)
            return strtoull(line + length, NULL, 10);
    }
    return otherwise;
}

/* Sums the number after each occurrence of word: "8:0 Read 4096", "8:0 rbytes=4096 wbytes=0". */
static uint64_t counter_sum(int dir, const char *file, const char *word)
{
    cleanup(buf_done) struct buf text = BUF_INIT(COUNTER_FILE_MAX);
    uint64_t sum = 0;
    if (file_read(dir, file, &text, NULL) < 0)
        return 0;
    for (const char *at = text.data; (at = strstr(at, word)); at += strlen(word))
        sum += strtoull(at + strlen(word), NULL, 10);
    return sum;
}

static bool stats_v1(const char *id, struct service_stats *stats)
{
    cleanup(close) int memory = cgroup_open(id, "memory", NULL);
    cleanup(close) int cpu = cgroup_open(id, "cpuacct", NULL);
    cleanup(close) int pids = cgroup_open(id, "pids", NULL);
    cleanup(close) int blocks = cgroup_open(id, "blkio", NULL);
    if (memory < 0 || cpu < 0)
        return false;
    static const char io[] = "blkio.throttle.io_service_bytes_recursive";
    uint64_t used = counter(memory, "memory.usage_in_bytes", "", 0);
    uint64_t cache = counter(memory, "memory.stat", "total_inactive_file ", 0);
    stats->memory_bytes = used > cache ? used - cache : used;
    stats->memory_limit_bytes = counter(memory, "memory.limit_in_bytes", "", 0);
    stats->cpu_nanoseconds = counter(cpu, "cpuacct.usage", "", 0);
    stats->processes = pids < 0 ? 0 : counter(pids, "pids.current", "", 0);
    stats->block_read_bytes = blocks < 0 ? 0 : counter_sum(blocks, io, "Read ");
    stats->block_written_bytes = blocks < 0 ? 0 : counter_sum(blocks, io, "Write ");
    return true;
}

static bool stats_v2(const char *id, struct service_stats *stats)
{
    cleanup(close) int group = cgroup_open(id, "", NULL);
    if (group < 0)
        return false;
    uint64_t used = counter(group, "memory.current", "", 0);
    uint64_t cache = counter(group, "memory.stat", "inactive_file ", 0);
    stats->memory_bytes = used > cache ? used - cache : used;
    stats->memory_limit_bytes = counter(group, "memory.max", "", UINT64_MAX);
    stats->cpu_nanoseconds = counter(group, "cpu.stat", "usage_usec ", 0) * 1000;
    stats->processes = counter(group, "pids.current", "", 0);
    stats->block_read_bytes = counter_sum(group, "io.stat", "rbytes=");
    stats->block_written_bytes = counter_sum(group, "io.stat", "wbytes=");
    return true;
}

/* Lines "  eth0: BYTES PACKETS ... (8 numbers received, then 8 sent)" after two of headings. */
static void stats_network(pid_t pid, struct service_stats *stats)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/net/dev", (int)pid);
    cleanup(buf_done) struct buf text = BUF_INIT(COUNTER_FILE_MAX);
    if (file_read(AT_FDCWD, path, &text, NULL) < 0)
        return;
    for (const char *line = text.data; *line; line += strcspn(line, "\n") + 1) {
        char name[32];
        unsigned long long received, sent;
        if (sscanf(line, " %31[^:\n]: %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &received,
                   &sent) == 3 &&
            strcmp(name, "lo") != 0) {
            stats->network_received_bytes += received;
            stats->network_sent_bytes += sent;
        }
        if (!strchr(line, '\n'))
            break;
    }
}

static bool stats_local(const char *id, struct service_stats *stats)
{
    bool v2 = false;
    cleanup(close) int group = cgroup_open(id, "memory", &v2);
    pid_t pid = group < 0 ? 0 : cgroup_first_process(id);
    if (pid == 0 || !(v2 ? stats_v2(id, stats) : stats_v1(id, stats)))
        return false;
    stats_network(pid, stats);
    /* No limit is a number near the largest one: then the host's memory is. */
    uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (stats->memory_limit_bytes > host)
        stats->memory_limit_bytes = host;
    return true;
}

/* ---- counters by the engine ---- */

static uint64_t number_at(const json_t *object, const char *key)
{
    int64_t number = json_number(object, key, 0);
    return number > 0 ? (uint64_t)number : 0;
}

static void stats_blocks_from_json(const json_t *json, struct service_stats *stats)
{
    size_t i;
    json_t *item;
    json_array_foreach(
        json_object_get(json_object_get(json, "blkio_stats"), "io_service_bytes_recursive"), i,
        item)
    {
        const char *op = json_text(item, "op");
        if (op && strcasecmp(op, "read") == 0)
            stats->block_read_bytes += number_at(item, "value");
        else if (op && strcasecmp(op, "write") == 0)
            stats->block_written_bytes += number_at(item, "value");
    }
}

static void stats_from_json(const json_t *json, struct service_stats *stats)
{
    const json_t *memory = json_object_get(json, "memory_stats");
    const json_t *details = json_object_get(memory, "stats");
    const char *name;
    json_t *network;
    uint64_t used = number_at(memory, "usage");
    uint64_t cache = number_at(details, "total_inactive_file");
    if (cache == 0)
        cache = number_at(details, "inactive_file");
    stats->memory_bytes = used > cache ? used - cache : used;
    stats->memory_limit_bytes = number_at(memory, "limit");
    stats->cpu_nanoseconds =
        number_at(json_object_get(json_object_get(json, "cpu_stats"), "cpu_usage"), "total_usage");
    stats->processes = number_at(json_object_get(json, "pids_stats"), "current");
    json_object_foreach(json_object_get(json, "networks"), name, network)
    {
        stats->network_received_bytes += number_at(network, "rx_bytes");
        stats->network_sent_bytes += number_at(network, "tx_bytes");
    }
    stats_blocks_from_json(json, stats);
}

int docker_service_stats(struct orchestrator *self, const char *id,
                         const struct orchestrator_call *call, struct service_stats *ret_stats,
                         struct error **err)
{
    struct docker *docker = docker_of(self);
    *ret_stats = (struct service_stats){0};
    if (known_check(docker, OBJECT_SERVICE, id, call, err) < 0)
        return -1;
    if (stats_local(id, ret_stats))
        return 0;
    json_t *json = NULL;
    const struct api_request request = {
        .method = "GET", .path = http_path("/containers/%s/stats?stream=0&one-shot=1", id)};
    if (api_json(docker, &request, call, &json, NULL, err) < 0)
        return -1;
    stats_from_json(json, ret_stats);
    json_decref(json);
    return 0;
}
