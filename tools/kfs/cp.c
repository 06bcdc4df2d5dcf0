/* cp: copies between this machine and an enclave. A place ENCLAVE/SERVICE:PATH is in a service's
 * own file system, ENCLAVE:ARTIFACT is a files artifact; everything else is a path of this machine.
 * The copying is cp(1)'s. */
#include "tools/kfs/command.h"

#include "tools/kfs/tree.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Characters of the names of enclaves and services. */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

struct place {
    char *enclave, *service; /* owned; service NULL: an artifact */
    const char *path;        /* within the word */
};

static void place_done(struct place *place)
{
    free(place->enclave);
    free(place->service);
}
static inline void cleanup_place_done(struct place *place)
{
    place_done(place);
}

/* Whether the word names a place in the tree. */
static bool place_parse(const char *word, struct place *ret)
{
    size_t enclave = strspn(word, NAME_CHARACTERS), service = 0;
    const char *rest = word + enclave;
    *ret = (struct place){.enclave = NULL};
    if (*rest == '/') {
        service = strspn(++rest, NAME_CHARACTERS);
        rest += service;
    }
    if (enclave == 0 || *rest != ':')
        return false;
    ret->enclave = strndup(word, enclave);
    ret->service = service ? strndup(word + enclave + 1, service) : NULL;
    ret->path = rest + 1;
    return true;
}

/* The path to give to cp(1). The caller frees it; NULL on failure. */
static char *path_of(const char *word, struct error **err)
{
    cleanup(place_done) struct place place;
    if (!place_parse(word, &place))
        return strdup(word);
    cleanup(free) char *base =
        place.service
            ? tree_path(err, "enclaves", place.enclave, "services", place.service, "root", NULL)
            : tree_path(err, "enclaves", place.enclave, "files", NULL);
    char *path;
    if (!base || asprintf(&path, "%s/%s", base, place.path) < 0)
        return NULL;
    return path;
}

int command_cp(int argc, char **argv, struct error **err)
{
    cleanup(free) char *from = path_of(argv[1], err), *to = from ? path_of(argv[2], err) : NULL;
    (void)argc;
    if (!from || !to)
        return EXIT_FAILURE;
    execlp("cp", "cp", "-r", "--", from, to, (char *)NULL);
    error_system(err, "cannot run cp");
    return EXIT_FAILURE;
}
