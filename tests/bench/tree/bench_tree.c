/*
 * bench_tree SECTION ARGUMENT... - measures mounted trees; run by ./bench, which makes them.
 *
 *     calls SERVICES TMPFS ROUNDS             calls on a directory of services beside tmpfs, procfs
 *     size SMALL PID LARGE PID ROUNDS         a mount with few enclaves and one with many
 *     making MOUNT TMPFS COUNT                mkdir and rmdir of enclaves
 *     followers SERVICE PID COUNT ROUNDS      reading while so many follow
 *     reading WHAT FILE BESIDE ROUNDS         reading of a mount that works, beside one at rest
 *     idle NAME PID SECONDS                   what a daemon does that nobody asks
 *
 * Times of what is compared are taken in turn, round by round; a ratio is the median of the rounds'
 * ratios. Prints rows of a Markdown table; fails if a target is missed.
 */
#include "backend/base/buf.h"
#include "backend/base/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
    ROUNDS_MAX = 1000,
    SAMPLES_MAX = 1 << 16,
    FILES_WARM = 2, /* rounds that are not counted */
    FOLLOWERS_MAX = 1000,
    READING_MS = 200, /* of one round of reading */
    SETTLE_MS = 1500  /* threads that are not needed any more have ended by then */
};

static const char NO_TARGET[] = "";
static bool missed;

static void die(const char *what)
{
    fprintf(stderr, "bench_tree: %s: %s\n", what, strerror(errno));
    exit(2);
}

static long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1) {
        errno = EINVAL;
        die(text);
    }
    return value;
}

/* ---- samples ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The value that `part` of the values are below; sorts them. */
static double quantile(double *values, size_t count, double part)
{
    qsort(values, count, sizeof *values, compare);
    size_t index = (size_t)(part * (double)count);
    return count == 0 ? 0 : values[index < count ? index : count - 1];
}

static double median(double *values, size_t count)
{
    return quantile(values, count, 0.5);
}

static double microseconds(int64_t from)
{
    return (double)(clock_monotonic() - from) / 1e3;
}

static void pause_for(int64_t nanoseconds)
{
    struct timespec time = clock_timespec(nanoseconds);
    nanosleep(&time, NULL);
}

/* ---- the table ---- */

/* One row; met: whether the target is. */
static void put_row(const char *what, const char *kfs, const char *beside, const char *ratio,
                    const char *target, bool met)
{
    printf("| %s | %s | %s | %s | %s%s |\n", what, kfs, beside, ratio, target,
           !*target ? ""
           : met    ? ": met"
                    : ": MISSED");
    missed = missed || !met;
}

/* A row of microseconds; most: the most that the ratio may be, 0: any. */
static void put_compared(const char *what, double kfs, const char *name, double beside,
                         double ratio, double most)
{
    char texts[4][64];
    snprintf(texts[0], sizeof texts[0], "%.2f µs", kfs);
    snprintf(texts[1], sizeof texts[1], "%s %.2f µs", name, beside);
    snprintf(texts[2], sizeof texts[2], "%.2f", ratio);
    snprintf(texts[3], sizeof texts[3], "at most %.1f", most);
    put_row(what, texts[0], texts[1], texts[2], most > 0 ? texts[3] : NO_TARGET,
            most <= 0 || ratio <= most);
}

/* A row of one number; most < 0: it has no target. */
static void put_number(const char *what, double value, const char *unit, double most)
{
    char texts[2][64];
    snprintf(texts[0], sizeof texts[0], "%.*f %s", value < 100 ? 1 : 0, value, unit);
    snprintf(texts[1], sizeof texts[1], "at most %g %s", most, unit);
    put_row(what, texts[0], "", "", most >= 0 ? texts[1] : NO_TARGET, most < 0 || value <= most);
}

/* ---- what ordinary tools do ---- */

