/* Fetching and releasing the facts behind a file. */
#include "kfs/subject.h"

#include "kfs/row.h"
#include "kfs/tree_int.h"

#include <string.h>

unsigned port_part(const struct port_facts *port)
{
    static const char *const transports[] = {"tcp", "udp", "sctp"};
    unsigned transport = 0;
    while (transport < ARRAY_LENGTH(transports) &&
           strcasecmp(port->transport, transports[transport]) != 0)
        transport++;
    return (unsigned)port->number << 2 | transport;
}

static const struct port_facts *port_find(const struct service_facts *service, unsigned part)
{
    for (size_t i = 0; i < service->port_count; i++)
        if (port_part(&service->ports[i]) == part)
            return &service->ports[i];
    return NULL;
}

static bool service_fill(struct subject *subject, struct node node)
{
    subject->service = service_get(subject->engine, node.object);
    if (!subject->service)
        return false;
    subject->enclave = enclave_get(subject->engine, subject->service->enclave);
    if (node.part)
        subject->port = port_find(subject->service, node.part);
    return subject->enclave && (!node.part || subject->port);
}

static bool run_fill(struct subject *subject, object_id id)
{
    subject->run = run_get(subject->engine, id);
    if (subject->run)
        subject->enclave = enclave_get(subject->engine, subject->run->enclave);
    return subject->enclave;
}

int subject_get(struct tree *tree, struct node node, struct subject *ret)
{
    struct engine *engine = tree->engine;
    struct subject subject = {.tree = tree, .engine = engine, .kind = row_object(node.row)};
    bool found = false;
    switch (subject.kind) {
    case OBJECT_ENGINE:
        subject.engine_facts = engine_get(engine);
        found = subject.engine_facts;
        break;
    case OBJECT_ENCLAVE:
        subject.enclave = enclave_get(engine, node.object);
        found = subject.enclave;
        break;
    case OBJECT_SERVICE:
        found = service_fill(&subject, node);
        break;
    case OBJECT_RUN:
        found = run_fill(&subject, node.object);
        break;
    case OBJECT_KIND_MAX:
    default:
        break;
    }
    if (!found) {
        subject_done(&subject);
        return -1;
    }
    *ret = subject;
    return 0;
}

void subject_done(struct subject *subject)
{
    if (subject->engine_facts)
        engine_facts_unref(subject->engine_facts);
    if (subject->service)
        service_facts_unref(subject->service);
    if (subject->run)
        run_facts_unref(subject->run);
    if (subject->enclave)
        enclave_facts_unref(subject->enclave);
    *subject = (struct subject){.kind = subject->kind};
}

object_id subject_id(const struct subject *subject)
{
    if (subject->service)
        return subject->service->id;
    if (subject->run)
        return subject->run->id;
    return subject->enclave ? subject->enclave->id : 0;
}

static int64_t newest(const int64_t changed[ASPECT_MAX], unsigned aspects, int64_t least)
{
    for (unsigned aspect = 0; aspect < ASPECT_MAX; aspect++)
        if (aspects & ASPECT_BIT(aspect) && changed[aspect] > least)
            least = changed[aspect];
    return least;
}

static int64_t services_changed(const struct subject *subject, int64_t least)
{
    struct service_facts **list = NULL;
    size_t count = service_list(subject->engine, subject->enclave->id, &list);
    for (size_t i = 0; i < count; i++) {
        least =
            newest(list[i]->changed, ASPECT_BIT(ASPECT_STATUS) | ASPECT_BIT(ASPECT_CONFIG), least);
        service_facts_unref(list[i]);
    }
    free(list);
    return least;
}

int64_t subject_changed(const struct subject *subject, unsigned aspects)
{
    if (subject->engine_facts)
        return newest(subject->engine_facts->changed, aspects, subject->engine_facts->started);
    if (subject->service)
        return newest(subject->service->changed, aspects, subject->service->created);
    if (subject->run)
        return newest(subject->run->changed, aspects, subject->run->submitted);
    int64_t changed = newest(subject->enclave->changed, aspects, subject->enclave->created);
    return aspects & SHOWS_SERVICE_DETAILS ? services_changed(subject, changed) : changed;
}
