/*
 * How programs save: each of these gives exactly one run, with the whole text. The programs are the
 * real ones; one that is not installed is left out, and the test says so.
 */
#include "tests/unit/kfs/mounted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct save {
    const char *program; /* NULL: the shell's own */
    const char *command; /* leaves "new 1\nnew 2\n" in app.star; $T holds it as t, and as a and b
                            its lines */
} saves[] = {
    {NULL, "printf 'new 1\\nnew 2\\n' > app.star"},
    {NULL, "printf 'new 1\\nnew 2\\n' | cat > app.star"},
    {NULL, "{ cat $T/a; cat $T/b; } > app.star"},
    {NULL, "( cat $T/a; cat $T/b ) > app.star"},
    {NULL, "rm app.star; cp $T/t app.star"},
    {NULL, ": > app.star; cat $T/t >> app.star"},
    {NULL, "set -C; rm app.star; cat $T/t > app.star"},
    {"dash", "dash -c 'cat $T/a $T/b > app.star'"},
    {"cp", "cp $T/t app.star"},
    {"cp", "cp -a $T/t app.star"},
    {"cp", "cp --remove-destination $T/t app.star"},
    {"mv", "cp $T/t $T/u; mv $T/u app.star"},
    {"mv", "cp $T/t .hidden; mv .hidden app.star"},
    {"install", "install -m 600 $T/t app.star"},
    {"tee", "tee app.star < $T/t > /dev/null"},
    {"dd", "dd if=$T/t of=app.star bs=3 status=none"},
    {"sed", "sed -i -e 's/old/new/' app.star"},
    {"perl", "perl -pi -e 's/old/new/' app.star"},
    {"perl", "perl -e 'open F, \">\", \"app.star\"; print F \"new 1\\nnew 2\\n\"; close F'"},
    {"patch", "diff -u app.star $T/t | patch -s app.star"},
    {"rsync", "rsync -aI $T/t app.star"},
    {"rsync", "rsync -aI --inplace $T/t app.star"},
    {"tar", "cp -p $T/t $T/app.star; tar -C $T -cf - app.star | tar -xf -"},
    {"tar", "cp -p $T/t $T/app.star; tar -C $T -cf - app.star | tar -xf - --overwrite"},
    {"ed", "printf '%%s/old/new/\\nw\\nq\\n' | ed -s app.star"},
    {"ex", "ex -s -c '%s/old/new/' -c wq app.star"},
    {"vim", "vim -es -u NONE -c '%s/old/new/' -c wq app.star < /dev/null"},
    {"vim", "vim -es -u NONE -c 'set backup writebackup backupcopy=no' -c '%s/old/new/' -c wq "
            "app.star < /dev/null"},
    {"emacs", "emacs -Q --batch --eval '(progn (find-file \"app.star\") (while (re-search-forward "
              "\"old\" nil t) "
              "(replace-match \"new\")) (save-buffer))' 2> /dev/null"},
    {"emacs",
     "emacs -Q --batch --eval '(progn (setq file-precious-flag t) (find-file \"app.star\") (while "
     "(re-search-forward \"old\" nil t) (replace-match \"new\")) (save-buffer))' 2> /dev/null"},
    {"python3", "python3 -c 'open(\"app.star\", \"w\").write(open(\"'$T'/t\").read())'"},
    {"python3",
     "python3 -c 'import os; f = open(\"x.tmp\", \"w\"); f.write(\"new 1\\nnew 2\\n\"); f.close(); "
     "os.replace(\"x.tmp\", \"app.star\")'"},
    {"git", "git init -q . && cp $T/t app.star"},
};

static int available(const char *program)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s > /dev/null", program);
    return !program || system(command) == 0;
}

static void prepare(const struct mounted *m)
{
    char command[512];
    setenv("T", m->directory, 1);
    snprintf(command, sizeof command,
             "rm -rf $T/[a-z] $T/app.star; printf 'new 1\\n' > $T/a; printf 'new 2\\n' > $T/b; "
             "cat $T/a $T/b > $T/t; mkdir enclaves/e && printf 'old 1\\nold 2\\n' > "
             "enclaves/e/plan/app.star");
    assert_int_equal(mounted_shell(m, command), 0);
}

static void check(const struct mounted *m, const struct save *save)
{
    char command[2048];
    prepare(m);
    object_id enclave = enclave_find(m->engine, "e");
    assert_int_equal(fake_last_run(m->engine, enclave), 1);
    snprintf(command, sizeof command, "cd enclaves/e/plan && %s", save->command);
    int status = mounted_shell(m, command);
    uint64_t runs = fake_last_run(m->engine, enclave) - 1;
    if (status != 0 || runs != 1)
        fail_msg("%s: exit status %d, %llu runs", save->command, status, (unsigned long long)runs);
    mounted_expect(m, "enclaves/e/runs/last/script", "new 1\nnew 2\n");
    mounted_expect(m, "enclaves/e/plan/app.star", "new 1\nnew 2\n");
    assert_int_equal(mounted_shell(m, "rm -r enclaves/e"), 0);
}

static void each_save_is_one_run(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    for (size_t i = 0; i < ARRAY_LENGTH(saves); i++) {
        if (available(saves[i].program))
            check(m, &saves[i]);
        else
            print_message("not installed: %s\n", saves[i].program);
    }
    mounted_free(m);
}

