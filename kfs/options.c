/* One table of options: what getopt_long needs, what --help says, and what each does. */
#include "kfs/options.h"

#include <getopt.h>
#include <string.h>

static int set_foreground(struct options *options, const char *value, struct error **err)
{
    (void)value, (void)err;
    options->foreground = true;
    return 0;
}

static int parse_number(const char *text, int base, uint64_t max, uint64_t *ret, struct error **err)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, base);
    if (end == text || *end || errno || *text == '-' || number > max)
        return error_set(err, EINVAL, "'%s' is no number that can be meant here", text);
    *ret = number;
    return 0;
}

static int set_mode(struct options *options, const char *value, struct error **err)
{
    uint64_t mode;
    if (parse_number(value, 8, 0777, &mode, err) < 0)
        return -1;
    options->enclave_mode = (mode_t)mode;
    return 0;
}

/* One of the words after -o. */
static int set_mount_option(struct options *options, const char *word, struct error **err)
{
    uint64_t id;
    bool uid = strncmp(word, "uid=", 4) == 0, gid = strncmp(word, "gid=", 4) == 0;
    if (uid || gid) {
        if (parse_number(word + 4, 10, UINT32_MAX - 1, &id, err) < 0)
            return -1;
        *(uid ? &options->uid : &options->gid) = (int64_t)id;
        return 0;
    }
    if (strncmp(word, "mode=", 5) == 0)
        return set_mode(options, word + 5, err);
    buf_printf(&options->fuse, "%s%s", options->fuse.length > 0 ? "," : "", word);
    return 0;
}

static int set_mount_options(struct options *options, const char *value, struct error **err)
{
    cleanup(free) char *words = strdup(value);
    char *position;
    if (!words)
        return error_set(err, ENOMEM, "out of memory");
    for (char *word = strtok_r(words, ",", &position); word; word = strtok_r(NULL, ",", &position))
        if (set_mount_option(options, word, err) < 0)
            return -1;
    return 0;
}

static int set_docker_host(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->docker_host = value;
    return 0;
}

static int set_state_dir(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->state_dir = value;
    return 0;
}

static int set_instance(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->instance = value;
    return 0;
}

static int set_package_mirror(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->package_mirror = value;
    return 0;
}

static int set_subnet_pool(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->subnet_pool = value;
    return 0;
}

static int set_interpreter(struct options *options, const char *value, struct error **err)
{
    (void)err;
    options->interpreter = value;
    return 0;
}

static int set_log_bytes(struct options *options, const char *value, struct error **err)
{
    return parse_number(value, 10, INT64_MAX, &options->log_bytes_max, err);
}

static int set_parallelism(struct options *options, const char *value, struct error **err)
{
    uint64_t number;
    if (parse_number(value, 10, 1024, &number, err) < 0)
        return -1;
    options->parallelism = (unsigned)number;
    return 0;
}

static int set_privilege(struct options *options, const char *value, struct error **err)
{
    static const char *const words[] = {[ENGINE_PRIVILEGE_OWNER] = "owner",
                                        [ENGINE_PRIVILEGE_ALL] = "all",
                                        [ENGINE_PRIVILEGE_NONE] = "none"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            options->privilege = (enum engine_privilege)i;
            return 0;
        }
    }
    return error_set(err, EINVAL, "--privileged takes owner, all or none, not '%s'", value);
}

static int set_no_local_root(struct options *options, const char *value, struct error **err)
{
    (void)value;
    (void)err;
    options->no_local_root = true;
    return 0;
}

static int set_log_level(struct options *options, const char *value, struct error **err)
{
    options->log_level = log_level_parse(value);
    if (options->log_level == LOG_LEVEL_INVALID)
        return error_set(err, EINVAL, "'%s' is no log level: error, warning, info or debug", value);
    return 0;
}

