/*
 * Runs: their records on disk and in the model, submitting, cancelling, and which one goes next.
 * What a run does is in run_thread.c.
 *
 * A run's directory runs/N/ holds `run.json` (what was asked and how far it came) and the texts
 * that the tree shows. It is filled under another name and renamed when whole, so a run either
 * exists with everything it needs or not at all.
 */
#include "backend/engine_int.h"

#include "backend/base/file.h"
#include "backend/plan/plan.h"
#include "backend/run_int.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SCRIPT_MAX_BYTES = 16 << 20
};

static const char *const status_names[RUN_STATUS_MAX] = {
    [RUN_PENDING] = "PENDING",       [RUN_INTERPRETING] = "INTERPRETING",
    [RUN_VALIDATING] = "VALIDATING", [RUN_EXECUTING] = "EXECUTING",
    [RUN_SUCCEEDED] = "SUCCEEDED",   [RUN_FAILED] = "FAILED",
    [RUN_CANCELLED] = "CANCELLED",
};

static const char *const file_names[RUN_FILE_MAX] = {
    [RUN_FILE_SCRIPT] = "script", [RUN_FILE_ARGS] = "args",   [RUN_FILE_PLAN] = "plan.json",
    [RUN_FILE_OUTPUT] = "output", [RUN_FILE_ERROR] = "error", [RUN_FILE_RESULT] = "result.json",
};

const char *run_status_name(enum run_status status)
{
    return status_names[status];
}

/* ---- reading ---- */

struct run_facts *run_get(struct engine *engine, object_id id)
{
    with_lock(&engine->model_lock);
    struct run *run = (struct run *)object_get(engine, id, OBJECT_RUN);
    if (!run)
        return NULL;
    __atomic_add_fetch(&run->facts->references, 1, __ATOMIC_RELAXED);
    return run->facts;
}

object_id run_find(struct engine *engine, object_id enclave_id, uint64_t number)
{
    with_lock(&engine->model_lock);
    struct enclave *enclave = (struct enclave *)object_get(engine, enclave_id, OBJECT_ENCLAVE);
    return enclave && number >= 1 && number <= enclave->run_count
               ? enclave->runs[number - 1]->object.id
               : 0;
}

size_t run_list(struct engine *engine, object_id enclave_id, struct run_facts ***ret_list)
{
    with_lock(&engine->model_lock);
    struct enclave *enclave = (struct enclave *)object_get(engine, enclave_id, OBJECT_ENCLAVE);
    size_t count = enclave ? enclave->run_count : 0;
    struct run_facts **list = calloc(count + 1, sizeof *list);
    if (!list)
        abort();
    for (size_t i = 0; i < count; i++) {
        list[i] = enclave->runs[i]->facts;
        __atomic_add_fetch(&list[i]->references, 1, __ATOMIC_RELAXED);
    }
    *ret_list = list;
    return count;
}

void run_path(const struct run *run, struct buf *out, const char *rest)
{
    char name[64];
    snprintf(name, sizeof name, "runs/%llu/%s", (unsigned long long)run->facts->number, rest);
    enclave_path(run->enclave, out, name);
}

int run_open_file(struct engine *engine, object_id id, enum run_file file, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        struct run *run = (struct run *)object_get(engine, id, OBJECT_RUN);
        if (!run)
            return error_set(err, ENOENT, "there is no such run any more");
        run_path(run, &path, file_names[file]);
    }
    int fd = openat(engine->state_fd, path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? error_system(err, "cannot open the run's %s", file_names[file]) : fd;
}

/* ---- the record ---- */

static int write_record(int dir, const char *path, const struct run_facts *facts,
                        const struct run_order *order, struct error **err)
{
    cleanup(json_decref) json_t *record =
        json_pack("{s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:s, s:s*, s:s*}", "status",
                  status_names[facts->status], "submitted", (json_int_t)facts->submitted, "started",
                  (json_int_t)facts->started, "finished", (json_int_t)facts->finished, "uid",
                  (int)facts->uid, "step", (int)facts->step, "steps", (int)facts->steps, "name",
                  order->name, "line", order->line, "package", order->package);
    cleanup(free) char *text = json_dumps(record, JSON_INDENT(2));
    return text ? file_write(dir, path, text, strlen(text), err)
                : error_set(err, ENOMEM, "out of memory");
}

