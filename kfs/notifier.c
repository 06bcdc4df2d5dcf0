/* The queue of changes and the thread that pushes them. */
#define FUSE_USE_VERSION 314
#include "kfs/notifier.h"

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/map.h"
#include "kfs/real_nodes.h"
#include "kfs/row.h"
#include "kfs/watch.h"

#include <fuse3/fuse_lowlevel.h>
#include <stdatomic.h>
#include <string.h>

/* How long a reply may take from here to the kernel's caches, generously: two scheduler rounds of a
 * loaded machine. */
static const int64_t ECHO_DELAY = 50 * CLOCK_MILLISECOND;

/* What changed of one object. */
struct change {
    struct change *next;
    uint64_t key; /* in the idmap */
    enum object_kind kind;
    object_id id;
    unsigned aspects;
};

/* A name that went. */
struct gone {
    struct gone *next;
    uint64_t directory; /* inode number */
    char name[];
};

struct after {
    struct after *next;
    void (*function)(void *context);
    void *context;
};

/* Changes that wait for something, each object once, and names. */
struct batch {
    struct idmap by_object;
    struct change *changes;
    struct gone *gone;
};

struct notifier {
    struct engine *engine;
    struct fuse_session *session;
    struct real_nodes *nodes;
    struct watches *watches;
    atomic_ullong sequence;
    atomic_llong replied; /* monotonic: when the last cacheable reply went out */
    pthread_t thread;

    pthread_mutex_t queue_lock; /* guards all below */
    pthread_cond_t queued;
    pthread_cond_t pushed;
    struct batch batch;
    struct batch echo; /* to be pushed again when echo_due */
    int64_t echo_due;
    struct after *afters, **last_after;
    unsigned pushing; /* threads that are telling attributes */
    bool ending;
};

/* ---- the queue ---- */

static void batch_add(struct batch *batch, enum object_kind kind, object_id id, unsigned aspects)
{
    uint64_t key = id * OBJECT_KIND_MAX + kind + 1;
    struct change *change = idmap_get(&batch->by_object, key);
    if (!change) {
        change = calloc(1, sizeof *change);
        if (!change)
            abort();
        *change = (struct change){.key = key, .kind = kind, .id = id, .next = batch->changes};
        batch->changes = change;
        idmap_set(&batch->by_object, key, change);
    }
    change->aspects |= aspects;
}

static void batch_add_gone(struct batch *batch, uint64_t directory, const char *name)
{
    size_t size = strlen(name) + 1;
    struct gone *gone = malloc(sizeof *gone + size);
    if (!gone)
        abort();
    *gone = (struct gone){.next = batch->gone, .directory = directory};
    memcpy(gone->name, name, size);
    batch->gone = gone;
}

/* Takes the changes out; the names stay. */
static struct change *batch_take_changes(struct batch *batch)
{
    struct change *changes = batch->changes;
    batch->changes = NULL;
    idmap_done(&batch->by_object);
    batch->by_object = (struct idmap){0};
    return changes;
}

static struct gone *batch_take_gone(struct batch *batch)
{
    return steal(&batch->gone);
}

static void batch_done(struct batch *batch)
{
    for (struct change *change = batch_take_changes(batch), *next; change; change = next) {
        next = change->next;
        free(change);
    }
    for (struct gone *gone = batch_take_gone(batch), *next; gone; gone = next) {
        next = gone->next;
        free(gone);
    }
}

static bool batch_empty(const struct batch *batch)
{
    return !batch->changes && !batch->gone;
}

/* The directory that an object of that kind is an entry of, and what of the directory's own object
 * its coming and going changes. */
static const struct home {
    enum directory directory;
    enum object_kind of;
    unsigned aspects;
} homes[OBJECT_KIND_MAX] = {
    [OBJECT_ENCLAVE] = {DIR_ENCLAVES, OBJECT_ENGINE, ASPECT_BIT(ASPECT_ENCLAVES)},
    [OBJECT_SERVICE] = {DIR_SERVICES, OBJECT_ENCLAVE,
                        ASPECT_BIT(ASPECT_SERVICES) | (unsigned)SHOWS_SERVICE_DETAILS},
    [OBJECT_RUN] = {DIR_RUNS, OBJECT_ENCLAVE, ASPECT_BIT(ASPECT_RUNS)},
};

