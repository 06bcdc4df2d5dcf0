/*
 * A table of text with aligned columns: as wide as its widest cell, three spaces between, nothing
 * after the last. Cells are measured in characters, not bytes.
 */
#ifndef KFS_TABLE_H
#define KFS_TABLE_H

#include "backend/base/buf.h"

enum {
    TABLE_COLUMNS_MAX = 8
};

struct table {
    unsigned columns;
    size_t widths[TABLE_COLUMNS_MAX];
    struct buf cells; /* each closed by '\0', row after row */
};

/* A table with a header of `columns` cells. */
void table_init(struct table *table, unsigned columns, const char *const header[]);
/* One row: a cell for each column. */
void table_add(struct table *table, const char *const cells[]);
/* Lays the table out at the end of out. */
void table_put(const struct table *table, struct buf *out);
void table_done(struct table *table);

static inline void cleanup_table_done(struct table *table)
{
    table_done(table);
}

#endif
