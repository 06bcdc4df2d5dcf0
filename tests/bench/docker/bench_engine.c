/*
 * bench_engine SOCKET [ROUNDS [LOG_MEGABYTES]] - what the orchestrator costs beside the Engine
 * API's bare calls, in one run and in turn, on the engine at SOCKET, which must have kfs/busybox.
 * Prints two tables; fails if reading a log is not ten times as fast as `docker logs`.
 */
#include "backend/base/clock.h"
#include "backend/docker/docker.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define IMAGE "kfs/busybox:latest"
enum {
    ROUNDS_MAX = 100,
    LINE_LENGTH = 100
};

enum operation {
    INFO,
    NETWORK_CREATE,
    SERVICE_CREATE,
    SERVICE_START,
    LIST,
    EXEC,
    SERVICE_STOP,
    SERVICE_REMOVE,
    NETWORK_REMOVE,
    OPERATION_MAX
};
static const char *const names[OPERATION_MAX] = {
    "info",         "network create", "service create", "service start", "list",
    "exec of true", "service stop",   "service remove", "network remove"};

/* Milliseconds, by way (0 bare, 1 orchestrator), operation and round. */
static double taken[2][OPERATION_MAX][ROUNDS_MAX];

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_engine: %s: %s\n", what, why);
    exit(1);
}

/* ---- bare calls: one kept connection, nothing but the call ---- */

static CURL *bare;
static struct buf bare_answer;

static size_t bare_take(char *bytes, size_t size, size_t count, void *drop)
{
    if (!drop)
        buf_append(&bare_answer, bytes, size * count);
    return size * count;
}

