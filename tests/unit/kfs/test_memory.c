/*
 * What the daemon keeps in memory for each file that it shows: bytes in use, as malloc counts them,
 * of an engine with many services beyond one with none. (See the bench of the tree for the whole
 * process.)
 */
#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/docker/docker.h"
#include "kfs/row.h"

#include <fcntl.h>
#include <malloc.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum {
    ENCLAVES = 100,
    SERVICES = 10,
    BYTES_MAX = 150
};

static sem_t changed;

static void on_change(void *context, const struct engine_change *change)
{
    (void)context;
    if (change->kind == OBJECT_ENGINE)
        sem_post(&changed);
}

static bool is_up(struct engine *engine)
{
    cleanup(engine_facts_unref) struct engine_facts *facts = engine_get(engine);
    return facts->up;
}

static size_t bytes_in_use(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

/* Bytes in use when an engine knows so many. */
static size_t bytes_with(const char *crowd, const char *state)
{
    const char *instance = "memory";
    setenv("CROWD", crowd, 1);
    struct engine *engine =
        engine_new(&(struct engine_options){.state_dir = state, .instance = instance},
                   docker_new(&(struct docker_options){.instance = instance}, NULL), NULL);
    assert_non_null(engine);
    engine_set_change_sink(engine, on_change, NULL);
    struct timespec until = clock_timespec(clock_now() + 60 * CLOCK_SECOND);
    while (!is_up(engine))
        assert_int_equal(sem_timedwait(&changed, &until), 0);
    /* Its first listing is freed by the time that nothing is pending. */
    int64_t deadline = clock_monotonic() + 60 * CLOCK_SECOND;
    size_t used = bytes_in_use(), before;
    do {
        before = used;
        struct timespec moment = clock_timespec(100 * CLOCK_MILLISECOND);
        nanosleep(&moment, NULL);
        used = bytes_in_use();
    } while (used != before && clock_monotonic() < deadline);
    engine_free(engine);
    return used;
}

static unsigned entries_of(enum directory in)
{
    unsigned count = 0;
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++) {
        const struct row *it = &tree_rows[row];
        if (it->in == in && it->name && !it->about && !it->exists)
            count += 1 + (it->is != DIR_NONE ? entries_of(it->is) : 0);
    }
    return count;
}

static void a_file_costs_few_bytes(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its allocator does not count */
#endif
    char base[] = "/tmp/kfs-test-XXXXXX", few[64], many[64], crowd[32];
    assert_non_null(mkdtemp(base));
    snprintf(few, sizeof few, "%s/few", base);
    snprintf(many, sizeof many, "%s/many", base);
    snprintf(crowd, sizeof crowd, "%d %d", ENCLAVES, SERVICES);
    sem_init(&changed, 0, 0);
    size_t without = bytes_with("0 0", few), with = bytes_with(crowd, many);
    file_remove_tree(AT_FDCWD, base, NULL);
    size_t files = ENCLAVES * (1 + entries_of(DIR_ENCLAVE));
    /* Each service is a directory, and its one port is a file. */
    files += (size_t)ENCLAVES * SERVICES * (2 + entries_of(DIR_SERVICE));
    print_message("%zu bytes for %zu files: %zu each\n", with - without, files,
                  (with - without) / files);
    assert_in_range((with - without) / files, 1, BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_costs_few_bytes)};
    return cmocka_run_group_tests_name("kfs.memory", tests, NULL, NULL);
}
