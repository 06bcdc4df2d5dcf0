/*
 * An orchestrator in memory, for faults on cue: it keeps what it is asked to create, so that a
 * second engine finds it, and can be told to be away, to fail the next call of a kind, or to hold a
 * kind of call until it is released. Thread-safe.
 */
#ifndef FAKE_ORCHESTRATOR_H
#define FAKE_ORCHESTRATOR_H

#include "backend/orchestrator.h"

enum fake_call {
    FAKE_LIST,
    FAKE_LISTED, /* a listing's answer that is made and not delivered yet: to be held */
    FAKE_NETWORK_CREATE,
    FAKE_NETWORK_REMOVE,
    FAKE_SERVICE_CREATE,
    FAKE_SERVICE_START,
    FAKE_SERVICE_STOP,
    FAKE_SERVICE_REMOVE,
    FAKE_CALL_MAX
};

/* What exists; outlives the orchestrators that are made on it, as containers outlive the daemon. */
struct fake_world;
struct fake_world *fake_world_new(void);
void fake_world_free(struct fake_world *world);

/* A new connection to the world. Freed by the engine. */
struct orchestrator *fake_orchestrator_new(struct fake_world *world);

/* The next `times` calls of this kind fail with code. */
void fake_fail(struct fake_world *world, enum fake_call call, int code, unsigned times);
/* Calls of this kind wait until fake_release. */
void fake_hold(struct fake_world *world, enum fake_call call);
void fake_release(struct fake_world *world, enum fake_call call);
/* Waits until a call of this kind is being held. */
void fake_wait_held(struct fake_world *world, enum fake_call call);
/* The connection is lost (reason) or back (NULL): every watcher is told. */
void fake_set_down(struct fake_world *world, const char *reason);
/* How many calls of this kind were made, and how many objects exist. */
unsigned fake_calls(struct fake_world *world, enum fake_call call);
unsigned fake_objects(struct fake_world *world);
/* Puts a service that runs into the world, with these labels. */
void fake_add_service(struct fake_world *world, const char *id, enum service_state state,
                      struct labels labels);
/* Makes a network behind the engine's back, with an event. */
void fake_appear_network(struct fake_world *world, const char *id, struct labels labels);
/* A line that the service writes at this time. */
void fake_log(struct fake_world *world, const char *id, int64_t time, const char *text);
/* An event of the service with this id. */
void fake_event(struct fake_world *world, enum orchestrator_event_kind kind, const char *id,
                int exit_code);
/* The newest service's id, the caller's; NULL if there is none. */
char *fake_newest_service(struct fake_world *world);
/* Ends a service behind the engine's back, with an event. */
void fake_exit_service(struct fake_world *world, const char *id, int exit_code);

#endif
