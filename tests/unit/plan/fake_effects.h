/*
 * An engine that has no containers: it keeps services and artifacts in memory, notes every call,
 * and runs commands on this machine. Failures are produced on cue.
 */
#ifndef KFS_TEST_FAKE_EFFECTS_H
#define KFS_TEST_FAKE_EFFECTS_H

#include "backend/plan/plan.h"

struct fake {
    pthread_mutex_t lock;
    json_t *services;  /* {NAME: {"uuid", "hostname", "address", "running", "config"}} */
    json_t *artifacts; /* {NAME: {"uuid", "hash", "files": {PATH: text}}} */
    json_t *applied;
    struct buf calls;  /* one line a call that changes something: "start web" */
    struct buf output; /* as the run shows it */
    struct buf plan, result;
    unsigned starting, most_starting; /* service_start calls at a time */
    json_t *prepared;                 /* {NAME: config} */
    pthread_cond_t prepared_changed;

    /* On cue: */
    const char *bad_image;      /* image_ensure fails for it */
    const char *bad_service;    /* service_start fails for it */
    const char *dead_service;   /* it ends right after its start, with code 7 */
    const char *slow_service;   /* its start takes until it is cancelled */
    int64_t start_takes;        /* ns, for every service */
    const char *await_prepared; /* a start waits until this service was prepared */
    const char *opens_with;     /* when this service is started, `socket` begins to listen */
    int socket;
    struct cancel *cancel_at_start; /* fired when a service is started */
};

extern const struct plan_effects fake_effects;

void fake_init(struct fake *fake);
void fake_done(struct fake *fake);
/* Forgets the calls and the output, not what the enclave holds. */
void fake_reset(struct fake *fake);

/* Runs a script of the name "app.star" with arguments (JSON; NULL: none). */
int fake_run(struct fake *fake, const char *script, const char *arguments, struct error **err);
/* The request that fake_run makes, to be changed and given to plan_run. */
struct plan_request fake_request(const char *script, const char *arguments);

#endif