/* As cat: open, fstat, read to the end, close. */
static void cat(const char *path)
{
    char bytes[131072];
    struct stat found;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) < 0)
        die(path);
    do
        got = read(fd, bytes, sizeof bytes);
    while (got > 0);
    if (got < 0)
        die(path);
    close(fd);
}

static void look(const char *path)
{
    struct stat found;
    if (stat(path, &found) < 0)
        die(path);
}

/* As `ls`, and with `attributes` as `ls -l`. Entries, without . and .. */
static size_t list(const char *path, bool attributes)
{
    size_t count = 0;
    struct stat found;
    DIR *directory = opendir(path);
    if (!directory)
        die(path);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (*entry->d_name == '.')
            continue;
        count++;
        if (attributes && fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0)
            die(entry->d_name);
    }
    closedir(directory);
    return count;
}

static void list_long(const char *path)
{
    list(path, true);
}

struct path {
    char text[4096];
};

static struct path join(const char *directory, const char *name)
{
    struct path path;
    int length = snprintf(path.text, sizeof path.text, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path.text)
        die(name);
    return path;
}

/* ---- calls ---- */

enum {
    BATCH = 1000 /* calls that take less than the clock's own time are timed together */
};

/* Microseconds of one call: of half of so many at most that. */
static double time_calls(void (*call)(const char *path), const char *path, unsigned calls)
{
    double times[BATCH];
    for (unsigned i = 0; i < calls; i++) {
        int64_t start = clock_monotonic();
        call(path);
        times[i] = microseconds(start);
    }
    return median(times, calls);
}

static double time_batch(void (*call)(const char *path), const char *path, unsigned calls)
{
    int64_t start = clock_monotonic();
    for (unsigned i = 0; i < calls; i++)
        call(path);
    return microseconds(start) / calls;
}

static void compare_calls(const char *what, void (*call)(const char *path), unsigned calls,
                          const char *kfs, const char *name, const char *beside, double most,
                          size_t rounds)
{
    static double times[3][ROUNDS_MAX];
    double (*timed)(void (*)(const char *), const char *, unsigned) =
        calls == BATCH ? time_batch : time_calls;
    for (size_t i = 0; i < rounds + FILES_WARM; i++) {
        double ours = timed(call, kfs, calls), theirs = timed(call, beside, calls);
        if (i < FILES_WARM)
            continue;
        times[0][i - FILES_WARM] = ours;
        times[1][i - FILES_WARM] = theirs;
        times[2][i - FILES_WARM] = ours / theirs;
    }
    put_compared(what, median(times[0], rounds), name, median(times[1], rounds),
                 median(times[2], rounds), most);
}

/* The same names on tmpfs: a directory each, with a status. */
static void mirror(const char *services, const char *tmpfs)
{
    DIR *directory = opendir(services);
    if (!directory)
        die(services);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        const struct path made = join(tmpfs, entry->d_name);
        if (*entry->d_name == '.')
            continue;
        if (mkdir(made.text, 0755) < 0 && errno != EEXIST)
            die(made.text);
        int fd =
            open(join(made.text, "status").text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, "RUNNING\n", 8) != 8)
            die("a file on tmpfs");
        close(fd);
    }
    closedir(directory);
}

static void section_calls(char **arguments)
{
    const char *services = arguments[0], *tmpfs = arguments[1];
    size_t rounds = (size_t)number(arguments[2]);
    mirror(services, tmpfs);
    const struct path our = join(services, "s0/status"), their = join(tmpfs, "s0/status");
    const char *ours = our.text, *theirs = their.text;
    compare_calls("`stat` of a view, warm", look, BATCH, ours, "tmpfs", theirs, 1.3, rounds);
    compare_calls("`ls -l` of 100 services, warm", list_long, 20, services, "tmpfs", tmpfs, 1.5,
                  rounds);
    compare_calls("`cat` of a view, warm", cat, 100, ours, "/proc/self/status", "/proc/self/status",
                  2, rounds);
    compare_calls("the same", cat, 100, ours, "/proc/meminfo", "/proc/meminfo", 0, rounds);
    compare_calls("the same", cat, 100, ours, "tmpfs", theirs, 0, rounds);
}

