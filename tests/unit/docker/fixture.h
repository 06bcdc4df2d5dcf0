/* A client beside a scripted engine, made for each test. */
#ifndef KFS_TEST_DOCKER_FIXTURE_H
#define KFS_TEST_DOCKER_FIXTURE_H

#include "tests/unit/docker/fake_engine.h"
#include "tests/unit/docker/helpers.h"

static struct fake_engine *fake;
static struct orchestrator *client;

static int setup(void **state)
{
    (void)state;
    fake = fake_engine_new();
    client = fake_engine_client(fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client->free(client);
    fake_engine_free(fake);
    return 0;
}

#endif
