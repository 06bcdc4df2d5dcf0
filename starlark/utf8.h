/* UTF-8 forwards and backwards, as Go decodes it: a bad byte counts as one code point, U+FFFD. */
#ifndef STARLARK_UTF8_H
#define STARLARK_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UTF8_BAD = 0xFFFD
};

/* Decodes the code point at p < end; gives its width, 1 and UTF8_BAD for a byte that begins none.
 */
int sl_utf8_decode(const char *p, const char *end, uint32_t *ret_point);
/* The code point that ends before p > start. */
int sl_utf8_decode_last(const char *start, const char *p, uint32_t *ret_point);
/* Writes 1 to 4 bytes; surrogates and what is beyond U+10FFFF become U+FFFD. */
int sl_utf8_encode(char *to, uint32_t point);
size_t sl_utf8_count(const char *p, size_t size);
bool sl_utf8_valid(const char *p, size_t size);
bool sl_ascii(const char *p, size_t size);

#endif