static int run_save(const struct run *run, const struct run_facts *facts, struct error **err)
{
    struct engine *engine = run->enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        run_path(run, &path, "");
    }
    cleanup(close) int dir =
        openat(engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? error_system(err, "cannot open the run's directory")
                   : write_record(dir, "run.json", facts, &run->order, err);
}

/* ---- the model ---- */

void run_order_done(struct run_order *order)
{
    free(order->name);
    free(order->line);
    free(order->package);
}

static struct run *run_add(struct enclave *enclave, struct run_facts *facts,
                           struct run_order *order)
{
    struct run *run = calloc(1, sizeof *run);
    enclave->runs = realloc(enclave->runs, (enclave->run_count + 1) * sizeof *enclave->runs);
    if (!run || !enclave->runs)
        abort();
    run->enclave = enclave;
    run->facts = facts;
    run->order = *order;
    *order = (struct run_order){0};
    facts->id = object_add(enclave->engine, &run->object, OBJECT_RUN);
    facts->enclave = enclave->object.id;
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        facts->changed[aspect] = facts->finished ? facts->finished : facts->submitted;
    enclave->runs[enclave->run_count++] = run;
    if (facts->finished == 0)
        enclave_pending_add(enclave);
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)facts->number);
    change_add(enclave->engine, CHANGE_ADDED, &run->object, enclave->object.id, name, NULL);
    struct enclave_facts *enclave_now = enclave_facts_clone(enclave->facts);
    enclave_now->last_run = facts->number;
    enclave_publish(enclave, enclave_now, ASPECT_BIT(ASPECT_RUNS));
    return run;
}

void run_drop(struct run *run)
{
    struct engine *engine = run->enclave->engine;
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)run->facts->number);
    if (run->facts->finished == 0)
        enclave_pending_done(run->enclave);
    idmap_remove(&engine->objects, run->object.id);
    change_add(engine, CHANGE_REMOVED, &run->object, run->enclave->object.id, name, NULL);
    run_facts_unref(run->facts);
    cancel_unref(run->cancel);
    run_order_done(&run->order);
    free(run);
}

/* What the run is with that status. Under model_lock. */
static struct run_facts *facts_with_status(const struct run *run, enum run_status status,
                                           unsigned step, unsigned steps, int64_t now)
{
    struct run_facts *facts = run_facts_clone(run->facts);
    facts->status = status;
    if (facts->started == 0 && status != RUN_CANCELLED)
        facts->started = now;
    if (status > RUN_EXECUTING) {
        facts->finished = now;
    } else {
        facts->step = step;
        facts->steps = steps;
    }
    return facts;
}

void run_set_status(struct run *run, enum run_status status, unsigned step, unsigned steps)
{
    struct engine *engine = run->enclave->engine;
    cleanup(run_facts_unref) struct run_facts *record = NULL;
    cleanup(error_free) struct error *err = NULL;
    int64_t now = clock_now();
    {
        with_lock(&engine->model_lock);
        /* How far it has come is nothing that a restart could take up. */
        if (run->facts->status != status)
            record = facts_with_status(run, status, step, steps, now);
    }
    /* First, so that what has been shown is still so after kill -9. */
    if (record && run_save(run, record, &err) < 0)
        log_warning("a run's state is not kept: %s", error_message(err));
    with_model(engine);
    run_publish(run, facts_with_status(run, status, step, steps, now),
                ASPECT_BIT(ASPECT_STATUS) |
                    (status > RUN_EXECUTING ? ASPECT_BIT(ASPECT_RESULT) : 0));
}

