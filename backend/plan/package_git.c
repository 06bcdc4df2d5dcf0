/* Finding and fetching with git. No shell: every word is an argument of its own. */
#include "backend/plan/package_git.h"

#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/base/program.h"
#include "backend/plan/package_locator.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    ERRORS_MAX = 8192,     /* bytes of git's complaints that are kept */
    LISTING_MAX = 1 << 20, /* bytes of a list of refs; only those asked for are listed */
    WORDS_MAX = 48,        /* of a command line */
    MINUTES_PER_COMMAND = 10
};

/* Options that make a user's configuration harmless here, and a dead connection end. */
static const char *const common_words[] = {"git",
                                           "-c",
                                           "core.hooksPath=/dev/null",
                                           "-c",
                                           "protocol.ext.allow=never",
                                           "-c",
                                           "submodule.recurse=false",
                                           "-c",
                                           "fetch.recurseSubmodules=false",
                                           "-c",
                                           "core.autocrlf=false",
                                           "-c",
                                           "gc.auto=0",
                                           "-c",
                                           "maintenance.auto=false",
                                           "-c",
                                           "http.lowSpeedLimit=1000",
                                           "-c",
                                           "http.lowSpeedTime=30"};

/* ---- one command ---- */

/* Variables that would make git work on another repository than the one named. */
static bool is_harmful(const char *variable)
{
    static const char *const names[] = {"GIT_DIR=",
                                        "GIT_WORK_TREE=",
                                        "GIT_INDEX_FILE=",
                                        "GIT_OBJECT_DIRECTORY=",
                                        "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
                                        "GIT_COMMON_DIR=",
                                        "GIT_NAMESPACE=",
                                        "GIT_SHALLOW_FILE=",
                                        "GIT_PREFIX=",
                                        "GIT_TERMINAL_PROMPT=",
                                        "LC_ALL="};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* This process's environment for git: no prompts, messages in English. Freed by the caller. */
static const char **git_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    const char **variables = calloc(count + 3, sizeof *variables);
    size_t kept = 0;
    for (size_t i = 0; variables && i < count; i++)
        if (!is_harmful(environ[i]))
            variables[kept++] = environ[i];
    if (variables) {
        variables[kept++] = "GIT_TERMINAL_PROMPT=0";
        variables[kept] = "LC_ALL=C";
    }
    return variables;
}

