/*
 * Text as Go sees it: UTF-8 in which every byte that is not part of a valid sequence counts as one
 * U+FFFD, the classes of code points that Go's text/template and fmt ask for, and Go's quoting.
 */
#ifndef KFS_PLAN_TEMPLATE_RUNE_H
#define KFS_PLAN_TEMPLATE_RUNE_H

#include "backend/base/arena.h"
#include "backend/base/buf.h"

#include <stdint.h>

/* Bytes that belong to someone else; not ended by '\0'. */
struct text {
    const char *bytes;
    size_t length;
};

#define TEXT(literal) ((struct text){.bytes = (literal), .length = sizeof(literal) - 1})

bool text_equal(struct text a, struct text b);
/* Below, at or above 0 as a sorts before, with or after b; by bytes, as Go compares strings. */
int text_compare(struct text a, struct text b);

enum {
    RUNE_MAX = 0x10ffff,
    RUNE_ERROR = 0xfffd, /* what an invalid byte reads as; its width is then 1 */
    RUNE_BYTES_MAX = 4
};

/* The code point at the start of bytes and its width in bytes; RUNE_ERROR and 1 if invalid, 0 and 0
 * if length is 0. */
int32_t rune_decode(const char *bytes, size_t length, size_t *ret_width);
/* Writes rune (RUNE_ERROR for what is no code point) and gives the number of bytes. */
size_t rune_encode(int64_t rune, char out[static RUNE_BYTES_MAX]);
void rune_put(struct buf *buf, int64_t rune);
/* The number of code points in text, invalid bytes counted singly. */
size_t rune_count(struct text text);

bool rune_is_letter(int32_t rune);
bool rune_is_digit(int32_t rune);
bool rune_is_print(int32_t rune);

/* Appends text in double quotes as Go's %q does; with ascii, every other code point is escaped. */
void quote_put_text(struct buf *buf, struct text text, bool ascii);
/* The same for one code point in single quotes. */
void quote_put_rune(struct buf *buf, int64_t rune, bool ascii);
/* Whether Go's %#q shows text in back quotes. */
bool quote_can_backquote(struct text text);
/* The value of a Go string constant, quotes included, in double or back quotes. -1 if it is none;
 * *ret lies in the arena. */
int quote_parse_text(struct arena *arena, struct text quoted, struct text *ret);
/* The value of a Go character constant, quotes included. -1 with ret_reason if it is none. */
int quote_parse_rune(struct text quoted, int32_t *ret, const char **ret_reason);

/* The tables of template_rune_table.c: sorted ranges of code points from 0x80 up. */
struct rune_range {
    int32_t first, last;
};
extern const struct rune_range rune_letters[], rune_digits[], rune_printable[];
extern const size_t rune_letters_count, rune_digits_count, rune_printable_count;

#endif
