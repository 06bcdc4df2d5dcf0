/* Looking ahead for containers to make. */
#include "backend/plan/prepare.h"

#include "backend/plan/service.h"

#include <string.h>

enum {
    WINDOW = 64,     /* services looked at ahead of the present instruction */
    THREADS_MAX = 4, /* calls to the engine at a time; the rest is for the plan's own work */
};

enum state {
    NOT_YET,
    IN_WORK,
    SETTLED, /* prepared, failed, or its turn has come */
};

struct entry {
    char *name;
    json_t *config; /* as the plan has it; borrowed */
    size_t index;   /* of its instruction */
    enum state state;
};

struct prepare {
    struct execution *execution;
    struct entry *entries;
    size_t count;
    pthread_t threads[THREADS_MAX];
    unsigned thread_count;

    pthread_mutex_t work_lock; /* guards the entries' states and all below */
    pthread_cond_t work_changed;
    size_t present; /* the instruction that is being done */
    bool news;      /* something may be known that was not when nothing was found */
    bool ended;
};

/* Whether every artifact that it mounts is there. */
static bool artifacts_exist(const struct execution *execution, const json_t *config)
{
    json_t *mounted = plan_mounted(json_object_get(config, "files"));
    json_t *there = json_object_get(execution->enclave, "artifacts");
    const char *name;
    json_t *unused;
    bool exist = true;
    json_object_foreach(mounted, name, unused) exist &= json_object_get(there, name) != NULL;
    json_decref(mounted);
    return exist;
}

/* The configuration, if all of it is known now: a new reference, or NULL. */
static json_t *known_config(const struct prepare *prepare, const struct entry *entry)
{
    if (!artifacts_exist(prepare->execution, entry->config))
        return NULL;
    return service_config_resolve(prepare->execution, entry->config, NULL);
}

/* The next service to prepare, with its configuration; NULL when there is none now. */
static struct entry *take(struct prepare *prepare, json_t **ret_config)
{
    size_t looked = 0;
    for (size_t i = 0; i < prepare->count && looked < WINDOW; i++) {
        struct entry *entry = &prepare->entries[i];
        if (entry->state != NOT_YET || entry->index < prepare->present)
            continue;
        looked++;
        *ret_config = known_config(prepare, entry);
        if (*ret_config) {
            entry->state = IN_WORK;
            return entry;
        }
    }
    return NULL;
}

static struct entry *wait_for_work(struct prepare *prepare, json_t **ret_config)
{
    with_lock(&prepare->work_lock);
    while (!prepare->ended) {
        struct entry *entry = take(prepare, ret_config);
        if (entry)
            return entry;
        prepare->news = false;
        while (!prepare->news && !prepare->ended)
            pthread_cond_wait(&prepare->work_changed, &prepare->work_lock);
    }
    return NULL;
}

static void *work(void *argument)
{
    struct prepare *prepare = argument;
    struct execution *execution = prepare->execution;
    json_t *config;
    struct entry *entry;
    while ((entry = wait_for_work(prepare, &config))) {
        const struct plan_call call = {.cancel = execution->stop};
        execution->effects->service_prepare(execution->context, entry->name, config, &call, NULL);
        json_decref(config);
        with_lock(&prepare->work_lock);
        entry->state = SETTLED;
        pthread_cond_broadcast(&prepare->work_changed);
    }
    return NULL;
}

/* ---- what there is to prepare ---- */

/* A service that is there is replaced, not made; its turn has to come first. */
static bool is_candidate(const struct execution *execution, size_t i, const char *name)
{
    return execution->must[i] &&
           !json_object_get(json_object_get(execution->enclave, "services"), name);
}

static void collect(struct prepare *prepare)
{
    const struct plan *plan = prepare->execution->plan;
    json_t *seen = json_object();
    for (size_t i = 0; i < plan->count; i++) {
        json_t *configs = plan_configs(&plan->items[i]);
        const char *name;
        json_t *config;
        json_object_foreach(configs, name, config)
        {
            if (json_object_get(seen, name) || !is_candidate(prepare->execution, i, name))
                continue;
            json_object_set_new(seen, name, json_true());
            struct entry *grown =
                realloc(prepare->entries, (prepare->count + 1) * sizeof *prepare->entries);
            if (!grown)
                break;
            prepare->entries = grown;
            grown[prepare->count++] =
                (struct entry){.name = strdup(name), .config = config, .index = i};
        }
        json_decref(configs);
    }
    json_decref(seen);
}

struct prepare *prepare_new(struct execution *execution)
{
    if (!execution->effects->service_prepare)
        return NULL;
    struct prepare *prepare = calloc(1, sizeof *prepare);
    if (!prepare)
        return NULL;
    prepare->execution = execution;
    pthread_mutex_init(&prepare->work_lock, NULL);
    pthread_cond_init(&prepare->work_changed, NULL);
    collect(prepare);
    while (prepare->thread_count < THREADS_MAX && prepare->thread_count < prepare->count &&
           prepare->thread_count < execution->parallelism &&
           pthread_create(&prepare->threads[prepare->thread_count], NULL, work, prepare) == 0)
        prepare->thread_count++;
    return prepare;
}

void prepare_free(struct prepare *prepare)
{
    if (!prepare)
        return;
    pthread_mutex_lock(&prepare->work_lock);
    prepare->ended = true;
    pthread_cond_broadcast(&prepare->work_changed);
    pthread_mutex_unlock(&prepare->work_lock);
    for (unsigned i = 0; i < prepare->thread_count; i++)
        pthread_join(prepare->threads[i], NULL);
    for (size_t i = 0; i < prepare->count; i++)
        free(prepare->entries[i].name);
    free(prepare->entries);
    pthread_cond_destroy(&prepare->work_changed);
    pthread_mutex_destroy(&prepare->work_lock);
    free(prepare);
}

void prepare_advance(struct prepare *prepare, size_t index)
{
    if (!prepare)
        return;
    with_lock(&prepare->work_lock);
    if (index > prepare->present)
        prepare->present = index;
    prepare->news = true;
    pthread_cond_broadcast(&prepare->work_changed);
}

void prepare_settle(struct prepare *prepare, const char *service)
{
    if (!prepare)
        return;
    with_lock(&prepare->work_lock);
    for (size_t i = 0; i < prepare->count; i++) {
        struct entry *entry = &prepare->entries[i];
        if (strcmp(entry->name, service) != 0)
            continue;
        while (entry->state == IN_WORK)
            pthread_cond_wait(&prepare->work_changed, &prepare->work_lock);
        entry->state = SETTLED;
    }
}