static const struct option_row {
    char letter;
    const char *name;
    const char *value; /* what --help calls it; NULL: it takes none */
    const char *about;
    int (*set)(struct options *options, const char *value, struct error **err);
} rows[] = {
    {'f', "foreground", NULL, "stay in the foreground", set_foreground},
    {'o', NULL, "OPTION[,...]",
     "allow_other; uid=N, gid=N: the owner shown; mode=M: of enclaves; what mount.fuse3 knows",
     set_mount_options},
    {0, "docker-host", "URL", "unix:///path or tcp://host:port; default $DOCKER_HOST",
     set_docker_host},
    {0, "state-dir", "DIR", "where is kept what the engine cannot hold", set_state_dir},
    {0, "instance", "NAME", "what all objects made are labelled with", set_instance},
    {0, "package-mirror", "PLACE", "directory or URL that has github.com/owner/repository",
     set_package_mirror},
    {0, "subnet-pool", "NET[,...]", "where enclaves' networks are taken from", set_subnet_pool},
    {0, "interpreter", "PROGRAM", "what evaluates scripts", set_interpreter},
    {0, "log-bytes", "N", "how much of a service's log is kept", set_log_bytes},
    {0, "parallelism", "N", "containers started at a time by one run", set_parallelism},
    {0, "privileged", "WHO", "who may run with --privileged: owner, all or none", set_privilege},
    {0, "no-local-root", NULL, "have services' files through the engine only", set_no_local_root},
    {0, "log-level", "LEVEL", "error, warning, info or debug", set_log_level},
    {'h', "help", NULL, "print this page", NULL},
    {'V', "version", NULL, "print the version", NULL},
};

void options_put_help(struct buf *out)
{
    buf_puts(out, "usage: kfsd [OPTION]... DIRECTORY\n\n");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        cleanup(buf_done) struct buf left = BUF_INIT(256);
        if (rows[i].letter)
            buf_printf(&left, "-%c", rows[i].letter);
        if (rows[i].name)
            buf_printf(&left, "%s--%s", rows[i].letter ? ", " : "", rows[i].name);
        if (rows[i].value)
            buf_printf(&left, " %s", rows[i].value);
        buf_printf(out, "  %-26s %s\n", left.data, rows[i].about);
    }
}

enum {
    FIRST_LONG = 256 /* above any letter */
};

/* The table as getopt_long wants it. */
static void make_getopt(struct option names[static ARRAY_LENGTH(rows) + 1], struct buf *letters)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].name)
            names[count++] = (struct option){
                .name = rows[i].name, .has_arg = rows[i].value != NULL, .val = FIRST_LONG + (int)i};
        if (rows[i].letter)
            buf_printf(letters, "%c%s", rows[i].letter, rows[i].value ? ":" : "");
    }
    names[count] = (struct option){0};
}

static const struct option_row *row_of(int got)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (got == FIRST_LONG + (int)i || (rows[i].letter && got == rows[i].letter))
            return &rows[i];
    return NULL;
}

static int positional(int argc, char **argv, struct options *options, struct error **err)
{
    if (argc - optind != 1)
        return error_set(err, EINVAL, "%s; see kfsd --help",
                         argc == optind ? "the directory to mount on is missing"
                                        : "only one directory can be mounted on");
    options->mount_point = argv[optind];
    return 0;
}

enum options_verdict options_parse(int argc, char **argv, struct options *ret, struct error **err)
{
    struct option names[ARRAY_LENGTH(rows) + 1];
    cleanup(buf_done) struct buf letters = BUF_INIT(256);
    *ret = (struct options){
        .fuse = BUF_INIT(BUF_MAX_TEXT), .uid = -1, .gid = -1, .log_level = LOG_LEVEL_INFO};
    make_getopt(names, &letters);
    optind = 0;
    opterr = 0;
    for (int got; (got = getopt_long(argc, argv, letters.data, names, NULL)) >= 0;) {
        const struct option_row *row = row_of(got);
        if (!row) {
            error_set(err, EINVAL, "%s is no option, or lacks its value; see kfsd --help",
                      argv[optind - 1]);
            return OPTIONS_BAD;
        }
        if (!row->set)
            return row->letter == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
        if (row->set(ret, optarg, err) < 0)
            return OPTIONS_BAD;
    }
    return positional(argc, argv, ret, err) < 0 ? OPTIONS_BAD : OPTIONS_RUN;
}

void options_done(struct options *options)
{
    buf_done(&options->fuse);
}