void run_finish(struct run *run, enum run_status status)
{
    run_set_status(run, status, 0, 0);
}

/* ---- submitting ---- */

static int write_text(int dir, const char *name, const char *text, size_t length,
                      struct error **err)
{
    return file_write(dir, name, text ? text : "", text ? length : 0, err);
}

/* A number that was not used is the next run's, so that there are no gaps. Says why it was not. */
static int number_give_back(struct enclave *enclave, struct error **err)
{
    error_system(err, "cannot record the run");
    with_lock(&enclave->engine->model_lock);
    enclave->next_run--;
    return -1;
}

/* The texts that a run begins with; of one that is refused, all that it will ever have. */
static int write_texts(int dir, const struct run_texts *texts, struct error **err)
{
    cleanup(buf_done) struct buf said = BUF_INIT(BUF_MAX_DOCUMENT);
    if (texts->refusal)
        buf_printf(&said, "%s\n", texts->refusal);
    int result = write_text(dir, "script", texts->script, texts->script_length, err);
    if (result == 0)
        result = write_text(dir, "args", texts->args, texts->args ? strlen(texts->args) : 0, err);
    for (enum run_file file = RUN_FILE_PLAN; result == 0 && file < RUN_FILE_MAX; file++) {
        bool says = file == RUN_FILE_OUTPUT || file == RUN_FILE_ERROR;
        result = write_text(dir, file_names[file], said.data, says ? said.length : 0, err);
    }
    return result;
}

/* Fills a new run's directory and gives it its number. Under no lock; the number is settled by the
 * rename. */
static int make_directory(struct enclave *enclave, struct run_facts *facts,
                          const struct run_order *order, const struct run_texts *texts,
                          struct error **err)
{
    struct engine *engine = enclave->engine;
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    {
        with_lock(&engine->model_lock);
        enclave_path(enclave, &path, "runs");
    }
    char temporary[sizeof FILE_UNFINISHED + UUID_LENGTH] = FILE_UNFINISHED, number[24];
    uuid_new(temporary + strlen(FILE_UNFINISHED));
    cleanup(close) int runs =
        openat(engine->state_fd, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(close) int dir = runs < 0 ? -1 : file_open_dir(runs, temporary, err);
    if (dir < 0)
        return error_system(err, "cannot make the run's directory");
    int result = write_texts(dir, texts, err);
    if (result == 0)
        result = write_record(dir, "run.json", facts, order, err);
    for (bool renamed = false; result == 0 && !renamed;) {
        {
            with_lock(&engine->model_lock);
            facts->number = enclave->next_run++;
        }
        snprintf(number, sizeof number, "%llu", (unsigned long long)facts->number);
        renamed = renameat2(runs, temporary, runs, number, RENAME_NOREPLACE) == 0;
        if (!renamed && errno != EEXIST)
            result = number_give_back(enclave, err);
    }
    if (result < 0)
        file_remove_tree(runs, temporary, NULL);
    return result;
}

int run_submit(struct enclave *enclave, struct run_order *order, const struct run_texts *texts,
               uid_t uid, object_id *ret_run, struct error **err)
{
    struct engine *engine = enclave->engine;
    cleanup(run_facts_unref) struct run_facts *facts = run_facts_new();
    struct cancel *cancel = cancel_new(err);
    if (!cancel)
        return -1;
    facts->submitted = clock_now();
    facts->uid = uid;
    if (texts->refusal) {
        facts->status = RUN_FAILED;
        facts->started = facts->finished = facts->submitted;
    }
    /* Numbers are given in the order of submission: one submission at a time for each enclave. */
    {
        with_lock(&engine->model_lock);
        while (enclave->submitting)
            pthread_cond_wait(&engine->model_changed, &engine->model_lock);
        enclave->submitting = true;
    }
    int result = make_directory(enclave, facts, order, texts, err);
    with_model(engine);
    enclave->submitting = false;
    pthread_cond_broadcast(&engine->model_changed);
    if (result < 0 || enclave->facts->status == ENCLAVE_DESTROYING) {
        cancel_unref(cancel);
        return error_set(err, ENOENT, "there is no such enclave any more");
    }
    struct run *run = run_add(enclave, steal(&facts), order);
    run->cancel = cancel;
    *ret_run = run->object.id;
    runs_schedule(enclave);
    return 0;
}

static int read_plan_file(struct enclave *enclave, const char *name, const char *suffix,
                          struct buf *out, struct error **err)
{
    cleanup(close) int dir = enclave_open_plan(enclave->engine, enclave->object.id, err);
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&path, "%s%s", name, suffix);
    return dir < 0 ? -1 : file_read(dir, path.data, out, err);
}