/* ---- a daemon, seen from outside ---- */

/* A number of /proc/PID/status, 0 if it is not there. */
static uint64_t status_of(const char *pid, const char *key)
{
    char path[64], line[256];
    uint64_t value = 0;
    snprintf(path, sizeof path, "/proc/%s/status", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        die(path);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), ": %" SCNu64, &value);
    fclose(file);
    return value;
}

struct use {
    uint64_t ticks;    /* of CPU time, of 10 ms */
    uint64_t switches; /* times that a thread was waiting and went on */
};

static struct use thread_use(const char *pid, const char *thread)
{
    struct use use = {0};
    char path[300], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%s/task/%s/stat", pid, thread);
    FILE *file = fopen(path, "re");
    uint64_t user = 0, system = 0;
    const char *after = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    if (after)
        sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
               &system);
    if (file)
        fclose(file);
    use.ticks = user + system;
    snprintf(path, sizeof path, "%s/task/%s", pid, thread);
    use.switches = status_of(path, "voluntary_ctxt_switches");
    return use;
}

static struct use use_of(const char *pid)
{
    struct use all = {0};
    DIR *threads = opendir(join(join("/proc", pid).text, "task").text);
    if (!threads)
        die(pid);
    for (const struct dirent *entry; (entry = readdir(threads));) {
        if (*entry->d_name == '.')
            continue;
        struct use one = thread_use(pid, entry->d_name);
        all.ticks += one.ticks;
        all.switches += one.switches;
    }
    closedir(threads);
    return all;
}

static void section_idle(char **arguments)
{
    const char *name = arguments[0], *pid = arguments[1];
    unsigned seconds = (unsigned)number(arguments[2]);
    struct use before = use_of(pid);
    sleep(seconds);
    struct use after = use_of(pid);
    char what[128];
    snprintf(what, sizeof what, "CPU time of kfsd, idle, %s, in %u s", name, seconds);
    put_number(what, (double)(after.ticks - before.ticks) * 10, "ms", 0);
    snprintf(what, sizeof what, "times that it woke, %s, in %u s", name, seconds);
    put_number(what, (double)(after.switches - before.switches), "", -1);
}

/* ---- many ---- */

/* Lists the services of all enclaves. Their number. */
static size_t list_services(const char *mount)
{
    size_t count = 0;
    const struct path enclaves = join(mount, "enclaves");
    DIR *directory = opendir(enclaves.text);
    if (!directory)
        die(enclaves.text);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (*entry->d_name == '.')
            continue;
        count += list(join(join(enclaves.text, entry->d_name).text, "services").text, false);
    }
    closedir(directory);
    return count;
}

/* Files and directories below path. */
static size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    if (!directory)
        die(path);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (entry->d_type == DT_DIR)
            count += count_files(join(path, entry->d_name).text);
    }
    closedir(directory);
    return count;
}

/* Milliseconds that listing takes: the first time, and again. */
static void put_listing(const char *what, const char *mount, size_t (*listing)(const char *mount),
                        size_t rounds)
{
    static double times[ROUNDS_MAX];
    char text[128];
    int64_t start = clock_monotonic();
    size_t count = listing(mount);
    double first = microseconds(start) / 1e3;
    for (size_t i = 0; i < rounds; i++) {
        start = clock_monotonic();
        listing(mount);
        times[i] = microseconds(start) / 1e3;
    }
    snprintf(text, sizeof text, "`ls` of %zu %s, again", count, what);
    put_number(text, median(times, rounds), "ms", 50);
    snprintf(text, sizeof text, "the same, the first time");
    put_number(text, first, "ms", -1);
}

static size_t list_enclaves(const char *mount)
{
    return list(join(mount, "enclaves").text, false);
}

