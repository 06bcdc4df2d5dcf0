/* Go's package fmt over template values: verbs, flags, and the texts for mistakes. */
#ifndef KFS_PLAN_TEMPLATE_FORMAT_H
#define KFS_PLAN_TEMPLATE_FORMAT_H

#include "backend/plan/template_value.h"

/* As fmt.Sprint: %v of each, a space between two neighbours of which neither is a string. */
void format_print(struct buf *buf, const struct value *values, size_t count);
/* As fmt.Sprintln: a space between all, a newline at the end. */
void format_println(struct buf *buf, const struct value *values, size_t count);
/* As fmt.Sprintf. */
void format_printf(struct buf *buf, struct text format, const struct value *values, size_t count);

/* ---- for template_format.c and template_verb.c ---- */

/* What stands between '%' and the verb. */
struct format_flags {
    bool has_width, has_precision;
    bool minus, plus, sharp, space, zero;
    bool plus_v, sharp_v; /* %+v and %#v, which mean something else than the flag */
    int width, precision;
};

/* Appends value by the verb (a code point); a verb that does not fit gives "%!verb(type=value)". */
void format_verb(struct buf *buf, const struct format_flags *flags, int32_t verb,
                 const struct value *value);

#endif
