/* Collects cells, then lays them out. */
#include "kfs/table.h"

#include <string.h>

enum {
    GAP = 3 /* spaces between columns, as Kurtosis's tables have */
};

/* Characters of UTF-8 text: bytes that do not continue one. */
static size_t width(const char *text)
{
    size_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char)*text & 0xc0) != 0x80;
    return characters;
}

void table_init(struct table *table, unsigned columns, const char *const header[])
{
    *table = (struct table){.columns = columns, .cells = BUF_INIT(BUF_MAX_DOCUMENT)};
    table_add(table, header);
}

void table_add(struct table *table, const char *const cells[])
{
    for (unsigned column = 0; column < table->columns; column++) {
        size_t cell = width(cells[column]);
        if (cell > table->widths[column])
            table->widths[column] = cell;
        buf_append(&table->cells, cells[column], strlen(cells[column]) + 1);
    }
}

static void put_row(const struct table *table, const char **cell, struct buf *out)
{
    size_t owed = 0; /* spaces, put only when something follows */
    for (unsigned column = 0; column < table->columns; column++) {
        if (**cell) {
            buf_printf(out, "%*s%s", (int)owed, "", *cell);
            owed = 0;
        }
        owed += table->widths[column] - width(*cell) + GAP;
        *cell += strlen(*cell) + 1;
    }
    buf_putc(out, '\n');
}

void table_put(const struct table *table, struct buf *out)
{
    const char *cell = table->cells.data;
    const char *end = cell + table->cells.length;
    while (cell < end)
        put_row(table, &cell, out);
}

void table_done(struct table *table)
{
    buf_done(&table->cells);
}
