/* What the tests of the engine share: an engine in a state directory of its own over an
 * orchestrator in memory. */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/file.h"
#include "backend/base/log.h"
#include "backend/engine.h"
#include "tests/unit/engine/fake_orchestrator.h"

#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
    char state_dir[64];
    struct fake_world *world;
    struct engine *engine;
};

static inline void start(struct fixture *fixture)
{
    struct engine_options options = {.state_dir = fixture->state_dir,
                                     .instance = "test",
                                     .interpreter = "/bin/false",
                                     .log_bytes_max = 16 << 10};
    struct error *err = NULL;
    fixture->engine = engine_new(&options, fake_orchestrator_new(fixture->world), &err);
    if (!fixture->engine)
        fail_msg("%s", error_message(err));
}

static inline void on_done(void *context, const struct error *err)
{
    (void)err;
    sem_post(context);
}

static inline void wait_quiet(struct engine *engine)
{
    sem_t done;
    sem_init(&done, 0, 0);
    struct engine_waiter *waiter = engine_wait(engine, OBJECT_ENGINE, 0, on_done, &done);
    sem_wait(&done);
    engine_wait_release(waiter);
    sem_destroy(&done);
}

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    log_set_output(-1, -1);
    snprintf(fixture->state_dir, sizeof fixture->state_dir, "/tmp/kfs-engine-test-XXXXXX");
    if (!mkdtemp(fixture->state_dir))
        return -1;
    fixture->world = fake_world_new();
    start(fixture);
    wait_quiet(fixture->engine);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    engine_free(fixture->engine);
    fake_world_free(fixture->world);
    file_remove_tree(AT_FDCWD, fixture->state_dir, NULL);
    free(fixture);
    return 0;
}

static inline void restart(struct fixture *fixture)
{
    engine_free(fixture->engine);
    start(fixture);
    wait_quiet(fixture->engine);
}

static inline object_id create(struct fixture *fixture, const char *name)
{
    object_id id = 0;
    struct error *err = NULL;
    if (enclave_create(fixture->engine, name, 1000, 1000, &id, &err) < 0)
        fail_msg("%s", error_message(err));
    return id;
}

/* A service as a listing shows it, found by an engine that starts. */
static inline void add_service(struct fixture *fixture, const char *container, const char *uuid,
                               const char *name, enum service_state state)
{
    cleanup(enclave_facts_unref) struct enclave_facts *enclave =
        enclave_get(fixture->engine, enclave_find(fixture->engine, "one"));
    struct label labels[] = {
        {"dev.kfs.enclave", enclave->uuid},
        {"dev.kfs.service", uuid},
        {"dev.kfs.service.name", name},
        {"dev.kfs.created", "2026-01-01T00:00:00.000000000Z"},
        {"dev.kfs.address", "10.0.0.2"},
        {"dev.kfs.config", "{\"image\": \"web\", \"ports\": {\"http\": {\"number\": 80}}}"},
        {"dev.kfs.ports", "{\"http\": 20123}"},
    };
    fake_add_service(fixture->world, container, state,
                     (struct labels){labels, ARRAY_LENGTH(labels)});
}

#define ENGINE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
