/* Which names are allowed: Kurtosis's rules, so that what works there works here, and nothing that
 * a path or an orchestrator could misread. */
#include "backend/engine.h"

#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool enclave_name_valid(const char *name)
{
    size_t length = 0;
    for (; name[length]; length++) {
        char c = name[length];
        if (!is_lower(c) && !(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '-')
            return false;
    }
    return length >= 1 && length <= NAME_MAX_ENCLAVE;
}

/* An RFC 1035 label of at most max characters: a letter, then letters, digits and hyphens, no
 * hyphen last. */
static bool label_valid(const char *name, size_t max)
{
    size_t length = strlen(name);
    if (length < 1 || length > max || !is_lower(name[0]) || name[length - 1] == '-')
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '-')
            return false;
    return true;
}

bool service_name_valid(const char *name)
{
    return label_valid(name, NAME_MAX_SERVICE);
}

bool port_id_valid(const char *id)
{
    return label_valid(id, NAME_MAX_PORT);
}

bool plan_name_acts(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(".star") && name[0] != '.' && name[0] != '#' &&
           strcmp(name + length - strlen(".star"), ".star") == 0;
}
