/* Credentials: names of registries, config.json in its several forms, helper programs, base64. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/file.h"
#include "backend/docker/base64.h"
#include "backend/docker/credentials.h"
#include "tests/unit/docker/helpers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char directory[64];
static struct docker docker = {.config_dir = directory};

static int setup(void **state)
{
    (void)state;
    memcpy(directory, "/tmp/kfs-config-XXXXXX", 23);
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(AT_FDCWD, directory, NULL);
}

static void put_file(const char *name, const char *text, mode_t mode)
{
    cleanup(close) int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OK(file_write(fd, name, text, strlen(text), &err));
    assert_int_equal(fchmodat(fd, name, mode, 0), 0);
}

/* The header's document for the image, NULL if there is no header. */
static char *pull_login(const char *image, const struct image_credentials *given)
{
    static const char name[] = "X-Registry-Auth: ";
    char *header = NULL;
    OK(credentials_for_pull(&docker, image, given, NULL, &header, &err));
    if (!header)
        return NULL;
    struct buf text = BUF_INIT(BUF_MAX_TEXT);
    assert_memory_equal(header, name, sizeof name - 1);
    assert_int_equal(base64_decode(&text, header + sizeof name - 1), 0);
    free(header);
    return buf_steal(&text, NULL);
}

static void expect_login(const char *image, const char *document)
{
    char *login = pull_login(image, NULL);
    if (document)
        assert_string_equal(login, document);
    else
        assert_null(login);
    free(login);
}

static void test_registry_names(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"nginx", REGISTRY_DEFAULT, "docker.io"},
        {"library/nginx:1", REGISTRY_DEFAULT, "docker.io"},
        {"docker.io/library/nginx", "docker.io", "docker.io"},
        {"localhost/a:1", "localhost", "localhost"},
        {"localhost:5000/a/b@sha256:00", "localhost:5000", "localhost:5000"},
        {"ghcr.io/a/b:1", "ghcr.io", "ghcr.io"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char *registry = registry_of_image(rows[i][0]), *key = registry_key(rows[i][1]);
        assert_string_equal(registry, rows[i][1]);
        assert_string_equal(key, rows[i][2]);
        free(registry);
        free(key);
    }
}

static void test_given_credentials_win(void **state)
{
    (void)state;
    const struct image_credentials given = {.registry = "r:1", .username = "u", .password = "p"};
    put_file("config.json", "{\"auths\":{\"r:1\":{\"auth\":\"YTpi\"}}}", 0600);
    char *login = pull_login("r:1/a", &given);
    assert_string_equal(login, "{\"username\":\"u\",\"password\":\"p\",\"serveraddress\":\"r:1\"}");
    free(login);
}

static void test_config_file(void **state)
{
    (void)state;
    expect_login("r:1/a", NULL); /* no file at all */
    put_file("config.json",
             "{\"auths\":{\"https://r:1/v2/\":{\"auth\":\"dXNlcjpwYTpzcw==\"},"
             "\"https://index.docker.io/v1/\":{\"identitytoken\":\"tok\"},"
             "\"plain.io\":{\"username\":\"u\",\"password\":\"p\"},"
             "\"empty.io\":{},\"odd.io\":{\"auth\":\"!!\"}, \"nocolon.io\":{\"auth\":\"YWJj\"}}}",
             0600);
    expect_login("r:1/a",
                 "{\"username\":\"user\",\"password\":\"pa:ss\",\"serveraddress\":\"r:1\"}");
    expect_login("nginx", "{\"identitytoken\":\"tok\",\"serveraddress\":\"" REGISTRY_DEFAULT "\"}");
    expect_login("docker.io/x", "{\"identitytoken\":\"tok\",\"serveraddress\":\"docker.io\"}");
    expect_login("plain.io/x",
                 "{\"username\":\"u\",\"password\":\"p\",\"serveraddress\":\"plain.io\"}");
    expect_login("empty.io/x", NULL);
    expect_login("odd.io/x", NULL);
    expect_login("nocolon.io/x", NULL);
    expect_login("unknown.io/x", NULL);
}

static void test_config_that_is_none(void **state)
{
    (void)state;
    char *header = NULL;
    put_file("config.json", "{\"auths\":", 0600);
    FAILS(credentials_for_pull(&docker, "a", NULL, NULL, &header, &err), EINVAL, "config.json");
}

static void test_helpers(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s:%s", directory, getenv("PATH"));
    setenv("PATH", path, 1);
    put_file("docker-credential-good",
             "#!/bin/sh\n[ \"$1\" = get ] && read r || [ \"$r\" ] || exit 1\n"
             "echo \"{\\\"ServerURL\\\":\\\"$r\\\",\\\"Username\\\":\\\"me\\\","
             "\\\"Secret\\\":\\\"for $r\\\"}\"\n",
             0700);
    put_file("docker-credential-token",
             "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"t\"}'\n", 0700);
    put_file("docker-credential-none", "#!/bin/sh\necho 'not found'; exit 1\n", 0700);
    put_file("docker-credential-odd", "#!/bin/sh\necho hello\n", 0700);
    put_file("config.json",
             "{\"credsStore\":\"good\",\"credHelpers\":{\"token.io\":\"token\","
             "\"none.io\":\"none\",\"odd.io\":\"odd\",\"gone.io\":\"gone\","
             "\"evil.io\":\"../../bin/sh\"},"
             "\"auths\":{\"none.io\":{\"auth\":\"YTpi\"}}}",
             0600);
    expect_login("any.io/x",
                 "{\"username\":\"me\",\"password\":\"for any.io\",\"serveraddress\":\"any.io\"}");
    expect_login("token.io/x", "{\"identitytoken\":\"t\",\"serveraddress\":\"token.io\"}");
    expect_login("none.io/x",
                 "{\"username\":\"a\",\"password\":\"b\",\"serveraddress\":\"none.io\"}");
    expect_login("gone.io/x", NULL);
    char *header = NULL;
    FAILS(credentials_for_pull(&docker, "odd.io/x", NULL, NULL, &header, &err), EACCES,
          "docker-credential-odd");
    FAILS(credentials_for_pull(&docker, "evil.io/x", NULL, NULL, &header, &err), EINVAL,
          "no name of a credential helper");
}

static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *text;
    } rows[] = {{"", 0, ""},        {"f", 1, "Zg=="},          {"fo", 2, "Zm8="},
                {"foo", 3, "Zm9v"}, {"foobar", 6, "Zm9vYmFy"}, {"\xff\xfe\xfb", 3, "__77"}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf text = BUF_INIT(100), back = BUF_INIT(100);
        base64_encode(&text, rows[i].bytes, rows[i].length);
        assert_string_equal(text.data, rows[i].text);
        assert_int_equal(base64_decode(&back, text.data), 0);
        assert_int_equal(back.length, rows[i].length);
        assert_memory_equal(back.data, rows[i].bytes, rows[i].length);
        buf_done(&text);
        buf_done(&back);
    }
    static const char *const bad[] = {"A", "Zm9vA", "Z g=", "Zg==x", "\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct buf out = BUF_INIT(100);
        assert_int_equal(base64_decode(&out, bad[i]), -1);
        buf_done(&out);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_registry_names), CASE(test_given_credentials_win),
        CASE(test_config_file),    CASE(test_config_that_is_none),
        CASE(test_helpers),        CASE(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
