/* Releasing and looking into what an orchestrator handed out: the same for every kind of one. */
#include "backend/orchestrator.h"

#include <string.h>

void orchestrator_info_done(struct orchestrator_info *info)
{
    free(info->kind);
    free(info->version);
    free(info->endpoint);
    *info = (struct orchestrator_info){0};
}

static void labels_free(struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)labels[i].key);
        free((char *)labels[i].value);
    }
    free(labels);
}

void network_done(struct network *network)
{
    free(network->id);
    free(network->name);
    free(network->subnet);
    free(network->gateway);
    labels_free(network->labels, network->label_count);
    *network = (struct network){0};
}

static void volume_done(struct volume *volume)
{
    free(volume->name);
    labels_free(volume->labels, volume->label_count);
}

static void service_done(struct service *service)
{
    free(service->id);
    free(service->name);
    free(service->image);
    free(service->address);
    labels_free(service->labels, service->label_count);
}

const char *transport_name(enum transport transport)
{
    static const char *const names[TRANSPORT_MAX] = {
        [TRANSPORT_TCP] = "tcp", [TRANSPORT_UDP] = "udp", [TRANSPORT_SCTP] = "sctp"};
    return transport > TRANSPORT_INVALID && transport < TRANSPORT_MAX ? names[transport]
                                                                      : "unknown";
}

const char *label_get(const struct label *labels, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(labels[i].key, key) == 0)
            return labels[i].value;
    return NULL;
}

void orchestrator_listing_free(struct orchestrator_listing *listing)
{
    if (!listing)
        return;
    for (size_t i = 0; i < listing->network_count; i++)
        network_done(&listing->networks[i]);
    for (size_t i = 0; i < listing->volume_count; i++)
        volume_done(&listing->volumes[i]);
    for (size_t i = 0; i < listing->service_count; i++)
        service_done(&listing->services[i]);
    free(listing->networks);
    free(listing->volumes);
    free(listing->services);
    free(listing);
}

void image_info_done(struct image_info *info)
{
    free(info->id);
    free(info->architecture);
    *info = (struct image_info){0};
}
