/* Packages for tests. */
#include "tests/unit/plan/package_dir.h"

#include "backend/base/file.h"
#include "backend/plan/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void package_dir_make(struct package_dir *dir)
{
    snprintf(dir->path, sizeof dir->path, "/tmp/kfs-test-package-XXXXXX");
    if (!mkdtemp(dir->path))
        abort();
    snprintf(dir->cache, sizeof dir->cache, "%s-cache", dir->path);
    package_dir_write(dir, "kurtosis.yml", "name: github.com/test/package\n");
}

void package_dir_write(const struct package_dir *dir, const char *name, const char *text)
{
    cleanup(close) int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || staging_write(fd, name, text, strlen(text), NULL) < 0)
        abort();
}

void package_dir_remove(const struct package_dir *dir)
{
    file_remove_tree(AT_FDCWD, dir->path, NULL);
    file_remove_tree(AT_FDCWD, dir->cache, NULL);
}

struct plan_request package_dir_request(const struct package_dir *dir, const char *arguments)
{
    return (struct plan_request){
        .interpreter = KFS_INTERPRETER,
        .package = dir->path,
        .package_cache = dir->cache,
        .arguments = arguments,
        .parallelism = 4,
    };
}