/* What git said last, without "fatal: " and line ends. */
static const char *last_words(struct buf *errors)
{
    while (errors->length > 0 && strchr("\r\n \t", errors->data[errors->length - 1]))
        buf_truncate(errors, errors->length - 1);
    const char *fatal = strstr(errors->data, "fatal: ");
    const char *words = fatal ? fatal + strlen("fatal: ") : errors->data;
    for (char *c = errors->data; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return *words ? words : "it gave no reason";
}

/* The errno for what git said; EIO for what another try may change. */
static int reason_code(const char *words)
{
    static const struct {
        const char *words;
        int code;
    } reasons[] = {
        {"could not read Username", EACCES},
        {"could not read Password", EACCES},
        {"Authentication failed", EACCES},
        {"Permission denied", EACCES},
        {"repository not exported", EACCES},
        {"does not exist", ENOENT},
        {"not found", ENOENT},
        {"does not appear to be a git repository", ENOENT},
        {"dubious ownership", EACCES},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        if (strcasestr(words, reasons[i].words))
            return reasons[i].code;
    return EIO;
}

static int check_status(int status, struct buf *errors, struct error **err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return error_set(err, EIO, "git was killed by signal %d (%s)", WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
    const char *words = last_words(errors);
    return error_set(err, reason_code(words), "%s", words);
}

/* Runs git with the words, which end with NULL. */
static int run(const struct package_git *git, const char *const *words, struct buf *output,
               struct error **err)
{
    const char *argv[WORDS_MAX];
    size_t count = 0;
    for (; count < ARRAY_LENGTH(common_words); count++)
        argv[count] = common_words[count];
    while (*words && count < WORDS_MAX - 1)
        argv[count++] = *words++;
    argv[count] = NULL;
    cleanup(free) const char **environment = git_environment();
    if (!environment || *words)
        return error_set(err, ENOMEM, "git's command line is too long");
    cleanup(buf_done) struct buf errors = BUF_INIT(ERRORS_MAX);
    cleanup(buf_done) struct buf unused = BUF_INIT(ERRORS_MAX);
    int64_t limit = clock_monotonic() + MINUTES_PER_COMMAND * 60 * CLOCK_SECOND;
    struct program_request request = {.argv = argv,
                                      .environment = environment,
                                      .cancel = git->cancel,
                                      .deadline = git->deadline ? git->deadline : limit};
    int status;
    if (program_run(&request, output ? output : &unused, &errors, &status, err) < 0)
        return error_wrap(err, "packages are fetched with git");
    if (output && buf_check(output, err) < 0)
        return -1;
    return check_status(status, &errors, err);
}

/* Whether the error is one that another try may not meet. */
static bool may_pass(const struct error *reason)
{
    return error_code(reason) == EIO;
}

/* Waits before the next try; false if there is to be none. */
static bool pause_before(const struct package_git *git, int tries, const struct error *reason)
{
    if (tries + 1 >= GIT_TRIES || !may_pass(reason))
        return false;
    int64_t until = clock_monotonic() + (git->pause << tries);
    if (git->deadline && until > git->deadline)
        return false;
    return !cancel_wait(git->cancel, until);
}

/* ---- finding ---- */

/* The refs that a version could be, in the order in which they count. */
enum {
    REF_TAG_PEELED, /* the commit that an annotated tag names */
    REF_TAG,
    REF_BRANCH,
    REF_KINDS
};

static const char *const ref_formats[REF_KINDS][2] = {
    [REF_TAG_PEELED] = {"refs/tags/", "^{}"},
    [REF_TAG] = {"refs/tags/", ""},
    [REF_BRANCH] = {"refs/heads/", ""},
};

static char *ref_name(const char *version, int kind)
{
    char *name = NULL;
    if (asprintf(&name, "%s%s%s", ref_formats[kind][0], version, ref_formats[kind][1]) < 0)
        return NULL;
    return name;
}

/* The commit that a listing ("COMMIT\tREF\n"...) gives for ref; false if it is not in it. */
static bool find_in_listing(const char *listing, const char *ref, char commit[GIT_COMMIT_MAX + 1])
{
    size_t length = strlen(ref);
    for (const char *line = listing; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t digits = strcspn(line, "\t\n");
        const char *name = line + digits + 1;
        if (line[digits] != '\t' || digits > GIT_COMMIT_MAX || strncmp(name, ref, length) != 0 ||
            (name[length] != '\n' && name[length] != '\0'))
            continue;
        memcpy(commit, line, digits);
        commit[digits] = '\0';
        return package_version_is_commit(commit);
    }
    return false;
}

static bool find_version(const char *listing, const char *version, struct package_git_version *ret)
{
    for (int kind = 0; kind < REF_KINDS; kind++) {
        cleanup(free) char *name = ref_name(version, kind);
        if (name && find_in_listing(listing, name, ret->commit)) {
            ret->kind = kind == REF_BRANCH ? GIT_BRANCH : GIT_TAG;
            return true;
        }
    }
    if (!package_version_is_commit(version))
        return false;
    snprintf(ret->commit, sizeof ret->commit, "%s", version);
    ret->kind = GIT_COMMIT;
    return true;
}

static int choose(const char *listing, const char *const *versions, struct package_git_version *ret,
                  struct error **err)
{
    if (!versions) {
        ret->kind = GIT_HEAD;
        if (find_in_listing(listing, "HEAD", ret->commit))
            return 0;
        return error_set(err, ENOENT, "the repository is empty");
    }
    for (ret->index = 0; versions[ret->index]; ret->index++)
        if (find_version(listing, versions[ret->index], ret))
            return 0;
    return error_set(err, ENOENT, "it has no tag, branch or commit '%s'", versions[0]);
}

/* The default branch's head; or all branches and tags, because patterns would have to be escaped.
 */
static int list_refs(const struct package_git *git, const char *url, bool versions,
                     struct buf *listing, struct error **err)
{
    const char *const of_head[] = {"ls-remote", "-q", "--", url, "HEAD", NULL};
    const char *const of_all[] = {"ls-remote", "-q", "--heads", "--tags", "--", url, NULL};
    const char *const *words = versions ? of_all : of_head;
    for (int tries = 0;; tries++) {
        cleanup(error_free) struct error *reason = NULL;
        buf_done(listing);
        if (run(git, words, listing, &reason) == 0)
            return 0;
        if (!pause_before(git, tries, reason)) {
            if (cancel_fired(git->cancel))
                return error_set(err, ECANCELED, "git was cancelled");
            return error_move(err, &reason);
        }
    }
}

int package_git_find(const struct package_git *git, const char *url, const char *const *versions,
                     struct package_git_version *ret, struct error **err)
{
    cleanup(buf_done) struct buf listing = BUF_INIT(LISTING_MAX);
    *ret = (struct package_git_version){0};
    if (list_refs(git, url, versions != NULL, &listing, err) < 0)
        return error_wrap(err, "git ls-remote %s", url);
    return choose(listing.data, versions, ret, err) < 0 ? error_wrap(err, "%s", url) : 0;
}

/* ---- fetching ---- */

/* The commit alone; or, from servers that cannot give it so, everything. */
static int fetch_objects(const struct package_git *git, const char *url, const char *commit,
                         const char *directory, struct error **err)
{
    const char *const shallow[] = {"-C", directory, "fetch", "-q",   "--no-tags", "--depth",
                                   "1",  "--",      url,     commit, NULL};
    const char *const full[] = {"-C",
                                directory,
                                "fetch",
                                "-q",
                                "--",
                                url,
                                "+refs/heads/*:refs/kfs/heads/*",
                                "+refs/tags/*:refs/kfs/tags/*",
                                NULL};
    cleanup(error_free) struct error *reason = NULL;
    if (run(git, shallow, NULL, &reason) == 0)
        return 0;
    int code = error_code(reason);
    if (code == ECANCELED || code == ETIMEDOUT || code == EACCES)
        return error_move(err, &reason);
    return run(git, full, NULL, err);
}

static int fetch_once(const struct package_git *git, const char *url, const char *commit,
                      const char *directory, struct error **err)
{
    const char *format = strlen(commit) == 64 ? "--object-format=sha256" : "--object-format=sha1";
    const char *const init[] = {"init", "-q", "--template=", format, "--", directory, NULL};
    const char *const checkout[] = {"-C",       directory, "-c",       "advice.detachedHead=false",
                                    "checkout", "-q",      "--detach", commit,
                                    "--",       NULL};
    if (run(git, init, NULL, err) < 0 || fetch_objects(git, url, commit, directory, err) < 0)
        return -1;
    return run(git, checkout, NULL, err);
}

static int remove_git_directory(const char *directory, struct error **err)
{
    cleanup(close) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_system(err, "cannot open %s", directory);
    return file_remove_tree(fd, ".git", err);
}

int package_git_fetch(const struct package_git *git, const char *url, const char *commit,
                      const char *directory, struct error **err)
{
    for (int tries = 0;; tries++) {
        cleanup(error_free) struct error *reason = NULL;
        if (fetch_once(git, url, commit, directory, &reason) == 0)
            return remove_git_directory(directory, err);
        if (pause_before(git, tries, reason))
            continue;
        if (cancel_fired(git->cancel))
            return error_set(err, ECANCELED, "git was cancelled");
        error_move(err, &reason);
        return error_wrap(err, "git fetch %s %s", url, commit);
    }
}
