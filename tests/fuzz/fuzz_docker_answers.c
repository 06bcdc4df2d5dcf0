/* Answers of the engine that are JSON of any shape, and texts of the user's that are of none. */
#include "backend/docker/base64.h"
#include "backend/docker/credentials.h"
#include "backend/docker/items.h"
#include "backend/docker/progress.h"
#include "backend/docker/subnets.h"
#include "backend/docker/trace.h"

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

struct taker {
    struct docker *docker;
    struct orchestrator_listing *listing;
};

static int take_item(void *context, const json_t *item)
{
    struct taker *taker = context;
    mark(taker->docker, (json_t *)item);
    for (enum object_kind kind = OBJECT_SERVICE; kind <= OBJECT_VOLUME; kind++)
        (void)list_add_from_json(taker->docker, kind, item, taker->listing, NULL);
    return 0;
}

/* As a list that comes in pieces. What a parser takes for an array must be complete here, too. */
static void list(struct docker *docker, const uint8_t *input, size_t size, const json_t *json)
{
    struct taker taker = {.docker = docker, .listing = calloc(1, sizeof *taker.listing)};
    cleanup(items_done) struct items items;
    items_init(&items, take_item, &taker);
    int result = 0;
    for (size_t done = 0; done < size && result == 0; done += 5)
        result = items_take(&items, input + done, size - done < 5 ? size - done : 5);
    if (json_is_array(json) && (result != 0 || !items_complete(&items)))
        __builtin_trap();
    orchestrator_listing_free(taker.listing);
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
    trace_put(&bytes, text);
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
    list(&docker, input, size, json);
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
