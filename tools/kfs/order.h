/* What `kfs run` and `kfs plan` are told to run: [OPTION...] LOCATOR [ARGUMENTS], as words. */
#ifndef KFS_TOOLS_ORDER_H
#define KFS_TOOLS_ORDER_H

#include "backend/base/buf.h"

struct order {
    struct buf options;   /* as a run file takes them, each followed by a blank */
    const char *locator;  /* borrowed from the words */
    struct buf arguments; /* those given, else --args, else the content of --args-file's file */
    const char *package_mirror; /* only `kfs plan` can have one; borrowed from the words, or NULL */
};

/* Files that options name are read here, so that they are this machine's and this user's. EINVAL
 * if there is no locator or too much. */
int order_parse(int count, char **words, struct order *ret_order, struct error **err);
void order_done(struct order *order);

static inline void cleanup_order_done(struct order *order)
{
    order_done(order);
}

/* The line for a run file, with `locator` in place of the order's own. */
void order_put_line(const struct order *order, const char *locator, struct buf *out);

#endif
