/* What can be seen of a script without evaluating it: its functions at the top level. */
#ifndef KFS_TOOLS_TEST_SCRIPT_H
#define KFS_TOOLS_TEST_SCRIPT_H

#include "backend/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct script_facts {
    char **cases; /* names of functions test_*, in order, each once */
    size_t case_count;
    bool has_run;        /* there is a function run */
    bool takes_volume;   /* and it has a parameter test_volume */
    bool takes_args;     /* or args */
    bool asks_for_binds; /* the word bind_mounts occurs, in whatever place */
};

/* Reads definitions at the beginning of a line outside of strings; knows no more of the language.
 * On failure (no memory) script_facts_done is due, too. */
int script_scan(const char *text, struct script_facts *ret_facts, struct error **err);
void script_facts_done(struct script_facts *facts);

static inline void cleanup_script_facts_done(struct script_facts *facts)
{
    script_facts_done(facts);
}

#endif
