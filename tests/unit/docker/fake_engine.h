/*
 * A Docker engine that answers from a script, over a unix socket: for faults on cue. It knows HTTP
 * just enough to read requests; what it sends is what the test says, cut, delayed, endless or
 * garbage.
 *
 * GET /_ping is answered with API 1.41 unless the script says otherwise. A request that no answer
 * is for gets a 404 with the message "no answer in the script", so a test that meets one fails.
 *
 * Functions may be called from any thread.
 */
#ifndef KFS_TEST_FAKE_ENGINE_H
#define KFS_TEST_FAKE_ENGINE_H

#include "backend/docker/docker.h"

struct fake_engine;

struct fake_answer {
    const char *request; /* what the request line begins with, without the API version:
                            "GET /networks" */
    unsigned times;      /* how often it is given; 0: always. The first that is left counts */
    int status;          /* 0: 200 */
    const char *headers; /* more of them, each with "\r\n" at its end; or NULL */
    const char *body;    /* NULL: "" */
    size_t length;       /* of body; 0: its strlen */
    int64_t delay;       /* ns before the answer */
    size_t cut;          /* drop the connection after so many bytes of the whole answer; 0: never */
    size_t piece;        /* send in pieces of so many bytes; 0: at once */
    bool raw;            /* body is all that is sent: no head, and the connection closes */
    bool endless;        /* body over and over, until the client goes */
    bool hold;           /* a chunked answer that stays open for fake_engine_send; the connection of
                            a raw one likewise */
};

struct fake_engine *fake_engine_new(void); /* aborts if it cannot */
void fake_engine_free(struct fake_engine *fake);

/* "unix:///tmp/.../docker.sock" */
const char *fake_engine_host(const struct fake_engine *fake);
/* A client of it for the instance "test". */
struct orchestrator *fake_engine_client(const struct fake_engine *fake);

/* Adds an answer to the script. Its texts must stay. */
void fake_engine_answer(struct fake_engine *fake, const struct fake_answer *answer);
/* Empties the script. */
void fake_engine_forget(struct fake_engine *fake);

/* Sends to the newest held connection; waits until there is one. */
void fake_engine_send(struct fake_engine *fake, const char *bytes, size_t length);
/* Breaks every connection there is. */
void fake_engine_drop(struct fake_engine *fake);

/* How many connections were made so far. */
unsigned fake_engine_connections(struct fake_engine *fake);
/* All requests so far, heads and bodies; the caller frees it. */
char *fake_engine_requests(struct fake_engine *fake);
/* Waits until that text was in a request; gives up (abort) after 10 s. */
void fake_engine_await(struct fake_engine *fake, const char *text);

#endif
