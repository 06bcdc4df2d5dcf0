/* Behind every errno stands a line that says why: paths as a person knows them, and where it is
 * written down. */
#include "kfs/tree_int.h"

#include "backend/base/log.h"
#include "kfs/real_nodes.h"

#include <inttypes.h>

/* The path of the directory or file of a row, with a '/' before each name. */
static void put_view_path(const struct subject *subject, unsigned row, struct buf *out)
{
    const struct row *it = &tree_rows[row];
    if (row == ROW_ROOT)
        return;
    put_view_path(subject, row_of_directory(it->in), out);
    buf_putc(out, '/');
    if (it->name)
        buf_puts(out, it->name);
    else if (it->in == DIR_ENCLAVES)
        buf_puts(out, subject->enclave->name);
    else if (it->in == DIR_SERVICES)
        buf_puts(out, subject->service->name);
    else if (it->in == DIR_RUNS)
        buf_printf(out, "%" PRIu64, subject->run->number);
    else if (it->in == DIR_PORTS)
        buf_puts(out, subject->port->id);
}

/* The enclave that the file is in, 0 if none; its path without the leading '/'. */
static object_id describe(struct tree *tree, uint64_t number, struct buf *out)
{
    struct node node = node_unpack(number);
    struct real_place place = {.path = ""};
    if (node.row == ROW_REAL) {
        if (real_nodes_locate(tree->nodes, number, node.object, &place, NULL) < 0) {
            buf_puts(out, "a removed file");
            return 0;
        }
        node = node_unpack(place.top);
    }
    cleanup(subject_done) struct subject subject = {0};
    if (!row_is_view(node.row) || subject_get(tree, node, &subject) < 0) {
        buf_puts(out, "a removed file");
        return 0;
    }
    cleanup(buf_done) struct buf path = BUF_INIT(2 * PATH_MAX);
    put_view_path(&subject, node.row, &path);
    if (*place.path)
        buf_printf(&path, "/%s", place.path);
    buf_puts(out, path.length > 0 ? path.data + 1 : "");
    return subject.enclave ? subject.enclave->id : 0;
}

static object_id put_path(struct tree *tree, uint64_t number, const char *name, struct buf *out)
{
    object_id enclave = describe(tree, number, out);
    if (name)
        buf_printf(out, "%s%s", out->length > 0 ? "/" : "", name);
    return enclave;
}

void tree_put_path(struct tree *tree, uint64_t number, const char *name, struct buf *out)
{
    put_path(tree, number, name, out);
}

void tree_note(struct tree *tree, const char *operation, uint64_t number, const char *name,
               const struct error *failure)
{
    cleanup(buf_done) struct buf path = BUF_INIT(4 * PATH_MAX);
    object_id enclave = put_path(tree, number, name, &path);
    log_debug("%s %s: %s", operation, path.data, error_message(failure));
    engine_note_failure(tree->engine, enclave, operation, path.data, failure);
}

void tree_refuse(fuse_req_t req, const char *operation, uint64_t number, const char *name,
                 const struct error *failure)
{
    struct tree *tree = tree_of(req);
    tree_note(tree, operation, number, name, failure);
    notifier_settle(tree->notifier);
    fuse_reply_err(req, error_code(failure));
}

void tree_refuse_with(fuse_req_t req, const char *operation, uint64_t number, const char *name,
                      int code, const char *format, ...)
{
    cleanup(error_free) struct error *failure = NULL;
    cleanup(buf_done) struct buf words = BUF_INIT(BUF_MAX_TEXT);
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&words, format, arguments);
    va_end(arguments);
    error_set(&failure, code, "%s", words.data);
    tree_refuse(req, operation, number, name, failure);
}