/* The arguments beside plan/STEM.star: STEM.json, STEM.yaml or STEM.yml; none is fine. */
static void read_arguments(struct enclave *enclave, const char *script, struct buf *out)
{
    static const char *const suffixes[] = {".json", ".yaml", ".yml"};
    cleanup(free) char *stem = strndup(script, strlen(script) - strlen(".star"));
    for (size_t i = 0; stem && i < ARRAY_LENGTH(suffixes); i++)
        if (read_plan_file(enclave, stem, suffixes[i], out, NULL) == 0)
            return;
}

/* The file as it is now becomes a run. */
static int run_file(struct enclave *enclave, const char *name, uid_t uid, object_id *ret_run,
                    struct error **err)
{
    cleanup(buf_done) struct buf script = BUF_INIT(SCRIPT_MAX_BYTES),
                                 arguments = BUF_INIT(SCRIPT_MAX_BYTES);
    if (read_plan_file(enclave, name, "", &script, err) < 0)
        return -1;
    if (script.length == 0)
        return 0;
    cleanup(error_free) struct error *refusal = NULL;
    if (plan_check(enclave->engine->interpreter, name, script.data, script.length, &refusal) < 0 &&
        error_code(refusal) != EINVAL)
        return error_move(err, &refusal);
    read_arguments(enclave, name, &arguments);
    struct run_order order = {0};
    cleanup(buf_done) struct buf shown = BUF_INIT(BUF_MAX_TEXT);
    buf_put_utf8(&shown, name); /* a file's name may be any bytes; the run's is only shown */
    fact_set(&order.name, shown.data);
    int result = run_submit(enclave, &order,
                            &(struct run_texts){.script = script.data,
                                                .script_length = script.length,
                                                .args = arguments.data,
                                                .refusal = refusal ? error_message(refusal) : NULL},
                            uid, ret_run, err);
    run_order_done(&order);
    return result == 0 && refusal ? error_move(err, &refusal) : result;
}

/* When two write the same file, each run has the text at some time after one's close: one at a
 * time, so that the newest run has the text that the file has kept. */
static void saving_begin(struct enclave *enclave)
{
    struct engine *engine = enclave->engine;
    with_lock(&engine->model_lock);
    while (enclave->saving)
        pthread_cond_wait(&engine->model_changed, &engine->model_lock);
    enclave->saving = true;
}

static void saving_end(struct enclave *enclave)
{
    with_lock(&enclave->engine->model_lock);
    enclave->saving = false;
    pthread_cond_broadcast(&enclave->engine->model_changed);
}

int enclave_plan_written(struct engine *engine, object_id id, const char *name, uid_t uid,
                         object_id *ret_run, struct error **err)
{
    *ret_run = 0;
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    if (!enclave)
        return -1;
    saving_begin(enclave);
    int result = run_file(enclave, name, uid, ret_run, err);
    saving_end(enclave);
    return result;
}

/* The file of --args-file, a name below plan/. */
static int read_arguments_file(struct enclave *enclave, const char *name, struct buf *out,
                               struct error **err)
{
    if (strncmp(name, "./", 2) == 0)
        name += 2;
    if (name[0] == '/' || strncmp(name, "../", 3) == 0 || strstr(name, "/../"))
        return error_set(err, EINVAL, "'%s' is not a file of plan/", name);
    return read_plan_file(enclave, name, "", out, err);
}