/* What must not run anything. */
static const char *const quiet[] = {
    "touch app.star",
    "chmod 600 app.star",
    ": > app.star",
    "truncate -s 0 app.star",
    "rm app.star",
    "mv app.star app.star~",
    "cat app.star > /dev/null",
    "sync app.star",
    "sync .",
    "echo x > .hidden.star",
    "echo x > '#app.star#'",
    "echo x > notes.txt",
    "mkdir d && echo x > d/app.star",
    "ln -s app.star link.star",
    "exec 3>> app.star; true",
};

static void nothing_else_runs(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    for (size_t i = 0; i < ARRAY_LENGTH(quiet); i++) {
        char command[512];
        prepare(m);
        object_id enclave = enclave_find(m->engine, "e");
        snprintf(command, sizeof command, "cd enclaves/e/plan && %s", quiet[i]);
        assert_int_equal(mounted_shell(m, command), 0);
        if (fake_last_run(m->engine, enclave) != 1)
            fail_msg("%s ran something", quiet[i]);
        assert_int_equal(mounted_shell(m, "rm -r enclaves/e"), 0);
    }
    mounted_free(m);
}

static void closing_tells_what_does_not_parse(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    prepare(m);
    assert_int_equal(
        mounted_shell(
            m, "echo 'syntax error' > $T/bad; cp $T/bad enclaves/e/plan/app.star 2> /dev/null"),
        1);
    mounted_expect(m, "enclaves/e/error", "app.star:1:1: syntax error\n");
    mounted_expect(m, "enclaves/e/plan/app.star", "syntax error\n");
    mounted_expect(m, "enclaves/e/runs/last/status", "FAILED\n");
    assert_int_equal(fake_last_run(m->engine, enclave_find(m->engine, "e")), 2);
    mounted_free(m);
}

static void large_files_are_refused(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    prepare(m);
    assert_int_equal(
        mounted_shell(
            m, "cd enclaves/e/plan && truncate -s 64M data && ! truncate -s 65M data 2> /dev/null"),
        0);
    assert_int_equal(
        mounted_shell(m,
                      "cd enclaves/e/plan && ! head -c 5000000 /dev/zero > big.star 2> /dev/null"),
        0);
    mounted_free(m);
}

static void files_of_a_plan_are_files(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    prepare(m);
    assert_int_equal(mounted_shell(m, "set -e; cd enclaves/e/plan; mkdir -p p/q; echo 1 > p/q/f; "
                                      "mv p r; [ \"$(cat r/q/f)\" = 1 ]; "
                                      "ln -s q/f r/l; [ \"$(cat r/l)\" = 1 ]; chmod 640 r/q/f; [ "
                                      "$(stat -c %a r/q/f) = 640 ]; "
                                      "touch -d 2001-01-01 r/q/f; [ $(stat -c %Y r/q/f) = "
                                      "978307200 ]; exec 3< r/q/f; rm r/q/f; "
                                      "[ \"$(cat <&3)\" = 1 ]; [ ! -e r/q/f ]; ! rmdir r 2> "
                                      "/dev/null; ! ln r/l h 2> /dev/null; "
                                      "[ \"$(ls -A r)\" = $'l\\nq' ]; ! mkfifo f 2> /dev/null; ln "
                                      "-s / out; [ -d out/ ]; rm -r r; [ ! -e r ]"),
                     0);
    mounted_free(m);
}

/* A configuration is a document: written in any way a file is, it is applied once, whole. */
static const char *const edits[] = {
    "cp $T/c config.json",
    "{ cat $T/c1; cat $T/c2; } > config.json",
    "dd if=$T/c of=config.json bs=7 status=none",
    "sed s/one/two/ config.json > $T/d; cat $T/d > config.json",
    ("python3 -c 'f = open(\"config.json\", \"r+\"); t = f.read(); f.seek(0); "
     "f.write(t.replace(\"one\", \"two\")); f.truncate(); f.close()'"),
};

static void a_configuration_is_applied_once(void **state)
{
    (void)state;
    struct mounted *m = mounted_new();
    for (size_t i = 0; i < ARRAY_LENGTH(edits); i++) {
        char command[1024];
        prepare(m);
        object_id enclave = enclave_find(m->engine, "e");
        fake_service_add(m->engine, enclave, "web");
        snprintf(
            command, sizeof command,
            "cd enclaves/e/services/web && echo '{\"image\": \"one\"}' > config.json && "
            "printf '{\"image\"' > $T/c1; echo ': \"two\"}' > $T/c2; cat $T/c1 $T/c2 > $T/c; %s",
            edits[i]);
        assert_int_equal(mounted_shell(m, command), 0);
        mounted_expect(m, "enclaves/e/services/web/config.json", "{\n  \"image\": \"two\"\n}\n");
        if (fake_last_run(m->engine, enclave) != 3)
            fail_msg("%s: %llu runs", edits[i],
                     (unsigned long long)fake_last_run(m->engine, enclave) - 2);
        assert_int_equal(
            mounted_shell(
                m,
                "cd enclaves/e/services/web; echo no > $T/n; ! cp $T/n config.json 2> /dev/null"),
            0);
        assert_int_equal(mounted_shell(m, "rm -r enclaves/e"), 0);
    }
    mounted_free(m);
}

static int tests(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(each_save_is_one_run),
        cmocka_unit_test(nothing_else_runs),
        cmocka_unit_test(closing_tells_what_does_not_parse),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(files_of_a_plan_are_files),
        cmocka_unit_test(a_configuration_is_applied_once),
    };
    return cmocka_run_group_tests_name("kfs.saves", all, NULL, NULL);
}

int main(void)
{
    return mounted_run(tests);
}
