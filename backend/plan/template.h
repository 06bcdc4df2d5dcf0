/*
 * Go's text/template, as render_templates needs it: the whole language and all predefined functions
 * over JSON data, with Go's output and Go's error texts. There are no further functions and no
 * options, because Kurtosis has none; the data has no methods, so there is nothing that `call`
 * could call.
 *
 * Where it differs from Go on purpose: numbers of the data are numbers (template_value.h has the
 * rules), and a template cannot run or grow without end: the output is bounded by its buffer, and
 * steps, depth and memory by the constants below. `range` over an integer, `else with` and
 * assignment by `range` are as in present Go (1.24).
 */
#ifndef KFS_PLAN_TEMPLATE_H
#define KFS_PLAN_TEMPLATE_H

#include "backend/base/buf.h"

#include <jansson.h>

enum {
    TEMPLATE_MAX_SOURCE = 16 << 20, /* bytes of a template's text */
    TEMPLATE_MAX_MEMORY = 64 << 20, /* bytes of a parsed template, and of one execution's values */
    TEMPLATE_MAX_NESTING = 500,     /* of actions and parentheses in the text */
    TEMPLATE_MAX_DEPTH = 2000,      /* of lists and pipelines being executed, calls included */
    TEMPLATE_MAX_STEPS = 50000000   /* statements, pipelines and rounds of one execution: seconds */
};

struct template;

/*
 * Parses text, which is copied. name is what error messages call it. NULL with EINVAL and Go's
 * message, "template: NAME:LINE: ...", if it does not parse.
 * A parsed template is immutable; any number of threads may execute it at a time.
 */
struct template *template_parse(const char *name, const char *text, size_t length,
                                struct error **err);

/*
 * Appends to output what the template makes of data (NULL: no data), which must not change
 * meanwhile. EINVAL and Go's message, "template: NAME:LINE:COLUMN: executing ...", if it fails;
 * EFBIG if output's or another maximum is passed. What was appended until then stays in output.
 */
int template_execute(const struct template *template, json_t *data, struct buf *output,
                     struct error **err);

void template_free(struct template *template);
CLEANUP_DEFINE(template_free, struct template *)

#endif