static void queue_change(struct batch *batch, const struct engine_change *change)
{
    const struct home *home = &homes[change->kind];
    if (change->change == CHANGE_MODIFIED) {
        batch_add(batch, change->kind, change->id, change->aspects);
        if (change->kind == OBJECT_SERVICE)
            batch_add(batch, OBJECT_ENCLAVE, change->parent, (unsigned)SHOWS_SERVICE_DETAILS);
        return;
    }
    if (home->directory == DIR_NONE)
        return;
    batch_add(batch, home->of, change->parent, home->aspects);
    if (change->change == CHANGE_RENAMED)
        batch_add(batch, change->kind, change->id, ASPECT_BIT(ASPECT_IDENTITY));
    if (change->change == CHANGE_ADDED)
        return;
    if (change->change == CHANGE_REMOVED)
        batch_add(batch, change->kind, change->id, SHOWS_END);
    uint64_t directory = node_pack(
        (struct node){.row = row_of_directory(home->directory), .object = change->parent});
    batch_add_gone(batch, directory,
                   change->change == CHANGE_RENAMED ? change->old_name : change->name);
}

void notifier_sink(void *context, const struct engine_change *change)
{
    struct notifier *notifier = context;
    with_lock(&notifier->queue_lock);
    notifier->sequence++;
    queue_change(&notifier->batch, change);
    pthread_cond_signal(&notifier->queued);
}

/* Whether what is being taken must be pushed once more later. Under queue_lock. */
static bool echo_wanted(struct notifier *notifier)
{
    int64_t now = clock_monotonic();
    if (now - notifier->replied > ECHO_DELAY)
        return false;
    if (batch_empty(&notifier->echo))
        notifier->echo_due = now + ECHO_DELAY;
    return true;
}

static struct change *take_changes(struct notifier *notifier)
{
    if (!notifier->batch.changes)
        return NULL;
    bool echo = echo_wanted(notifier);
    struct change *changes = batch_take_changes(&notifier->batch);
    for (struct change *change = changes; change && echo; change = change->next)
        batch_add(&notifier->echo, change->kind, change->id, change->aspects);
    return changes;
}

static struct gone *take_gone(struct notifier *notifier)
{
    if (!notifier->batch.gone)
        return NULL;
    bool echo = echo_wanted(notifier);
    struct gone *all = batch_take_gone(&notifier->batch);
    for (struct gone *gone = all; gone && echo; gone = gone->next)
        batch_add_gone(&notifier->echo, gone->directory, gone->name);
    return all;
}

/* ---- pushing ---- */

static void push_attributes(struct notifier *notifier, struct node node)
{
    /* Offset -1: the attributes only. What the kernel does not know it says so of; no matter. */
    fuse_lowlevel_notify_inval_inode(notifier->session, node_pack(node), -1, 0);
}

static void push_ports(struct notifier *notifier, unsigned row, object_id service)
{
    cleanup(service_facts_unref) struct service_facts *facts =
        service_get(notifier->engine, service);
    for (size_t i = 0; facts && i < facts->port_count; i++)
        push_attributes(
            notifier,
            (struct node){.row = row, .object = service, .part = port_part(&facts->ports[i])});
}

/* The engine changed what is below a directory of real files. */
static void push_real_files(struct notifier *notifier, uint64_t top)
{
    cleanup(free) uint64_t *serials = NULL;
    size_t count = real_nodes_of(notifier->nodes, top, &serials);
    for (size_t i = 0; i < count; i++)
        push_attributes(notifier, (struct node){.row = ROW_REAL, .object = serials[i]});
}

static void push_change(struct notifier *notifier, const struct change *change)
{
    for (unsigned row = ROW_NONE + 1; row < tree_row_count; row++) {
        if (row_object(row) != change->kind || !(tree_rows[row].shows & change->aspects))
            continue;
        struct node node = {.row = row, .object = change->id};
        if (tree_rows[row].in == DIR_PORTS)
            push_ports(notifier, row, change->id);
        else
            push_attributes(notifier, node);
        if (tree_rows[row].real)
            push_real_files(notifier, node_pack(node));
    }
    watches_wake(notifier->watches, change->kind, change->id, change->aspects);
}

/* Tells of these changes and frees them. */
static void push_changes(struct notifier *notifier, struct change *changes)
{
    for (struct change *change = changes, *next; change; change = next) {
        next = change->next;
        push_change(notifier, change);
        free(change);
    }
    with_lock(&notifier->queue_lock);
    notifier->pushing--;
    pthread_cond_broadcast(&notifier->pushed);
}

static void push_gone(struct notifier *notifier, struct gone *all)
{
    for (struct gone *gone = all, *next; gone; gone = next) {
        next = gone->next;
        /* Expiring, unlike invalidating, does no harm to another object that has the name by now,
         * or to who is inside. Kernels before 6.2 cannot. */
        if (fuse_lowlevel_notify_expire_entry(notifier->session, gone->directory, gone->name,
                                              strlen(gone->name), FUSE_LL_EXPIRE_ONLY) == -ENOSYS)
            fuse_lowlevel_notify_inval_entry(notifier->session, gone->directory, gone->name,
                                             strlen(gone->name));
        free(gone);
    }
}

