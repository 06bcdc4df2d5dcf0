/* What Starlark asks of Unicode: classes and simple case maps, from generated tables
 * (unicode_tables.h). */
#ifndef STARLARK_UNICODE_H
#define STARLARK_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

bool sl_is_letter(uint32_t point); /* category L */
bool sl_is_digit(uint32_t point);  /* category Nd */
bool sl_is_space(uint32_t point);  /* property White_Space */
bool sl_is_printable(
    uint32_t point);              /* L, M, N, P, S and the ASCII space, as Go's unicode.IsPrint */
bool sl_is_upper(uint32_t point); /* category Lu */
bool sl_is_lower(uint32_t point); /* category Ll */
bool sl_is_title(uint32_t point); /* category Lt */
uint32_t sl_to_upper(uint32_t point);
uint32_t sl_to_lower(uint32_t point);
uint32_t sl_to_title(uint32_t point);

#endif