/* --privileged makes of who may write `run` one who may do anything on the machine. */
static int check_privilege(const struct engine *engine, uid_t uid, struct error **err)
{
    if (engine->privilege == ENGINE_PRIVILEGE_NONE)
        return error_set(err, EPERM, "--privileged is switched off (kfsd --privileged)");
    if (engine->privilege == ENGINE_PRIVILEGE_OWNER && uid != 0 && uid != geteuid())
        return error_set(err, EACCES,
                         "--privileged gives containers power over the machine, and is allowed to "
                         "root and the user of kfsd only (kfsd --privileged)");
    return 0;
}

int enclave_run(struct engine *engine, object_id id, const char *line, uid_t uid,
                object_id *ret_run, struct error **err)
{
    cleanup(enclave_unref) struct enclave *enclave = enclave_hold(engine, id, err);
    cleanup(free) char *storage = NULL;
    struct plan_request request = {0};
    if (!enclave)
        return -1;
    if (!text_is_utf8(line))
        return error_set(err, EINVAL, "the line is not UTF-8");
    if (plan_parse_run_line(line, &request, &storage, err) < 0)
        return -1;
    if (request.privileged && check_privilege(engine, uid, err) < 0)
        return -1;
    const char *locator = request.package;
    bool local = strncmp(locator, "./", 2) == 0;
    if (!local && strncmp(locator, "github.com/", 11) != 0)
        return error_set(err, EINVAL,
                         "'%s' is no locator: use ./DIRECTORY or ./FILE.star of plan/, or "
                         "github.com/OWNER/REPOSITORY",
                         locator);
    if (local && strstr(locator, "/../"))
        return error_set(err, EINVAL, "'%s' leaves plan/", locator);
    cleanup(buf_done) struct buf arguments = BUF_INIT(SCRIPT_MAX_BYTES);
    if (request.arguments_file && !*request.arguments) {
        if (read_arguments_file(enclave, request.arguments_file, &arguments, err) < 0)
            return -1;
        request.arguments = arguments.data;
    }
    struct run_order order = {0};
    fact_set(&order.name, locator + (local ? 2 : 0));
    fact_set(&order.line, line);
    fact_set(&order.package, locator);
    cleanup(buf_done) struct buf script = BUF_INIT(SCRIPT_MAX_BYTES);
    size_t length = strlen(locator);
    if (local && length > 5 && strcmp(locator + length - 5, ".star") == 0) {
        fact_set(&order.package, NULL); /* a single script, with arguments */
        if (read_plan_file(enclave, order.name, "", &script, err) < 0 ||
            plan_check(engine->interpreter, order.name, script.data, script.length, err) < 0) {
            run_order_done(&order);
            return -1;
        }
    }
    int result = run_submit(
        enclave, &order,
        &(struct run_texts){.script = script.length ? script.data : line,
                            .script_length = script.length ? script.length : strlen(line),
                            .args = request.arguments},
        uid, ret_run, err);
    run_order_done(&order);
    return result;
}

int run_cancel(struct engine *engine, object_id id, struct error **err)
{
    struct run *run;
    with_model(engine);
    run = (struct run *)object_get(engine, id, OBJECT_RUN);
    if (!run)
        return error_set(err, ENOENT, "there is no such run any more");
    if (run->facts->finished)
        return error_set(err, EINVAL, "run %llu is %s already",
                         (unsigned long long)run->facts->number,
                         run_status_name(run->facts->status));
    cancel_fire(run->cancel);
    runs_schedule(run->enclave);
    return 0;
}

/* ---- loading ---- */

static enum run_status status_parse(const char *name)
{
    for (int status = 0; status < RUN_STATUS_MAX; status++)
        if (strcmp(status_names[status], name) == 0)
            return status;
    return RUN_FAILED;
}