void notifier_settle(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->queue_lock);
    struct change *changes = take_changes(notifier);
    if (changes) {
        notifier->pushing++;
        pthread_mutex_unlock(&notifier->queue_lock);
        push_changes(notifier, changes);
        pthread_mutex_lock(&notifier->queue_lock);
    }
    while (notifier->pushing > 0)
        pthread_cond_wait(&notifier->pushed, &notifier->queue_lock);
    pthread_mutex_unlock(&notifier->queue_lock);
}

/* ---- the thread ---- */

void notifier_after(struct notifier *notifier, void (*function)(void *context), void *context)
{
    struct after *after = malloc(sizeof *after);
    if (!after)
        abort();
    *after = (struct after){.function = function, .context = context};
    with_lock(&notifier->queue_lock);
    *notifier->last_after = after;
    notifier->last_after = &after->next;
    pthread_cond_signal(&notifier->queued);
}

static void run_afters(struct after *afters)
{
    for (struct after *after = afters, *next; after; after = next) {
        next = after->next;
        after->function(after->context);
        free(after);
    }
}

/* Waits for work. False when it is time to end. Under queue_lock. */
static bool await_work(struct notifier *notifier)
{
    while (batch_empty(&notifier->batch) && !notifier->afters && !notifier->ending) {
        int64_t due = batch_empty(&notifier->echo) ? INT64_MAX : notifier->echo_due;
        if (clock_monotonic() >= due)
            break;
        clock_condition_wait(&notifier->queued, &notifier->queue_lock, due);
    }
    return !notifier->ending || notifier->afters;
}

/* Pushes once more what is due for it. */
static void push_echo(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->queue_lock);
    struct change *changes = NULL;
    struct gone *gone = NULL;
    if (!batch_empty(&notifier->echo) && clock_monotonic() >= notifier->echo_due) {
        changes = batch_take_changes(&notifier->echo);
        gone = batch_take_gone(&notifier->echo);
    }
    notifier->pushing++;
    pthread_mutex_unlock(&notifier->queue_lock);
    push_changes(notifier, changes);
    push_gone(notifier, gone);
}

/* Pushes all that is queued and runs what waits for that. */
static void notifier_turn(struct notifier *notifier)
{
    pthread_mutex_lock(&notifier->queue_lock);
    struct after *afters = notifier->afters;
    notifier->afters = NULL;
    notifier->last_after = &notifier->afters;
    struct gone *gone = take_gone(notifier);
    pthread_mutex_unlock(&notifier->queue_lock);
    notifier_settle(notifier);
    push_gone(notifier, gone);
    run_afters(afters);
}

static void *notifier_run(void *argument)
{
    struct notifier *notifier = argument;
    for (bool more = true; more;) {
        pthread_mutex_lock(&notifier->queue_lock);
        more = await_work(notifier);
        pthread_mutex_unlock(&notifier->queue_lock);
        notifier_turn(notifier);
        push_echo(notifier);
    }
    return NULL;
}

struct notifier *notifier_new(struct engine *engine, struct fuse_session *session,
                              struct real_nodes *nodes, struct watches *watches)
{
    struct notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier)
        return NULL;
    notifier->engine = engine;
    notifier->session = session;
    notifier->nodes = nodes;
    notifier->watches = watches;
    notifier->last_after = &notifier->afters;
    pthread_mutex_init(&notifier->queue_lock, NULL);
    clock_condition_init(&notifier->queued);
    pthread_cond_init(&notifier->pushed, NULL);
    if (pthread_create(&notifier->thread, NULL, notifier_run, notifier) != 0) {
        free(notifier);
        return NULL;
    }
    return notifier;
}

void notifier_free(struct notifier *notifier)
{
    if (!notifier)
        return;
    pthread_mutex_lock(&notifier->queue_lock);
    notifier->ending = true;
    pthread_cond_signal(&notifier->queued);
    pthread_mutex_unlock(&notifier->queue_lock);
    pthread_join(notifier->thread, NULL);
    batch_done(&notifier->batch);
    batch_done(&notifier->echo);
    pthread_mutex_destroy(&notifier->queue_lock);
    pthread_cond_destroy(&notifier->queued);
    pthread_cond_destroy(&notifier->pushed);
    free(notifier);
}

uint64_t notifier_sequence(const struct notifier *notifier)
{
    return notifier->sequence;
}

bool notifier_cacheable(struct notifier *notifier, uint64_t sequence)
{
    notifier->replied = clock_monotonic();
    return notifier->sequence == sequence;
}
