/* One struct members for each kind of entry that the model names. */
#include "kfs/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- enclaves ---- */

static bool enclaves_find(const struct subject *parent, const char *name, struct member *ret)
{
    ret->object = enclave_find(parent->engine, name);
    return ret->object != 0;
}

static size_t enclaves_list(const struct subject *parent, void ***ret_facts)
{
    struct enclave_facts **list = NULL;
    size_t count = enclave_list(parent->engine, false, &list);
    *ret_facts = (void **)list;
    return count;
}

static void enclaves_describe(const struct subject *parent, void *facts, struct member *ret)
{
    struct enclave_facts *enclave = facts;
    ret->object = enclave->id;
    ret->subject = (struct subject){
        .tree = parent->tree, .engine = parent->engine, .kind = OBJECT_ENCLAVE, .enclave = enclave};
    snprintf(ret->name, sizeof ret->name, "%s", enclave->name);
}

static void enclaves_unref(void *facts)
{
    enclave_facts_unref(facts);
}

static int enclaves_make(const struct subject *parent, const char *name, uid_t uid, gid_t gid,
                         object_id *ret_id, struct error **err)
{
    return enclave_create(parent->engine, name, uid, gid, ret_id, err);
}

const struct members members_enclaves = {
    .find = enclaves_find,
    .list = enclaves_list,
    .describe = enclaves_describe,
    .unref = enclaves_unref,
    .make = enclaves_make,
    .remove = enclave_destroy,
    .rename = enclave_rename,
};

/* ---- runs ---- */

static bool runs_find(const struct subject *parent, const char *name, struct member *ret)
{
    /* Only the number as it is listed: "01" and "+1" are no names of run 1. */
    char *end;
    if (*name < '1' || *name > '9')
        return false;
    errno = 0;
    uint64_t number = strtoull(name, &end, 10);
    if (*end || errno)
        return false;
    ret->object = run_find(parent->engine, parent->enclave->id, number);
    return ret->object != 0;
}

static size_t runs_list(const struct subject *parent, void ***ret_facts)
{
    struct run_facts **list = NULL;
    size_t count = run_list(parent->engine, parent->enclave->id, &list);
    *ret_facts = (void **)list;
    return count;
}

static void runs_describe(const struct subject *parent, void *facts, struct member *ret)
{
    struct run_facts *run = facts;
    ret->object = run->id;
    ret->subject = (struct subject){.tree = parent->tree,
                                    .engine = parent->engine,
                                    .kind = OBJECT_RUN,
                                    .enclave = parent->enclave,
                                    .run = run};
    snprintf(ret->name, sizeof ret->name, "%" PRIu64, run->number);
}

static void runs_unref(void *facts)
{
    run_facts_unref(facts);
}

const struct members members_runs = {
    .find = runs_find,
    .list = runs_list,
    .describe = runs_describe,
    .unref = runs_unref,
};

bool has_last_run(const struct subject *subject)
{
    return subject->enclave->last_run != 0;
}

/* ---- services ---- */

static bool services_find(const struct subject *parent, const char *name, struct member *ret)
{
    ret->object = service_find(parent->engine, parent->enclave->id, name);
    return ret->object != 0;
}

static size_t services_list(const struct subject *parent, void ***ret_facts)
{
    struct service_facts **list = NULL;
    size_t count = service_list(parent->engine, parent->enclave->id, &list);
    *ret_facts = (void **)list;
    return count;
}

static void services_describe(const struct subject *parent, void *facts, struct member *ret)
{
    struct service_facts *service = facts;
    ret->object = service->id;
    ret->subject = (struct subject){.tree = parent->tree,
                                    .engine = parent->engine,
                                    .kind = OBJECT_SERVICE,
                                    .enclave = parent->enclave,
                                    .service = service};
    snprintf(ret->name, sizeof ret->name, "%s", service->name);
}

static void services_unref(void *facts)
{
    service_facts_unref(facts);
}

static int services_make(const struct subject *parent, const char *name, uid_t uid, gid_t gid,
                         object_id *ret_id, struct error **err)
{
    (void)uid, (void)gid; /* it is the enclave's owner's, whoever makes it */
    return service_create(parent->engine, parent->enclave->id, name, ret_id, err);
}

const struct members members_services = {
    .find = services_find,
    .list = services_list,
    .describe = services_describe,
    .unref = services_unref,
    .make = services_make,
    .remove = service_remove,
};

/* ---- ports ---- */

static void ports_describe(const struct subject *parent, void *facts, struct member *ret)
{
    const struct port_facts *port = facts;
    ret->object = parent->service->id;
    ret->part = port_part(port);
    ret->subject = *parent;
    ret->subject.port = port;
    snprintf(ret->name, sizeof ret->name, "%s", port->id);
}

static bool ports_find(const struct subject *parent, const char *name, struct member *ret)
{
    struct service_facts *service = parent->service;
    for (size_t i = 0; i < service->port_count; i++) {
        if (strcmp(service->ports[i].id, name) == 0) {
            ports_describe(parent, &service->ports[i], ret);
            return true;
        }
    }
    return false;
}

static size_t ports_list(const struct subject *parent, void ***ret_facts)
{
    struct service_facts *service = parent->service;
    *ret_facts = calloc(service->port_count, sizeof **ret_facts);
    if (!*ret_facts)
        return 0;
    for (size_t i = 0; i < service->port_count; i++)
        (*ret_facts)[i] = &service->ports[i];
    return service->port_count;
}

const struct members members_ports = {
    .find = ports_find,
    .list = ports_list,
    .describe = ports_describe,
};
