/* Answers of the engine that are JSON of any shape, and texts of the user's that are of none. */
#include "backend/docker/base64.h"
#include "backend/docker/credentials.h"
#include "backend/docker/progress.h"
#include "backend/docker/subnets.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* Of an object that is marked as ours, so that what is behind the mark is reached, too. */
static void mark(const struct docker *docker, json_t *item)
{
    json_t *labels = json_object_get(item, "Labels");
    if (json_is_object(labels))
        json_object_set_new(labels, DOCKER_INSTANCE_LABEL, json_string(docker->instance));
}

static void convert(struct docker *docker, json_t *json)
{
    size_t i;
    json_t *item;
    json_array_foreach(json, i, item) mark(docker, item);
    json_array_foreach(json_object_get(json, "Volumes"), i, item) mark(docker, item);
    struct orchestrator_listing *listing = calloc(1, sizeof *listing);
    (void)list_services_from_json(docker, json, listing, NULL);
    (void)list_networks_from_json(docker, json, listing, NULL);
    (void)list_volumes_from_json(docker, json, listing, NULL);
    orchestrator_listing_free(listing);
}

static void tell(void *context, const struct image_progress *progress)
{
    *(size_t *)context += strlen(progress->id) + strlen(progress->status);
}

static void stream(const uint8_t *input, size_t size)
{
    size_t told = 0;
    cleanup(progress_done) struct progress progress;
    progress_init(&progress);
    progress.sink = tell;
    progress.context = &told;
    for (size_t done = 0; done < size; done += 7)
        if (lines_take(&progress.lines, input + done, size - done < 7 ? size - done : 7) != 0)
            return;
    lines_finish(&progress.lines);
}

static void texts(const char *text)
{
    struct ip_range range;
    struct ip_ranges ranges = {0};
    struct endpoint endpoint;
    struct buf bytes = BUF_INIT(1 << 20);
    char *registry = registry_of_image(text), *key = registry_key(text);
    (void)ip_range_parse(text, &range);
    (void)ip_ranges_add_routes(&ranges, text);
    (void)base64_decode(&bytes, text);
    if (*text && endpoint_parse(&endpoint, text, NULL) == 0)
        endpoint_done(&endpoint);
    subnets_free(subnets_new(text, NULL));
    ip_ranges_done(&ranges);
    buf_done(&bytes);
    free(registry);
    free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct docker docker = {.instance = (char *)"test"};
    pthread_mutex_init(&docker.known_lock, NULL);
    json_t *json = json_loadb((const char *)input, size, 0, NULL);
    if (json)
        convert(&docker, json);
    json_decref(json);
    cleanup(error_free) struct error *err = NULL;
    api_refuse(500, (const char *)input, size, "fuzz", &err);
    stream(input, size);
    char *text = strndup((const char *)input, size);
    texts(text);
    free(text);
    known_done(&docker);
    return 0;
}
