/*
 * For kfsd over an orchestrator that is nothing but a long listing: CROWD="ENCLAVES SERVICES" in
 * the environment says how many enclaves there are and how many services each of them has. The
 * engine and the tree are the real ones, so what they cost in time and memory for each enclave and
 * service is what they cost over any orchestrator; the listing is made anew whenever it is asked
 * for, and nothing of it stays here. Networks can be made and removed, so enclaves can, too. What
 * else an orchestrator does is not here.
 */
#include "backend/docker/docker.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct crowd {
    struct orchestrator orchestrator;
    unsigned enclaves, services;
    atomic_uint networks; /* made since */
};

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
    char *made;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&made, format, arguments) < 0)
        abort();
    va_end(arguments);
    return made;
}

static void crowd_free(struct orchestrator *self)
{
    free(self);
}

static int crowd_info(struct orchestrator *self, const struct orchestrator_call *call,
                      struct orchestrator_info *ret_info, struct error **err)
{
    (void)self, (void)call, (void)err;
    *ret_info = (struct orchestrator_info){
        .kind = text("crowd"), .version = text("1"), .endpoint = text("memory:"), .cpus = 2};
    return 0;
}

static int crowd_watch(struct orchestrator *self, orchestrator_event_sink sink, void *context,
                       struct error **err)
{
    (void)self, (void)err;
    sink(context, &(struct orchestrator_event){.kind = EVENT_UP});
    return 0;
}

static void add_label(struct label *labels, size_t *count, const char *key, char *value)
{
    labels[(*count)++] = (struct label){text("%s", key), value};
}

static char *enclave_uuid(unsigned enclave)
{
    return text("%08x%024x", enclave + 1, 0);
}

static size_t enclave_labels(unsigned enclave, struct label *labels)
{
    size_t count = 0;
    add_label(labels, &count, "dev.kfs.enclave", enclave_uuid(enclave));
    add_label(labels, &count, "dev.kfs.enclave.name", text("e%u", enclave));
    add_label(labels, &count, "dev.kfs.created", text("2026-01-01T00:00:00.000000001Z"));
    add_label(labels, &count, "dev.kfs.owner", text("0:0"));
    return count;
}

/* What a service of an ordinary package says of itself. */
static char *config_text(unsigned service)
{
    return text("{\"image\":\"registry.example.org/team/web:1.27.%u\",\"ports\":{\"http\":{"
                "\"number\":80,\"transport_protocol\":\"TCP\",\"application_protocol\":\"http\","
                "\"wait\":\"15s\"}},\"env_vars\":{\"LISTEN\":\"0.0.0.0:80\",\"LOG_LEVEL\":"
                "\"info\",\"PEER\":\"s%u\"},\"cmd\":[\"serve\",\"--verbose\"]}",
                service, service);
}

static void make_network(unsigned enclave, struct network *ret)
{
    *ret = (struct network){.id = text("network-%u", enclave),
                            .name = text("kfs-e%u", enclave),
                            .subnet = text("10.%u.%u.0/24", 64 + enclave / 256, enclave % 256),
                            .gateway = text("10.%u.%u.1", 64 + enclave / 256, enclave % 256),
                            .labels = calloc(4, sizeof(struct label))};
    ret->label_count = enclave_labels(enclave, ret->labels);
}

static void make_service(unsigned enclave, unsigned service, unsigned number, struct service *ret)
{
    struct label *labels = calloc(10, sizeof *labels);
    size_t count = enclave_labels(enclave, labels);
    free((char *)labels[2].value); /* the creation is the service's */
    labels[2].value = text("2026-01-01T00:00:01.000000001Z");
    add_label(labels, &count, "dev.kfs.service", text("%08x%08x%016x", enclave + 1, service, 1));
    add_label(labels, &count, "dev.kfs.service.name", text("s%u", service));
    add_label(labels, &count, "dev.kfs.address",
              text("10.%u.%u.%u", 64 + enclave / 256, enclave % 256, service % 250 + 3));
    add_label(labels, &count, "dev.kfs.ports", text("{\"http\": %u}", 20000 + number % 40000));
    add_label(labels, &count, "dev.kfs.config", config_text(service));
    *ret = (struct service){.id = text("%064x", number + 1),
                            .name = text("kfs-e%u-s%u", enclave, service),
                            .image = text("registry.example.org/team/web:1.27.%u", service),
                            .state = SERVICE_RUNNING,
                            .exit_code = -1,
                            .created = 1767225601000000000,
                            .labels = labels,
                            .label_count = count};
}

/* Having: an enclave's label, so that its objects are found. */
static int crowd_list(struct orchestrator *self, const struct label *having,
                      const struct orchestrator_call *call,
                      struct orchestrator_listing **ret_listing, struct error **err)
{
    (void)call, (void)err;
    const struct crowd *crowd = (const struct crowd *)self;
    struct orchestrator_listing *listing = calloc(1, sizeof *listing);
    listing->networks = calloc(crowd->enclaves + 1, sizeof *listing->networks);
    listing->services =
        calloc((size_t)crowd->enclaves * crowd->services + 1, sizeof *listing->services);
    for (unsigned i = 0; i < crowd->enclaves; i++) {
        cleanup(free) char *uuid = enclave_uuid(i);
        if (having && strcmp(having->value, uuid) != 0)
            continue;
        make_network(i, &listing->networks[listing->network_count++]);
        for (unsigned j = 0; j < crowd->services; j++) {
            make_service(i, j, i * crowd->services + j,
                         &listing->services[listing->service_count++]);
        }
    }
    *ret_listing = listing;
    return 0;
}

static int crowd_network_create(struct orchestrator *self, const struct network_spec *spec,
                                const struct orchestrator_call *call, struct network *ret_network,
                                struct error **err)
{
    (void)spec, (void)call, (void)err;
    struct crowd *crowd = (struct crowd *)self;
    make_network(crowd->enclaves + atomic_fetch_add(&crowd->networks, 1), ret_network);
    return 0;
}

static int crowd_remove(struct orchestrator *self, const char *id,
                        const struct orchestrator_call *call, struct error **err)
{
    (void)self, (void)id, (void)call, (void)err;
    return 0;
}

struct orchestrator *docker_new(const struct docker_options *options, struct error **err)
{
    (void)options, (void)err;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    const char *wanted = getenv("CROWD");
    if (!crowd || (wanted && sscanf(wanted, "%u %u", &crowd->enclaves, &crowd->services) != 2))
        abort();
    crowd->orchestrator = (struct orchestrator){.free = crowd_free,
                                                .info = crowd_info,
                                                .watch = crowd_watch,
                                                .list = crowd_list,
                                                .network_create = crowd_network_create,
                                                .network_remove = crowd_remove,
                                                .service_remove = crowd_remove,
                                                .volume_remove = crowd_remove};
    return &crowd->orchestrator;
}
