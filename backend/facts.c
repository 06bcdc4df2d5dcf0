/*
 * Facts: making, cloning, counting. Their counts are under no lock of ours, because readers drop
 * them at any time; so they are atomic. A picture that was published is never written again.
 */
#include "backend/engine_int.h"

#include <string.h>

static void *must(void *memory)
{
    if (!memory)
        abort(); /* the supervisor starts the daemon again, which recovers */
    return memory;
}

void fact_set(char **string, const char *text)
{
    char *copy = text ? must(strdup(text)) : NULL;
    free(*string);
    *string = copy;
}

static char *copy_text(const char *text)
{
    return text ? must(strdup(text)) : NULL;
}

static bool last_reference(unsigned *references)
{
    return __atomic_sub_fetch(references, 1, __ATOMIC_ACQ_REL) == 0;
}

/* size zeroed bytes for new facts. */
static void *facts_new(size_t size)
{
    return must(calloc(1, size));
}

struct engine_facts *engine_facts_new(void)
{
    struct engine_facts *facts = facts_new(sizeof *facts);
    facts->references = 1;
    return facts;
}

struct enclave_facts *enclave_facts_new(const char *name, const char *uuid)
{
    struct enclave_facts *facts = facts_new(sizeof *facts);
    facts->references = 1;
    snprintf(facts->name, sizeof facts->name, "%s", name);
    snprintf(facts->uuid, sizeof facts->uuid, "%s", uuid);
    fact_set(&facts->error, "");
    return facts;
}

struct service_facts *service_facts_new(void)
{
    struct service_facts *facts = facts_new(sizeof *facts);
    facts->references = 1;
    facts->exit_code = -1;
    return facts;
}

struct run_facts *run_facts_new(void)
{
    struct run_facts *facts = facts_new(sizeof *facts);
    facts->references = 1;
    return facts;
}

struct engine_facts *engine_facts_clone(const struct engine_facts *facts)
{
    struct engine_facts *clone = must(malloc(sizeof *clone));
    memcpy(clone, facts, offsetof(struct engine_facts, references));
    clone->references = 1;
    clone->orchestrator = copy_text(facts->orchestrator);
    clone->reason = copy_text(facts->reason);
    return clone;
}

void engine_facts_unref(struct engine_facts *facts)
{
    if (!facts || !last_reference(&facts->references))
        return;
    free(facts->orchestrator);
    free(facts->reason);
    free(facts);
}

struct enclave_facts *enclave_facts_clone(const struct enclave_facts *facts)
{
    struct enclave_facts *clone = must(malloc(sizeof *clone));
    memcpy(clone, facts, offsetof(struct enclave_facts, references));
    clone->references = 1;
    clone->error = copy_text(facts->error);
    return clone;
}

void enclave_facts_unref(struct enclave_facts *facts)
{
    if (!facts || !last_reference(&facts->references))
        return;
    free(facts->error);
    free(facts);
}

struct service_facts *service_facts_clone(const struct service_facts *facts)
{
    struct service_facts *clone = must(malloc(sizeof *clone));
    memcpy(clone, facts, offsetof(struct service_facts, references));
    clone->references = 1;
    clone->reason = copy_text(facts->reason);
    clone->image = copy_text(facts->image);
    clone->address = copy_text(facts->address);
    clone->config = copy_text(facts->config);
    clone->ports = facts->port_count ? must(calloc(facts->port_count, sizeof *clone->ports)) : NULL;
    for (size_t i = 0; i < facts->port_count; i++) {
        clone->ports[i] = facts->ports[i];
        clone->ports[i].application = copy_text(facts->ports[i].application);
        clone->ports[i].url = copy_text(facts->ports[i].url);
        clone->ports[i].host_address = copy_text(facts->ports[i].host_address);
    }
    return clone;
}

void service_facts_unref(struct service_facts *facts)
{
    if (!facts || !last_reference(&facts->references))
        return;
    for (size_t i = 0; i < facts->port_count; i++) {
        free(facts->ports[i].application);
        free(facts->ports[i].url);
        free(facts->ports[i].host_address);
    }
    free(facts->ports);
    free(facts->reason);
    free(facts->image);
    free(facts->address);
    free(facts->config);
    free(facts);
}

struct run_facts *run_facts_clone(const struct run_facts *facts)
{
    struct run_facts *clone = must(malloc(sizeof *clone));
    memcpy(clone, facts, offsetof(struct run_facts, references));
    clone->references = 1;
    return clone;
}

void run_facts_unref(struct run_facts *facts)
{
    if (facts && last_reference(&facts->references))
        free(facts);
}
