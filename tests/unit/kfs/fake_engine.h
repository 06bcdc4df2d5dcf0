/*
 * An engine without an orchestrator, for tests of the tree: engine.h served from memory and a
 * directory. Enclaves and services exist as soon as they are asked for; a plan "runs" by keeping a
 * copy of its text, and fails to parse if it contains the words "syntax error".
 *
 * FAKE_ENGINE="ENCLAVES SERVICES" in the environment makes so many at the start.
 */
#ifndef KFS_TESTS_FAKE_ENGINE_H
#define KFS_TESTS_FAKE_ENGINE_H

#include "backend/engine.h"

/* A service that runs, with a published port "http". */
object_id fake_service_add(struct engine *engine, object_id enclave, const char *name);
void fake_service_set_status(struct engine *engine, object_id service, enum service_status status);
/* Gives it the ports named, numbered from 80, in place of those it has. */
void fake_service_set_ports(struct engine *engine, object_id service, size_t count,
                            const char *const names[]);
void fake_service_log(struct engine *engine, object_id service, const char *text);

/* From now on runs stay EXECUTING until they are finished. */
void fake_hold_runs(struct engine *engine, bool hold);
/* While it is true, whoever asks for the engine's errors waits: a handler that takes long. */
void fake_stall(struct engine *engine, bool stall);
/* Waits until somebody waits so. */
void fake_await_stalled(struct engine *engine);
/* Appends a line to the enclave's events. */
void fake_event(struct engine *engine, object_id enclave, const char *line);
void fake_run_output(struct engine *engine, object_id run, const char *text);
void fake_run_finish(struct engine *engine, object_id run, enum run_status status);
/* The number of the enclave's newest run. */
uint64_t fake_last_run(struct engine *engine, object_id enclave);
/* Waiters that have not been released. */
size_t fake_waiters(struct engine *engine);
/* Readers of `follow`. */
size_t fake_followers(struct engine *engine);

#endif
