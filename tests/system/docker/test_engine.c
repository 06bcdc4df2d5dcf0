/*
 * The orchestrator's whole contract against a real Docker engine with the image kfs/busybox.
 * KFS_TEST_DOCKER is the engine's socket or its tcp://HOST:PORT; without it the program is skipped
 * (77). KFS_TEST_REMOTE says that neither the engine's processes nor its files are seen from here.
 * Every test cleans up after itself, and the last one shows that nothing of the instance is left.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/clock.h"
#include "backend/docker/docker.h"

#include <stdio.h>
#include <string.h>

#define IMAGE "kfs/busybox:latest"

/* ---- what all tests share ---- */

static struct orchestrator *engine;

/* Fails with the error's own words. */
static void require(int result, struct error *err)
{
    if (result < 0)
        fail_msg("%s", error_message(err));
}
#define OK(expression)                                \
    do {                                              \
        cleanup(error_free) struct error *err = NULL; \
        require((expression), err);                   \
    } while (0)
#define FAILS(expression, errno_code)                            \
    do {                                                         \
        cleanup(error_free) struct error *err = NULL;            \
        assert_int_equal((expression), -1);                      \
        if (error_code(err) != (errno_code))                     \
            fail_msg("%s: %s", #expression, error_message(err)); \
    } while (0)

static const struct label test_labels[] = {{"dev.kfs.test", "a"}, {"dev.kfs.words", "b \"c\" ü"}};
static const struct labels labels = {.items = test_labels, .count = 2};

struct enclave {
    struct network network;
    char *id;
};

static void enclave_up(struct enclave *enclave, const char *name, const struct service_spec *spec)
{
    const struct network_spec network = {.name = name, .labels = labels};
    OK(engine->network_create(engine, &network, NULL, &enclave->network, &err));
    struct service_spec whole = *spec;
    whole.network_id = enclave->network.id;
    whole.labels = labels;
    whole.image = whole.image ? whole.image : IMAGE;
    whole.init = true;
    OK(engine->service_create(engine, &whole, NULL, &enclave->id, &err));
}

static void enclave_down(struct enclave *enclave)
{
    OK(engine->service_remove(engine, enclave->id, NULL, &err));
    OK(engine->network_remove(engine, enclave->network.id, NULL, &err));
    free(enclave->id);
    network_done(&enclave->network);
}

static char *const sleep_command[] = {(char *)"sleep", (char *)"1000", NULL};

/* The listed service with that id; the listing stays the caller's. */
static const struct service *find_service(const struct orchestrator_listing *listing,
                                          const char *id)
{
    for (size_t i = 0; i < listing->service_count; i++)
        if (strcmp(listing->services[i].id, id) == 0)
            return &listing->services[i];
    return NULL;
}

/* Waits until the service has ended; the engine itself is asked, by its list. */
static int wait_exited(const char *id)
{
    for (;;) {
        cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
        OK(engine->list(engine, NULL, NULL, &listing, &err));
        const struct service *service = find_service(listing, id);
        assert_non_null(service);
        if (service->state == SERVICE_EXITED)
            return service->exit_code;
        cancel_wait(NULL, clock_monotonic() + 20 * CLOCK_MILLISECOND);
    }
}

struct output {
    struct buf text[3]; /* by enum stream */
};
static int output_take(void *context, enum stream stream, const void *bytes, size_t length)
{
    struct output *output = context;
    buf_append(&output->text[stream], bytes, length);
    return 0;
}
static void output_init(struct output *output)
{
    for (int i = 0; i < 3; i++)
        output->text[i] = BUF_INIT(64 << 20);
}
static void output_done(struct output *output)
{
    for (int i = 0; i < 3; i++)
        buf_done(&output->text[i]);
}

/* ---- the engine, networks, volumes ---- */

static void test_info(void **state)
{
    (void)state;
    struct orchestrator_info info;
    OK(engine->info(engine, NULL, &info, &err));
    assert_string_equal(info.kind, "docker");
    assert_true(info.cpus > 0 && info.memory_bytes > 1 << 20);
    assert_non_null(strchr(info.version, '.'));
    orchestrator_info_done(&info);
}

static void test_network_is_idempotent_and_labelled(void **state)
{
    (void)state;
    const struct network_spec spec = {.name = "kfs-test-net", .labels = labels};
    struct network one, two;
    OK(engine->network_create(engine, &spec, NULL, &one, &err));
    OK(engine->network_create(engine, &spec, NULL, &two, &err));
    assert_string_equal(one.id, two.id);
    assert_string_equal(one.subnet, two.subnet);
    assert_string_equal(label_get(two.labels, two.label_count, "dev.kfs.words"), "b \"c\" ü");
    const struct network_spec other = {
        .name = "kfs-test-net",
        .labels = {.items = &(struct label){"dev.kfs.test", "else"}, .count = 1}};
    struct network none;
    FAILS(engine->network_create(engine, &other, NULL, &none, &err), EEXIST);

    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    OK(engine->list(engine, NULL, NULL, &listing, &err));
    assert_int_equal(listing->network_count, 1);
    assert_string_equal(listing->networks[0].gateway, one.gateway);
    OK(engine->network_remove(engine, one.id, NULL, &err));
    OK(engine->network_remove(engine, one.id, NULL, &err));
    network_done(&one);
    network_done(&two);
}

static void test_network_remove_detaches(void **state)
{
    (void)state;
    struct enclave enclave;
    enclave_up(&enclave, "kfs-test-detach",
               &(struct service_spec){.name = "kfs-test-detach", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    OK(engine->network_remove(engine, enclave.network.id, NULL, &err));
    enclave_down(&enclave);
}

static void test_foreign_objects_are_left_alone(void **state)
{
    (void)state;
    const struct docker_options options = {.host = getenv("KFS_TEST_DOCKER_URL"),
                                           .instance = "other"};
    struct orchestrator *other = docker_new(&options, NULL);
    struct enclave enclave;
    enclave_up(&enclave, "kfs-test-foreign",
               &(struct service_spec){.name = "kfs-test-foreign", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    FAILS(other->service_stop(other, enclave.id, 0, NULL, &err), EPERM);
    FAILS(other->service_remove(other, enclave.id, NULL, &err), EPERM);
    FAILS(other->service_rename(other, enclave.id, "stolen", NULL, &err), EPERM);
    FAILS(other->network_remove(other, enclave.network.id, NULL, &err), EPERM);
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    OK(other->list(other, NULL, NULL, &listing, &err));
    assert_int_equal(listing->service_count + listing->network_count, 0);
    other->free(other);
    enclave_down(&enclave);
}

static void test_volumes(void **state)
{
    (void)state;
    OK(engine->volume_create(engine, "kfs-test-volume", labels, NULL, &err));
    OK(engine->volume_create(engine, "kfs-test-volume", labels, NULL, &err));
    const struct labels none = {0};
    OK(engine->volume_create(engine, "kfs-test-volume", none, NULL, &err));
    const struct label different[] = {{"dev.kfs.test", "z"}};
    FAILS(engine->volume_create(engine, "kfs-test-volume",
                                (struct labels){.items = different, .count = 1}, NULL, &err),
          EEXIST);
    OK(engine->volume_remove(engine, "kfs-test-volume", NULL, &err));
    OK(engine->volume_remove(engine, "kfs-test-volume", NULL, &err));
}

/* ---- services ---- */

static void test_service_life(void **state)
{
    (void)state;
    struct enclave enclave;
    const struct published_port ports[] = {
        {.number = 80, .host_address = "127.0.0.1", .host_port = 28080},
        {.number = 53, .transport = TRANSPORT_UDP}};
    char *const env[] = {(char *)"KEY=value", NULL};
    const struct ulimit limits[] = {{"nofile", 512}};
    enclave_up(&enclave, "kfs-test-life",
               &(struct service_spec){.name = "kfs-test-life",
                                      .hostname = "web",
                                      .cmd = sleep_command,
                                      .env = env,
                                      .ports = ports,
                                      .port_count = 2,
                                      .cpu_millis = 500,
                                      .memory_bytes = 64 << 20,
                                      .ulimits = limits,
                                      .ulimit_count = 1,
                                      .shm_bytes = 1 << 20});
    cleanup(orchestrator_listing_free) struct orchestrator_listing *before = NULL;
    OK(engine->list(engine, NULL, NULL, &before, &err));
    assert_int_equal(find_service(before, enclave.id)->state, SERVICE_CREATED);
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    OK(engine->service_start(engine, enclave.id, NULL, &err));

    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    OK(engine->list(engine, NULL, NULL, &listing, &err));
    const struct service *service = find_service(listing, enclave.id);
    assert_non_null(service);
    assert_int_equal(service->state, SERVICE_RUNNING);
    assert_string_equal(service->name, "kfs-test-life");
    assert_string_equal(service->image, IMAGE);
    assert_memory_equal(service->address, enclave.network.subnet, 6);
    assert_string_equal(label_get(service->labels, service->label_count, "dev.kfs.test"), "a");

    OK(engine->service_rename(engine, enclave.id, "kfs-test-renamed", NULL, &err));
    OK(engine->service_stop(engine, enclave.id, 5 * CLOCK_SECOND, NULL, &err));
    OK(engine->service_stop(engine, enclave.id, 5 * CLOCK_SECOND, NULL, &err));
    assert_int_equal(wait_exited(enclave.id), 143);
    enclave_down(&enclave);
    FAILS(engine->service_start(engine, "0123456789abcdef", NULL, &err), ENOENT);
}

static void test_service_refusals(void **state)
{
    (void)state;
    char *id = NULL;
    const struct service_spec missing = {.name = "kfs-test-missing", .image = "kfs/none:1"};
    FAILS(engine->service_create(engine, &missing, NULL, &id, &err), ENOENT);
    const struct service_spec bad_name = {.name = "a b", .image = IMAGE};
    FAILS(engine->service_create(engine, &bad_name, NULL, &id, &err), EINVAL);

    struct enclave one, two;
    const struct published_port port = {
        .number = 80, .host_address = "127.0.0.1", .host_port = 28081};
    enclave_up(
        &one, "kfs-test-port1",
        &(struct service_spec){
            .name = "kfs-test-port1", .cmd = sleep_command, .ports = &port, .port_count = 1});
    enclave_up(
        &two, "kfs-test-port2",
        &(struct service_spec){
            .name = "kfs-test-port2", .cmd = sleep_command, .ports = &port, .port_count = 1});
    OK(engine->service_start(engine, one.id, NULL, &err));
    FAILS(engine->service_start(engine, two.id, NULL, &err), EADDRINUSE);

    char *again = NULL;
    const struct service_spec same = {.name = "kfs-test-port1", .image = IMAGE, .labels = labels};
    OK(engine->service_create(engine, &same, NULL, &again, &err));
    assert_string_equal(again, one.id);
    free(again);
    const struct label different[] = {{"dev.kfs.test", "z"}};
    const struct service_spec taken = {
        .name = "kfs-test-port1", .image = IMAGE, .labels = {.items = different, .count = 1}};
    FAILS(engine->service_create(engine, &taken, NULL, &id, &err), EEXIST);
    enclave_down(&one);
    enclave_down(&two);
}

/* Two services of a network find each other by name and by their fixed address. */
static void test_names_and_addresses(void **state)
{
    (void)state;
    struct enclave enclave;
    enclave_up(
        &enclave, "kfs-test-names",
        &(struct service_spec){.name = "kfs-test-names1", .hostname = "one", .cmd = sleep_command});
    char address[32];
    unsigned a, b, c, d;
    assert_int_equal(sscanf(enclave.network.subnet, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
    snprintf(address, sizeof address, "%u.%u.%u.77", a, b, c);
    const struct service_spec spec = {.name = "kfs-test-names2",
                                      .hostname = "two",
                                      .image = IMAGE,
                                      .cmd = sleep_command,
                                      .network_id = enclave.network.id,
                                      .address = address,
                                      .labels = labels,
                                      .init = true};
    char *id = NULL;
    OK(engine->service_create(engine, &spec, NULL, &id, &err));
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    OK(engine->service_start(engine, id, NULL, &err));
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    OK(engine->list(engine, NULL, NULL, &listing, &err));
    assert_string_equal(find_service(listing, id)->address, address);
    int code = -1;
    char *const ping[] = {(char *)"ping", (char *)"-c1", (char *)"-W2", (char *)"two", NULL};
    const struct exec_spec exec = {.service_id = enclave.id, .argv = ping};
    struct output output;
    output_init(&output);
    OK(engine->exec_run(engine, &exec, output_take, &output, NULL, &code, &err));
    assert_int_equal(code, 0);
    assert_non_null(strstr(output.text[STREAM_STDOUT].data, address));
    output_done(&output);
    OK(engine->service_remove(engine, id, NULL, &err));
    free(id);
    enclave_down(&enclave);
}

/* ---- commands ---- */

static int run_shell(const char *id, const char *script, struct output *output,
                     const struct orchestrator_call *call, struct error **err, int *ret_code)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    char *const env[] = {(char *)"EXTRA=more", NULL};
    const struct exec_spec spec = {.service_id = id, .argv = argv, .env = env};
    return engine->exec_run(engine, &spec, output_take, output, call, ret_code, err);
}

static void test_exec_run(void **state)
{
    (void)state;
    struct enclave enclave;
    struct output output;
    int code;
    enclave_up(&enclave, "kfs-test-exec",
               &(struct service_spec){.name = "kfs-test-exec", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    output_init(&output);
    OK(run_shell(enclave.id, "echo out $EXTRA; echo err >&2; exit 7", &output, NULL, &err, &code));
    assert_int_equal(code, 7);
    assert_string_equal(output.text[STREAM_STDOUT].data, "out more\n");
    assert_string_equal(output.text[STREAM_STDERR].data, "err\n");
    output_done(&output);

    OK(run_shell(enclave.id, "dd if=/dev/zero bs=1M count=32 2>/dev/null", &output, NULL, &err,
                 &code));
    assert_int_equal(output.text[STREAM_STDOUT].length, 32 << 20);
    output_done(&output);

    char *const none[] = {(char *)"no-such-program", NULL};
    OK(engine->exec_run(engine, &(struct exec_spec){.service_id = enclave.id, .argv = none},
                        output_take, &output, NULL, &code, &err));
    assert_int_equal(code, 127);
    output_done(&output);
    enclave_down(&enclave);
}

static void test_exec_deadline_kills(void **state)
{
    (void)state;
    struct enclave enclave;
    struct output output;
    int code;
    enclave_up(&enclave, "kfs-test-kill",
               &(struct service_spec){.name = "kfs-test-kill", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    output_init(&output);
    int64_t start = clock_monotonic();
    const struct orchestrator_call call = {.deadline = start + CLOCK_SECOND};
    FAILS(run_shell(enclave.id, "sleep 777 & sleep 777", &output, &call, &err, &code), ETIMEDOUT);
    assert_true(clock_monotonic() - start < 2 * CLOCK_SECOND);
    OK(run_shell(enclave.id, "ps | grep -c '[s]leep 777'", &output, NULL, &err, &code));
    assert_string_equal(output.text[STREAM_STDOUT].data, "0\n");
    output_done(&output);
    enclave_down(&enclave);
}

/* Reads the conversation to its end. */
static void session_drain(struct exec_session *session, struct output *output)
{
    const struct orchestrator_call call = {.deadline = clock_monotonic() + 10 * CLOCK_SECOND};
    for (;;) {
        char bytes[1000];
        enum stream stream;
        cleanup(error_free) struct error *err = NULL;
        ssize_t got = session->read(session, bytes, sizeof bytes, &stream, &call, &err);
        require((int)got, err);
        if (got == 0)
            return;
        output_take(output, stream, bytes, (size_t)got);
    }
}

static void test_exec_session(void **state)
{
    (void)state;
    struct enclave enclave;
    struct output output;
    int code;
    enclave_up(&enclave, "kfs-test-session",
               &(struct service_spec){.name = "kfs-test-session", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    output_init(&output);
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"echo hi >&2; wc -c; exit 5", NULL};
    const struct exec_spec spec = {.service_id = enclave.id, .argv = argv};
    struct exec_session *session = NULL;
    OK(engine->exec_open(engine, &spec, NULL, &session, &err));
    static char input[300000];
    OK(session->write(session, input, sizeof input, NULL, &err));
    FAILS(session->exit_code(session, &code, &err), EAGAIN);
    OK(session->close_input(session, &err));
    session_drain(session, &output);
    OK(session->exit_code(session, &code, &err));
    assert_int_equal(code, 5);
    assert_string_equal(output.text[STREAM_STDERR].data, "hi\n");
    assert_string_equal(output.text[STREAM_STDOUT].data, "300000\n");
    session->free(session);
    output_done(&output);
    enclave_down(&enclave);
}

static void test_exec_terminal(void **state)
{
    (void)state;
    struct enclave enclave;
    struct output output;
    int code;
    enclave_up(&enclave, "kfs-test-terminal",
               &(struct service_spec){.name = "kfs-test-terminal", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    output_init(&output);
    /* Not an interactive shell: its line editor may lose a ^D that comes between two commands. */
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"read x; stty size; cat", NULL};
    const struct exec_spec spec = {.service_id = enclave.id, .argv = argv, .terminal = true};
    struct exec_session *session = NULL;
    OK(engine->exec_open(engine, &spec, NULL, &session, &err));
    OK(session->resize(session, 33, 77, &err));
    OK(session->write(session, "go\n", 3, NULL, &err));
    OK(session->close_input(session, &err));
    session_drain(session, &output);
    OK(session->exit_code(session, &code, &err));
    assert_int_equal(code, 0);
    assert_non_null(strstr(output.text[STREAM_STDOUT].data, "33 77\r\n"));
    session->free(session);
    output_done(&output);

    /* Hanging up kills. */
    char *const forever[] = {(char *)"sleep", (char *)"778", NULL};
    const struct exec_spec endless = {.service_id = enclave.id, .argv = forever, .terminal = true};
    OK(engine->exec_open(engine, &endless, NULL, &session, &err));
    session->free(session);
    OK(run_shell(enclave.id, "ps | grep -c '[s]leep 778'", &output, NULL, &err, &code));
    assert_string_equal(output.text[STREAM_STDOUT].data, "0\n");
    output_done(&output);
    char *const none[] = {(char *)"/no/such", NULL};
    const struct exec_spec missing = {.service_id = enclave.id, .argv = none};
    OK(engine->exec_open(engine, &missing, NULL, &session, &err));
    session_drain(session, &output);
    OK(session->exit_code(session, &code, &err));
    assert_int_equal(code, 127);
    session->free(session);
    output_done(&output);
    enclave_down(&enclave);
}

/* ---- files ---- */

/* A tar of one file made of `left` zero bytes, or of a text, given in pieces. */
struct tar {
    char head[512];
    size_t head_given, left, padding;
    const char *text; /* what is left of it, NULL: zeros */
};
static void tar_init(struct tar *tar, const char *name, size_t size)
{
    *tar = (struct tar){.left = size, .padding = (512 - size % 512) % 512 + 1024};
    snprintf(tar->head, 100, "%s", name);
    memcpy(tar->head + 100,
           "0000640\0"
           "0000106\0"
           "0000106",
           24);
    snprintf(tar->head + 124, 12, "%011zo", size);
    memcpy(tar->head + 136,
           "14000000000\0"
           "        0",
           21);
    memcpy(tar->head + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof tar->head; i++)
        sum += (unsigned char)tar->head[i];
    snprintf(tar->head + 148, 8, "%06o", sum);
}
static ssize_t tar_give(void *context, void *bytes, size_t size)
{
    struct tar *tar = context;
    if (tar->head_given < sizeof tar->head) {
        size_t part = sizeof tar->head - tar->head_given;
        part = part < size ? part : size;
        memcpy(bytes, tar->head + tar->head_given, part);
        tar->head_given += part;
        return (ssize_t)part;
    }
    size_t *from = tar->left ? &tar->left : &tar->padding;
    size_t part = *from < size ? *from : size;
    memset(bytes, 0, part);
    if (tar->text && from == &tar->left) {
        memcpy(bytes, tar->text, part);
        tar->text += part;
    }
    *from -= part;
    return (ssize_t)part;
}
static int count_bytes(void *context, const void *bytes, size_t length)
{
    (void)bytes;
    *(size_t *)context += length;
    return 0;
}

static void test_archives(void **state)
{
    (void)state;
    struct enclave enclave;
    struct tar tar;
    const struct volume_mount mount = {.volume = "kfs-test-archive", .path = "/data"};
    OK(engine->volume_create(engine, "kfs-test-archive", labels, NULL, &err));
    enclave_up(&enclave, "kfs-test-archive",
               &(struct service_spec){.name = "kfs-test-archive",
                                      .cmd = sleep_command,
                                      .volumes = &mount,
                                      .volume_count = 1});
    tar_init(&tar, "big", 100 << 20);
    OK(engine->archive_put(engine, enclave.id, "/data", tar_give, &tar, NULL, &err));
    size_t got = 0;
    OK(engine->archive_get(engine, enclave.id, "/data/big", count_bytes, &got, NULL, &err));
    assert_true(got > 100 << 20 && got < 101 << 20);
    /* Refused while most of it is still to be sent: the reason must come through all the same. */
    for (int i = 0; i < 5; i++) {
        tar_init(&tar, "big", (size_t)10 << (5 * i));
        FAILS(engine->archive_put(engine, enclave.id, "/none", tar_give, &tar, NULL, &err), ENOENT);
    }
    FAILS(engine->archive_get(engine, enclave.id, "/none", count_bytes, &got, NULL, &err), ENOENT);
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    struct output output;
    int code;
    output_init(&output);
    OK(run_shell(enclave.id, "stat -c '%s %u:%g %a' /data/big", &output, NULL, &err, &code));
    assert_string_equal(output.text[STREAM_STDOUT].data, "104857600 70:70 640\n");
    output_done(&output);
    enclave_down(&enclave);
    OK(engine->volume_remove(engine, "kfs-test-archive", NULL, &err));
}

static void test_local_view(void **state)
{
    (void)state;
    struct enclave enclave;
    struct service_stats stats;
    enclave_up(&enclave, "kfs-test-local",
               &(struct service_spec){
                   .name = "kfs-test-local", .cmd = sleep_command, .memory_bytes = 32 << 20});
    assert_null(engine->service_local_root(engine, enclave.id));
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    char *root = engine->service_local_root(engine, enclave.id);
    assert_int_equal(root != NULL, !getenv("KFS_TEST_REMOTE"));
    char path[128];
    snprintf(path, sizeof path, "%s/bin/busybox", root ? root : "");
    assert_true(!root || access(path, X_OK) == 0);
    free(root);
    int64_t deadline = clock_monotonic() + 30 * CLOCK_SECOND;
    do /* until its shell has started the command */
        OK(engine->service_stats(engine, enclave.id, NULL, &stats, &err));
    while (stats.processes < 2 && clock_monotonic() < deadline);
    assert_int_equal(stats.memory_limit_bytes, 32 << 20);
    assert_true(stats.memory_bytes > 0 && stats.cpu_nanoseconds > 0 && stats.processes >= 2);
    enclave_down(&enclave);
}

/* ---- logs ---- */

struct log_text {
    struct buf text;
    size_t entries, partials, errors;
};
static int log_take(void *context, const struct log_entry *entries, size_t count)
{
    struct log_text *log = context;
    for (size_t i = 0; i < count; i++) {
        buf_append(&log->text, entries[i].text, entries[i].length);
        if (!entries[i].partial)
            buf_putc(&log->text, '\n');
        log->entries++;
        log->partials += entries[i].partial;
        log->errors += entries[i].stream == STREAM_STDERR;
    }
    return 0;
}

static void test_logs(void **state)
{
    (void)state;
    struct enclave enclave;
    char *const command[] = {
        (char *)"sh", (char *)"-c",
        (char *)"echo first; printf '\\303\\274 \"q\" \\\\ \\t|\\n'; echo no >&2;"
                "head -c 40000 /dev/zero | tr '\\0' x; echo; sleep 0.5; echo last; exit 3",
        NULL};
    enclave_up(&enclave, "kfs-test-logs",
               &(struct service_spec){.name = "kfs-test-logs", .cmd = command});
    struct log_position position = {0};
    struct log_text log = {.text = BUF_INIT(1 << 20)};
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    OK(engine->logs_read(engine, enclave.id, &position, true, log_take, &log, NULL, &err));
    assert_int_equal(wait_exited(enclave.id), 3);
    assert_int_equal(log.errors, 1);
    assert_int_equal(log.partials, 2);
    assert_non_null(strstr(log.text.data, "\303\274 \"q\" \\ \t|\n"));
    assert_non_null(strstr(log.text.data, "last\n"));
    size_t entries = log.entries;
    OK(engine->logs_read(engine, enclave.id, &position, false, log_take, &log, NULL, &err));
    assert_int_equal(log.entries, entries);
    position = (struct log_position){0};
    OK(engine->logs_read(engine, enclave.id, &position, false, log_take, &log, NULL, &err));
    assert_int_equal(log.entries, 2 * entries);
    buf_done(&log.text);
    enclave_down(&enclave);
}

/* ---- events ---- */

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count[EVENT_MAX];
    int exit_code;
};
static void seen_take(void *context, const struct orchestrator_event *event)
{
    struct seen *seen = context;
    pthread_mutex_lock(&seen->lock);
    seen->count[event->kind]++;
    if (event->kind == EVENT_SERVICE_EXITED)
        seen->exit_code = event->exit_code;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}
static void seen_wait(struct seen *seen, enum orchestrator_event_kind kind)
{
    struct timespec limit = clock_timespec(clock_now() + 10 * CLOCK_SECOND);
    pthread_mutex_lock(&seen->lock);
    while (seen->count[kind] == 0)
        if (pthread_cond_timedwait(&seen->changed, &seen->lock, &limit) != 0)
            fail_msg("event %d did not come", kind);
    pthread_mutex_unlock(&seen->lock);
}

static void test_events(void **state)
{
    (void)state;
    static struct seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0};
    const struct docker_options options = {.host = getenv("KFS_TEST_DOCKER_URL"),
                                           .instance = "kfs-test"};
    struct orchestrator *watched = docker_new(&options, NULL);
    OK(watched->watch(watched, seen_take, &seen, &err));
    seen_wait(&seen, EVENT_UP);
    struct enclave enclave;
    enclave_up(&enclave, "kfs-test-events",
               &(struct service_spec){.name = "kfs-test-events", .cmd = sleep_command});
    OK(engine->service_start(engine, enclave.id, NULL, &err));
    OK(engine->service_stop(engine, enclave.id, 0, NULL, &err));
    enclave_down(&enclave);
    seen_wait(&seen, EVENT_NETWORK_CREATED);
    seen_wait(&seen, EVENT_NETWORK_REMOVED);
    seen_wait(&seen, EVENT_SERVICE_CREATED);
    seen_wait(&seen, EVENT_SERVICE_STARTED);
    seen_wait(&seen, EVENT_SERVICE_EXITED);
    seen_wait(&seen, EVENT_SERVICE_REMOVED);
    assert_true(seen.exit_code == 137 || seen.exit_code == 143);
    assert_int_equal(seen.count[EVENT_DOWN], 0);
    watched->free(watched);
}

/* What an earlier, failed run may have left. */
static void remove_leftovers(void)
{
    struct orchestrator_listing *listing = NULL;
    OK(engine->list(engine, NULL, NULL, &listing, &err));
    for (size_t i = 0; i < listing->service_count; i++)
        OK(engine->service_remove(engine, listing->services[i].id, NULL, &err));
    for (size_t i = 0; i < listing->network_count; i++)
        OK(engine->network_remove(engine, listing->networks[i].id, NULL, &err));
    for (size_t i = 0; i < listing->volume_count; i++)
        OK(engine->volume_remove(engine, listing->volumes[i].name, NULL, &err));
    orchestrator_listing_free(listing);
}

static void test_nothing_is_left(void **state)
{
    (void)state;
    cleanup(orchestrator_listing_free) struct orchestrator_listing *listing = NULL;
    OK(engine->list(engine, NULL, NULL, &listing, &err));
    assert_int_equal(listing->service_count, 0);
    assert_int_equal(listing->network_count, 0);
    assert_int_equal(listing->volume_count, 0);
}

static void test_image_inspect(void **state)
{
    (void)state;
    struct image_info info;
    OK(engine->image_inspect(engine, IMAGE, NULL, &info, &err));
    assert_memory_equal(info.id, "sha256:", 7);
    assert_true(strlen(info.architecture) > 0);
    image_info_done(&info);
    FAILS(engine->image_inspect(engine, "kfs/none:1", NULL, &info, &err), ENOENT);
}

/* ---- images ---- */

struct build {
    struct tar tar;
    struct buf output;
};
static ssize_t build_give(void *context, void *bytes, size_t size)
{
    return tar_give(&((struct build *)context)->tar, bytes, size);
}
static int build_take(void *context, const void *bytes, size_t length)
{
    buf_append(&((struct build *)context)->output, bytes, length);
    return 0;
}

/* A context whose Dockerfile is ten zero bytes is refused; the refusal comes inside the stream or
 * before it. */
static void test_image_build_refused(void **state)
{
    (void)state;
    struct build build = {.output = BUF_INIT(BUF_MAX_TEXT)};
    tar_init(&build.tar, "Dockerfile", 10);
    const struct image_build_spec spec = {
        .tag = "kfs-test/none:1", .context_archive = build_give, .context = &build};
    cleanup(error_free) struct error *err = NULL;
    assert_int_equal(engine->image_build(engine, &spec, build_take, &build, NULL, &err), -1);
    assert_true(error_code(err) == EINVAL || error_code(err) == EIO);
    buf_done(&build.output);
}

/* With what only BuildKit knows. The image stays: kfs never removes any. */
static void test_image_build(void **state)
{
    (void)state;
    static const char file[] = "FROM " IMAGE "\nARG WHO\n"
                               "RUN --mount=type=cache,target=/c echo hello $WHO > /who && "
                               "echo step of $WHO\n";
    struct build build = {.output = BUF_INIT(BUF_MAX_TEXT)};
    tar_init(&build.tar, "sub.file", sizeof file - 1);
    build.tar.text = file;
    char name[32], step[64];
    snprintf(name, sizeof name, "%lld", (long long)clock_now()); /* so that no step is cached */
    snprintf(step, sizeof step, "step of %s\n", name);
    const struct label who = {"WHO", name};
    const struct image_build_spec spec = {.tag = "kfs-test/built:1",
                                          .build_file = "sub.file",
                                          .arguments = &who,
                                          .argument_count = 1,
                                          .context_archive = build_give,
                                          .context = &build};
    OK(engine->image_build(engine, &spec, build_take, &build, NULL, &err));
    assert_non_null(strstr(build.output.data, step));
    struct image_info info;
    OK(engine->image_inspect(engine, "kfs-test/built:1", NULL, &info, &err));
    image_info_done(&info);
    buf_done(&build.output);
}

static void progress_count(void *context, const struct image_progress *progress)
{
    *(unsigned *)context += progress->status[0] != '\0';
}

/* KFS_TEST_REGISTRY: a registry that the engine reaches and that holds kfs/busybox:latest. */
static void test_image_pull(void **state)
{
    (void)state;
    const char *registry = getenv("KFS_TEST_REGISTRY");
    if (!registry)
        skip();
    char image[256];
    unsigned told = 0;
    struct image_info info;
    snprintf(image, sizeof image, "%s/kfs/busybox:latest", registry);
    OK(engine->image_pull(engine, image, NULL, progress_count, &told, NULL, &err));
    assert_true(told >= 2);
    OK(engine->image_inspect(engine, image, NULL, &info, &err));
    image_info_done(&info);
    snprintf(image, sizeof image, "%s/kfs/none:latest", registry);
    FAILS(engine->image_pull(engine, image, NULL, progress_count, &told, NULL, &err), ENOENT);
}

int main(void)
{
    const char *socket = getenv("KFS_TEST_DOCKER");
    if (!socket)
        return 77;
    char url[256];
    snprintf(url, sizeof url, "%s%s", *socket == '/' ? "unix://" : "", socket);
    setenv("KFS_TEST_DOCKER_URL", url, 1);
    const struct docker_options options = {.host = url, .instance = "kfs-test"};
    engine = docker_new(&options, NULL);
    remove_leftovers();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_image_inspect),
        cmocka_unit_test(test_network_is_idempotent_and_labelled),
        cmocka_unit_test(test_network_remove_detaches),
        cmocka_unit_test(test_foreign_objects_are_left_alone),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_service_life),
        cmocka_unit_test(test_service_refusals),
        cmocka_unit_test(test_names_and_addresses),
        cmocka_unit_test(test_exec_run),
        cmocka_unit_test(test_exec_deadline_kills),
        cmocka_unit_test(test_exec_session),
        cmocka_unit_test(test_exec_terminal),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_local_view),
        cmocka_unit_test(test_image_build_refused),
        cmocka_unit_test(test_image_build),
        cmocka_unit_test(test_image_pull),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_nothing_is_left),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    engine->free(engine);
    return failures;
}