static void bare_call(const char *method, const char *path, const char *body, void *drop)
{
    static struct curl_slist *headers;
    char url[512];
    long status = 0;
    if (!headers)
        headers = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "http://docker/v1.41%s", path);
    buf_truncate(&bare_answer, 0);
    curl_easy_setopt(bare, CURLOPT_URL, url);
    curl_easy_setopt(bare, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(bare, CURLOPT_WRITEFUNCTION, bare_take);
    curl_easy_setopt(bare, CURLOPT_WRITEDATA, drop);
    if (strcmp(method, "POST") == 0)
        curl_easy_setopt(bare, CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(bare, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(bare, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(bare);
    curl_easy_getinfo(bare, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status >= 400)
        die(path, code != CURLE_OK ? curl_easy_strerror(code) : bare_answer.data);
}

/* The "Id" of the last answer. */
static void bare_id(char id[static 80])
{
    const char *at = strstr(bare_answer.data, "\"Id\":\"");
    if (!at || sscanf(at + 6, "%79[0-9a-f]", id) != 1)
        die("an answer without an id", bare_answer.data);
}

static int64_t start;
static void lap(int way, enum operation operation, int round)
{
    int64_t now = clock_monotonic();
    taken[way][operation][round] = (double)(now - start) / (double)CLOCK_MILLISECOND;
    start = clock_monotonic();
}

static void bare_exec(const char *container)
{
    char path[256], id[80];
    snprintf(path, sizeof path, "/containers/%s/exec", container);
    bare_call("POST", path, "{\"AttachStdout\":true,\"AttachStderr\":true,\"Cmd\":[\"true\"]}",
              NULL);
    bare_id(id);
    snprintf(path, sizeof path, "/exec/%s/start", id);
    bare_call("POST", path, "{\"Detach\":false}", NULL);
    snprintf(path, sizeof path, "/exec/%s/json", id);
    bare_call("GET", path, NULL, NULL);
}

static void bare_container(const char *container, const char *method, const char *end)
{
    char path[256];
    snprintf(path, sizeof path, "/containers/%s%s", container, end);
    bare_call(method, path, "", NULL);
}

static void bare_round(int round)
{
    char body[512], network[80], container[80], path[256];
    start = clock_monotonic();
    bare_call("GET", "/info", NULL, NULL);
    lap(0, INFO, round);
    snprintf(body, sizeof body,
             "{\"Name\":\"bench-bare\",\"CheckDuplicate\":true,\"IPAM\":{\"Config\":[{\"Subnet\":"
             "\"10.63.%d.0/22\"}]}}",
             round % 60 * 4);
    bare_call("POST", "/networks/create", body, NULL);
    bare_id(network);
    lap(0, NETWORK_CREATE, round);
    snprintf(body, sizeof body,
             "{\"Image\":\"" IMAGE "\",\"Cmd\":[\"sleep\",\"1000\"],\"HostConfig\":{\"Init\":true,"
             "\"NetworkMode\":\"%s\"}}",
             network);
    bare_call("POST", "/containers/create?name=bench-bare", body, NULL);
    bare_id(container);
    lap(0, SERVICE_CREATE, round);
    bare_container(container, "POST", "/start");
    lap(0, SERVICE_START, round);
    bare_call("GET", "/networks", NULL, NULL);
    bare_call("GET", "/volumes", NULL, NULL);
    bare_call("GET", "/containers/json?all=1", NULL, NULL);
    lap(0, LIST, round);
    bare_exec(container);
    lap(0, EXEC, round);
    bare_container(container, "POST", "/stop?t=0");
    lap(0, SERVICE_STOP, round);
    bare_container(container, "DELETE", "?force=1&v=1");
    lap(0, SERVICE_REMOVE, round);
    snprintf(path, sizeof path, "/networks/%s", network);
    bare_call("DELETE", path, NULL, NULL);
    lap(0, NETWORK_REMOVE, round);
}

/* ---- the same by the orchestrator ---- */

static struct orchestrator *engine;

#define MUST(expression)                              \
    do {                                              \
        cleanup(error_free) struct error *err = NULL; \
        if ((expression) < 0)                         \
            die(#expression, error_message(err));     \
    } while (0)

static int drop_output(void *context, enum stream stream, const void *bytes, size_t length)
{
    (void)context, (void)stream, (void)bytes, (void)length;
    return 0;
}

static void engine_exec(const char *service)
{
    char *const argv[] = {(char *)"true", NULL};
    const struct exec_spec spec = {.service_id = service, .argv = argv};
    int code;
    MUST(engine->exec_run(engine, &spec, drop_output, NULL, NULL, &code, &err));
}

static void engine_round(int round)
{
    struct orchestrator_info info;
    struct orchestrator_listing *listing = NULL;
    struct network network;
    char *const command[] = {(char *)"sleep", (char *)"1000", NULL};
    char *id = NULL;
    start = clock_monotonic();
    MUST(engine->info(engine, NULL, &info, &err));
    lap(1, INFO, round);
    const struct network_spec network_spec = {.name = "bench-kfs"};
    MUST(engine->network_create(engine, &network_spec, NULL, &network, &err));
    lap(1, NETWORK_CREATE, round);
    const struct service_spec spec = {.name = "bench-kfs",
                                      .hostname = "bench",
                                      .image = IMAGE,
                                      .cmd = command,
                                      .network_id = network.id,
                                      .init = true};
    MUST(engine->service_create(engine, &spec, NULL, &id, &err));
    lap(1, SERVICE_CREATE, round);
    MUST(engine->service_start(engine, id, NULL, &err));
    lap(1, SERVICE_START, round);
    MUST(engine->list(engine, NULL, NULL, &listing, &err));
    lap(1, LIST, round);
    engine_exec(id);
    lap(1, EXEC, round);
    MUST(engine->service_stop(engine, id, 0, NULL, &err));
    lap(1, SERVICE_STOP, round);
    MUST(engine->service_remove(engine, id, NULL, &err));
    lap(1, SERVICE_REMOVE, round);
    MUST(engine->network_remove(engine, network.id, NULL, &err));
    lap(1, NETWORK_REMOVE, round);
    orchestrator_info_done(&info);
    orchestrator_listing_free(listing);
    network_done(&network);
    free(id);
}

/* ---- the tables ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void print_operations(int rounds)
{
    printf("%-16s %10s %10s %7s   (median of %d, ms)\n", "operation", "bare API", "kfs", "ratio",
           rounds);
    for (int i = 0; i < OPERATION_MAX; i++) {
        double api = median(taken[0][i], rounds), kfs = median(taken[1][i], rounds);
        printf("%-16s %10.2f %10.2f %7.2f\n", names[i], api, kfs, kfs / api);
    }
}

/* A service that has written so many megabytes in lines of LINE_LENGTH bytes, and ended. */
static char *make_log(int megabytes)
{
    char script[256];
    snprintf(script, sizeof script, "yes \"$(printf %%%ds | tr ' ' x)\" | head -c %d",
             LINE_LENGTH - 1, megabytes << 20);
    char *const command[] = {(char *)"sh", (char *)"-c", script, NULL};
    const struct service_spec spec = {.name = "bench-log", .image = IMAGE, .cmd = command};
    char *id = NULL, path[256];
    MUST(engine->service_create(engine, &spec, NULL, &id, &err));
    MUST(engine->service_start(engine, id, NULL, &err));
    snprintf(path, sizeof path, "/containers/%s/wait", id);
    bare_call("POST", path, "", NULL);
    return id;
}

static int count_text(void *context, const struct log_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *(uint64_t *)context += entries[i].length + 1;
    return 0;
}

static double seconds_since(int64_t then)
{
    return (double)(clock_monotonic() - then) / (double)CLOCK_SECOND;
}

static double time_engine_logs(const char *id, uint64_t expected)
{
    struct log_position position = {0};
    uint64_t text = 0;
    int64_t then = clock_monotonic();
    MUST(engine->logs_read(engine, id, &position, false, count_text, &text, NULL, &err));
    double seconds = seconds_since(then);
    if (text / LINE_LENGTH != expected / LINE_LENGTH)
        die("logs_read", "not all of the log came");
    return seconds;
}

static double time_api_logs(const char *id)
{
    char path[256];
    int64_t then = clock_monotonic();
    snprintf(path, sizeof path, "/containers/%s/logs?stdout=1&stderr=1", id);
    bare_call("GET", path, NULL, &bare);
    return seconds_since(then);
}

static double time_docker_logs(const char *socket, const char *id)
{
    char host[256];
    int64_t then = clock_monotonic();
    snprintf(host, sizeof host, "unix://%s", socket);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execlp("docker", "docker", "--host", host, "logs", id, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
        die("docker logs", "failed");
    return seconds_since(then);
}

static bool bench_logs(const char *socket, int megabytes)
{
    char *id = make_log(megabytes);
    uint64_t bytes = (uint64_t)megabytes << 20;
    double docker = time_docker_logs(socket, id), api = time_api_logs(id);
    double kfs = time_engine_logs(id, bytes);
    printf("\n%-16s %10s %10s %7s   (%d MiB in lines of %d bytes)\n", "log", "seconds", "MB/s",
           "ratio", megabytes, LINE_LENGTH);
    const struct {
        const char *name;
        double seconds;
    } rows[] = {{"docker logs", docker}, {"bare API", api}, {"kfs", kfs}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        printf("%-16s %10.3f %10.1f %7.2f\n", rows[i].name, rows[i].seconds,
               (double)bytes / 1e6 / rows[i].seconds, docker / rows[i].seconds);
    MUST(engine->service_remove(engine, id, NULL, &err));
    free(id);
    return docker >= 10 * kfs;
}

int main(int count, char **arguments)
{
    const char *socket = count > 1 ? arguments[1] : "/var/run/docker.sock";
    long rounds = count > 2 ? strtol(arguments[2], NULL, 10) : 10;
    long megabytes = count > 3 ? strtol(arguments[3], NULL, 10) : 64;
    char host[256];
    if (rounds < 1 || rounds > ROUNDS_MAX || megabytes < 1 || megabytes > 1024)
        die("usage", "bench_engine SOCKET [ROUNDS [LOG_MEGABYTES]]");
    bare_answer = BUF_INIT(BUF_MAX_DOCUMENT);
    bare = curl_easy_init();
    curl_easy_setopt(bare, CURLOPT_UNIX_SOCKET_PATH, socket);
    snprintf(host, sizeof host, "unix://%s", socket);
    const struct docker_options options = {.host = host, .instance = "bench"};
    engine = docker_new(&options, NULL);
    for (int i = 0; i < rounds; i++) {
        bare_round(i);
        engine_round(i);
    }
    print_operations((int)rounds);
    bool fast = bench_logs(socket, (int)megabytes);
    engine->free(engine);
    curl_easy_cleanup(bare);
    buf_done(&bare_answer);
    return fast ? 0 : 1;
}