static void section_size(char **arguments)
{
    const char *small = arguments[0], *large = arguments[2], *large_pid = arguments[3];
    size_t rounds = (size_t)number(arguments[4]);
    put_listing("enclaves", large, list_enclaves, rounds);
    put_listing("services", large, list_services, rounds);
    static const char status[] = "enclaves/e0/services/s0/status";
    compare_calls("`cat status` among many services", cat, 100, join(large, status).text,
                  "with one", join(small, status).text, 1.2, rounds);
    size_t files = count_files(large);
    double all = (double)status_of(large_pid, "VmRSS") * 1024;
    double one = (double)status_of(arguments[1], "VmRSS") * 1024;
    char what[128];
    snprintf(what, sizeof what, "memory of kfsd that shows %zu files", files);
    put_number(what, all / (1 << 20), "MiB", 64);
    put_number("each file's share of what it has beyond one with one service",
               (all - one) / (double)files, "bytes", 200);
}

/* ---- making and removing ---- */

static void section_making(char **arguments)
{
    static double times[4][SAMPLES_MAX];
    size_t count = (size_t)number(arguments[2]);
    char path[4096];
    if (count > SAMPLES_MAX)
        die("too many");
    for (size_t i = 0; i < 4 * count; i++) {
        /* mkdir in the tree, on tmpfs, rmdir in the tree, on tmpfs: all of one, then the next */
        size_t which = i / count;
        snprintf(path, sizeof path, "%s%s/bench%zu", arguments[which % 2],
                 which % 2 ? "" : "/enclaves", i % count);
        int64_t start = clock_monotonic();
        if ((which < 2 ? mkdir(path, 0755) : rmdir(path)) < 0)
            die(path);
        times[which][i % count] = microseconds(start);
        if (which == 1 && i % count == count - 1)
            cat(join(arguments[0], "engine/wait").text);
    }
    for (size_t i = 0; i < 4; i += 2) {
        const char *what = i ? "`rmdir` of an enclave" : "`mkdir` of an enclave";
        double ours = median(times[i], count), theirs = median(times[i + 1], count);
        put_compared(what, ours, "tmpfs", theirs, ours / theirs, 0);
        put_number("99 of 100 take at most", quantile(times[i], count, 0.99) / 1e3, "ms", -1);
        put_number("a second", 1e6 / ours, "of them", -1);
    }
}

/* ---- reading beside others ---- */

struct reading {
    double times[SAMPLES_MAX];
    size_t count;
};

static void read_for(struct reading *reading, const char *file, int64_t duration)
{
    int64_t start = clock_monotonic();
    while (clock_monotonic() - start < duration && reading->count < SAMPLES_MAX) {
        int64_t before = clock_monotonic();
        cat(file);
        reading->times[reading->count++] = microseconds(before);
        pause_for(100 * 1000); /* as people do, not as a load */
    }
}

static void put_readings(const char *what, struct reading *reading, const char *name,
                         struct reading *beside)
{
    char text[160];
    snprintf(text, sizeof text, "`cat status` %s, half of them", what);
    double ours = median(reading->times, reading->count);
    double theirs = median(beside->times, beside->count);
    put_compared(text, ours, name, theirs, ours / theirs, 0);
    ours = quantile(reading->times, reading->count, 0.99);
    theirs = quantile(beside->times, beside->count, 0.99);
    put_compared("99 of 100", ours, name, theirs, ours / theirs, 0);
}

/* Reads on until it is ended; counts what comes in *lines. */
static void follow(const char *path, uint64_t *lines)
{
    char bytes[65536];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < got; i++)
            *lines += bytes[i] == '\n';
    _exit(0);
}

static uint64_t sum(const uint64_t *lines, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += lines[i];
    return all;
}

static void start_followers(pid_t *children, uint64_t *lines, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] < 0)
            die("fork");
        if (children[i] == 0)
            follow(path, &lines[i]);
    }
    /* They all follow when each has had a line. */
    for (size_t i = 0; i < count; i++)
        for (uint64_t had = lines[i]; *(volatile uint64_t *)&lines[i] == had;)
            pause_for(CLOCK_MILLISECOND);
}

