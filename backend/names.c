/* Which names are allowed: Kurtosis's rules, so that what works there works here, and nothing that
 * a path or an orchestrator could misread. */
#include "backend/engine.h"

#include "backend/plan/names.h"

#include <string.h>

bool enclave_name_valid(const char *name)
{
    size_t length = 0;
    for (; name[length]; length++) {
        char c = name[length];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return length >= 1 && length <= NAME_MAX_ENCLAVE;
}

bool service_name_valid(const char *name)
{
    return plan_service_name_valid(name);
}

int service_name_check(const char *name, struct error **err)
{
    if (service_name_valid(name))
        return 0;
    return error_set(err, EINVAL,
                     "'%s' is not a name for a service: use up to %d small letters, digits and "
                     "hyphens, a letter first and no hyphen last",
                     name, NAME_MAX_SERVICE);
}

bool port_id_valid(const char *id)
{
    return plan_port_id_valid(id);
}

bool plan_name_acts(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(".star") && name[0] != '.' && name[0] != '#' &&
           strcmp(name + length - strlen(".star"), ".star") == 0;
}
