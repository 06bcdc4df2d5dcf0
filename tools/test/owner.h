/*
 * Whose an enclave is: a mark in the enclave's plan/, where dot files never act, says which process
 * of which boot made it. So what a killed `kfs test` left is told from what another one is using.
 */
#ifndef KFS_TOOLS_TEST_OWNER_H
#define KFS_TOOLS_TEST_OWNER_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define OWNER_FILE ".kfs-test" /* in plan/ */

enum {
    ENCLAVE_NAME_MAX = 60 /* characters, as the tree has it */
};

/* "kfs-test-PID-NAME-RANDOM", where NAME is what fits of the test's name. */
void owner_name(const char *test, char out[static ENCLAVE_NAME_MAX + 1]);

/* Puts this process's mark into the enclave at this path. `test` is for people to read. */
int owner_mark(const char *enclave, const char *test, struct error **err);
/* The enclave is its user's from now on. */
void owner_keep(const char *enclave);

/* Whether the enclave at this path was made by a `kfs test` that is no more. One whose maker died
 * before it could put the mark is known by its name, and by having nothing in it. */
bool owner_is_gone(const char *enclave);

/* The names of all such enclaves of the mount, sorted; to be freed with tree_names_free. */
int owner_list_gone(const char *mount, char ***ret_names, size_t *ret_count, struct error **err);

#endif
