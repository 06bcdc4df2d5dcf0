/* status, ls, inspect, port: what the tree shows, asked for in fewer letters. */
#include "tools/kfs/command.h"

#include "tools/kfs/mounts.h"
#include "tools/kfs/tree.h"

#include <stdio.h>
#include <string.h>

static int exit_status(int result)
{
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Fails while the engine is down, so that a script can ask. */
static int status_of_engine(struct error **err)
{
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    cleanup(free) char *mount = mounts_find(err);
    if (!mount || tree_read(err, &status, "engine", "status", NULL) < 0)
        return EXIT_FAILURE;
    printf("%s: %s\n", mount, status.data);
    return strncmp(status.data, "RUNNING", 7) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_status(int argc, char **argv, struct error **err)
{
    if (argc == 1)
        return status_of_engine(err);
    if (argc == 2)
        return exit_status(tree_print(err, "enclaves", argv[1], "status", NULL));
    return exit_status(tree_print(err, "enclaves", argv[1], "services", argv[2], "status", NULL));
}

int command_inspect(int argc, char **argv, struct error **err)
{
    if (argc == 2)
        return exit_status(tree_print(err, "enclaves", argv[1], "inspect", NULL));
    return exit_status(tree_print(err, "enclaves", argv[1], "services", argv[2], "inspect", NULL));
}

/* A line for the service and one more for each further port. */
static void print_service(const char *name, const char *status, char *ports)
{
    char *line = strsep(&ports, "\n");
    printf("%-24s %-10s %s\n", name, status, line);
    while ((line = strsep(&ports, "\n")))
        printf("%-24s %-10s %s\n", "", "", line);
}

static int list_service(const char *enclave, const char *name, struct error **err)
{
    cleanup(buf_done) struct buf status = BUF_INIT(BUF_MAX_TEXT);
    cleanup(buf_done) struct buf ports = BUF_INIT(BUF_MAX_TEXT);
    if (tree_read(err, &status, "enclaves", enclave, "services", name, "status", NULL) < 0 ||
        tree_read(err, &ports, "enclaves", enclave, "services", name, "ports", NULL) < 0)
        return -1;
    cleanup(free) char *text = buf_steal(&ports, err);
    if (!text)
        return -1;
    status.data[strcspn(status.data, "\n")] = '\0';
    print_service(name, status.data, text);
    return 0;
}

int command_ls(int argc, char **argv, struct error **err)
{
    if (argc == 1)
        return exit_status(tree_print(err, "engine", "enclaves", NULL));
    char **names;
    size_t count;
    if (tree_list(err, &names, &count, "enclaves", argv[1], "services", NULL) < 0)
        return EXIT_FAILURE;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = list_service(argv[1], names[i], err);
    tree_names_free(names, count);
    return exit_status(result);
}

int command_port(int argc, char **argv, struct error **err)
{
    if (argc == 3)
        return exit_status(
            tree_print(err, "enclaves", argv[1], "services", argv[2], "ports", NULL));
    return exit_status(
        tree_print(err, "enclaves", argv[1], "services", argv[2], "port", argv[3], NULL));
}