static struct run_facts *record_load(int runs, const char *number, struct run_order *order)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT), text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&path, "%s/run.json", number);
    if (file_read(runs, path.data, &text, NULL) < 0)
        return NULL;
    const char *status, *name, *line = NULL, *package = NULL;
    json_int_t submitted, started, finished;
    int uid, step, steps;
    cleanup(json_decref) json_t *record = json_loads(text.data, 0, NULL);
    if (json_unpack(record, "{s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:s, s?:s, s?:s}", "status",
                    &status, "submitted", &submitted, "started", &started, "finished", &finished,
                    "uid", &uid, "step", &step, "steps", &steps, "name", &name, "line", &line,
                    "package", &package))
        return NULL;
    struct run_facts *facts = run_facts_new();
    facts->number = strtoull(number, NULL, 10);
    facts->status = status_parse(status);
    facts->submitted = submitted;
    facts->started = started;
    facts->finished = finished;
    facts->uid = (uid_t)uid;
    facts->step = (unsigned)step;
    facts->steps = (unsigned)steps;
    fact_set(&order->name, name);
    fact_set(&order->line, line);
    fact_set(&order->package, package);
    return facts;
}

/* A run that had begun to act cannot be taken up: what it did is not known. It says so. One that
 * had not begins anew. */
static void settle_interrupted(int runs, const char *number, struct run_facts *facts,
                               const struct run_order *order)
{
    static const char text[] =
        "The run was interrupted: kfsd ended while it was executing. What it had done until "
        "then is still there; write the script again to go on.\n";
    cleanup(close) int dir = openat(runs, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (facts->finished || dir < 0)
        return;
    file_sweep(dir, ".");
    if (facts->status == RUN_EXECUTING) {
        facts->status = RUN_FAILED;
        facts->finished = clock_now();
        file_write(dir, "error", text, strlen(text), NULL);
    } else {
        facts->status = RUN_PENDING;
        facts->started = 0;
        file_write(dir, "output", "", 0, NULL);
    }
    write_record(dir, "run.json", facts, order, NULL);
}

static int run_load(struct enclave *enclave, int runs, const char *number, struct error **err)
{
    struct run_order order = {0};
    struct run_facts *facts = record_load(runs, number, &order);
    if (!facts) {
        log_warning("the record of run %s of enclave '%s' is damaged", number,
                    enclave->facts->name);
        facts = run_facts_new();
        facts->number = strtoull(number, NULL, 10);
        facts->status = RUN_FAILED;
        facts->submitted = facts->started = facts->finished = enclave->facts->created;
        fact_set(&order.name, "");
    }
    bool interrupted = facts->status == RUN_EXECUTING && !facts->finished;
    settle_interrupted(runs, number, facts, &order);
    struct run *run = run_add(enclave, facts, &order);
    run->cancel = cancel_new(err);
    enclave->next_run = facts->number + 1;
    if (!facts->finished || interrupted)
        engine_expect_strays(enclave->engine);
    if (interrupted) {
        struct enclave_facts *enclave_now = enclave_facts_clone(enclave->facts);
        fact_set(&enclave_now->error,
                 "the last run was interrupted: kfsd ended while it was executing");
        enclave_publish(enclave, enclave_now, ASPECT_BIT(ASPECT_ERROR));
    }
    return run->cancel ? 0 : -1;
}

int run_load_all(struct enclave *enclave, struct error **err)
{
    cleanup(buf_done) struct buf path = BUF_INIT(BUF_MAX_TEXT);
    enclave_path(enclave, &path, "runs");
    cleanup(close) int runs = file_open_dir(enclave->engine->state_fd, path.data, err);
    if (runs < 0)
        return -1;
    file_sweep(runs, ".");
    char number[24];
    for (uint64_t i = 1;;
         i++) { /* numbers have no gaps: each was given with a rename that succeeded */
        snprintf(number, sizeof number, "%llu", (unsigned long long)i);
        if (faccessat(runs, number, F_OK, 0) < 0)
            return 0;
        if (run_load(enclave, runs, number, err) < 0)
            return -1;
    }
}
