/*
 * What a file of the tree is about: the facts of its object, and of the enclave that the object is
 * in. Taken when a request comes and given back when it is answered, so one request sees one
 * picture.
 */
#ifndef KFS_SUBJECT_H
#define KFS_SUBJECT_H

#include "backend/engine.h"
#include "kfs/node.h"

struct tree;

struct subject {
    struct tree *tree;
    struct engine *engine;
    enum object_kind kind;
    struct engine_facts *engine_facts; /* set if kind is OBJECT_ENGINE; else NULL */
    struct enclave_facts *enclave;     /* set for all other kinds */
    struct service_facts *service;
    struct run_facts *run;
    const struct port_facts *port; /* one of service's, for the file of a single port */
};

/* A part of its own beside the engine's aspects: an enclave's view shows what its services are like
 * too. */
enum {
    SHOWS_SERVICE_DETAILS = 1u << 31,
    SHOWS_END = 1 << 30 /* the object is gone: no row shows that, but who waits on one is woken */
};

/* 0, or -1 if the object is gone. *ret is to be released with subject_done only on success. */
int subject_get(struct tree *tree, struct node node, struct subject *ret);
void subject_done(struct subject *subject);

object_id subject_id(const struct subject *subject);

/* The newest change among the aspects (ASPECT_BITs and SHOWS_SERVICE_DETAILS): real time ns. 0
 * aspects: when the object was made. */
int64_t subject_changed(const struct subject *subject, unsigned aspects);

/* The number that tells a port from its service's others. Fits NODE_PART_BITS. */
unsigned port_part(const struct port_facts *port);

static inline void cleanup_subject_done(struct subject *subject)
{
    int saved = errno;
    subject_done(subject);
    errno = saved;
}

#endif