static void end_followers(const pid_t *children, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        waitpid(children[i], NULL, 0);
}

static void section_followers(char **arguments)
{
    static struct reading with, without;
    static pid_t children[FOLLOWERS_MAX];
    const char *service = arguments[0], *pid = arguments[1];
    const struct path status = join(service, "status");
    size_t count = (size_t)number(arguments[2]), rounds = (size_t)number(arguments[3]);
    if (count > FOLLOWERS_MAX)
        die("too many");
    uint64_t *lines = mmap(NULL, count * sizeof *lines, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t opening = 0, threads = 0, got = 0;
    double seconds = 0;
    for (size_t round = 0; round < rounds; round++) {
        read_for(&without, status.text, READING_MS * CLOCK_MILLISECOND);
        start_followers(children, lines, count, join(service, "follow").text);
        uint64_t have = status_of(pid, "Threads");
        opening = have > opening ? have : opening;
        pause_for(SETTLE_MS * CLOCK_MILLISECOND);
        uint64_t now = sum(lines, count);
        int64_t start = clock_monotonic();
        read_for(&with, status.text, READING_MS * CLOCK_MILLISECOND);
        seconds += microseconds(start) / 1e6;
        got += sum(lines, count) - now;
        have = status_of(pid, "Threads");
        threads = have > threads ? have : threads;
        end_followers(children, count);
    }
    char what[128];
    snprintf(what, sizeof what, "beside %zu that follow", count);
    put_readings(what, &with, "alone", &without);
    snprintf(what, sizeof what, "all threads of kfsd with %zu that follow", count);
    put_number(what, (double)threads, "", 8);
    put_number("and while they open it", (double)opening, "", -1);
    put_number("lines that each of them gets", (double)got / (double)count / seconds, "a second",
               -1);
}

static void section_reading(char **arguments)
{
    static struct reading ours, theirs;
    size_t rounds = (size_t)number(arguments[3]);
    for (size_t round = 0; round < rounds; round++) {
        read_for(&ours, arguments[1], READING_MS * CLOCK_MILLISECOND);
        read_for(&theirs, arguments[2], READING_MS * CLOCK_MILLISECOND);
    }
    put_readings(arguments[0], &ours, "of a kfsd at rest", &theirs);
}

/* ---- logs ---- */

/* Lines of 100 bytes, as Docker writes them to its json-file; it would take minutes for as many. */
static void section_fill(char **arguments)
{
    int64_t lines = (int64_t)number(arguments[1]) * (1 << 20) / 100, now = clock_now();
    cleanup(buf_done) struct buf time = BUF_INIT(64);
    FILE *file = fopen(arguments[0], "ae");
    if (!file)
        die(arguments[0]);
    for (int64_t i = 0; i < lines; i++) {
        buf_truncate(&time, 0);
        clock_put_rfc3339_nano(&time, now + i * 1000);
        fprintf(file, "{\"log\":\"%099" PRId64 "\\n\",\"stream\":\"stdout\",\"time\":\"%s\"}\n", i,
                time.data);
    }
    if (fclose(file) != 0)
        die(arguments[0]);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        int arguments;
        void (*run)(char **arguments);
    } sections[] = {{"calls", 3, section_calls},
                    {"size", 5, section_size},
                    {"making", 3, section_making},
                    {"idle", 3, section_idle},
                    {"followers", 4, section_followers},
                    {"reading", 4, section_reading},
                    {"fill", 2, section_fill}};
    for (size_t i = 0; count > 1 && i < ARRAY_LENGTH(sections); i++) {
        if (strcmp(arguments[1], sections[i].name) == 0 && count == sections[i].arguments + 2) {
            sections[i].run(arguments + 2);
            return missed ? 1 : 0;
        }
    }
    fputs("bench_tree: what is to be measured, and with what, is in bench_tree.c\n", stderr);
    return 2;
}
