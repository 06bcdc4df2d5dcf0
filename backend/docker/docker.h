/*
 * Docker behind orchestrator.h: its Engine API over a unix socket or TCP, from Docker 20.10 (API
 * 1.41) up.
 *
 * An enclave's network is a bridge network with a subnet picked here; a service is a container, an
 * exec is an exec, a volume is a local volume. Every object made here bears the label
 * DOCKER_INSTANCE_LABEL; no object without it is ever changed.
 *
 * What it leaves out: TLS (reach a remote engine through an ssh tunnel of its socket), Swarm,
 * Windows containers.
 */
#ifndef KFS_DOCKER_DOCKER_H
#define KFS_DOCKER_DOCKER_H

#include "backend/orchestrator.h"

#define DOCKER_INSTANCE_LABEL "dev.kfs.instance"

struct docker_options {
    const char *host;     /* "unix:///run/docker.sock", "tcp://host:port"; NULL: $DOCKER_HOST, else
                             unix:///var/run/docker.sock */
    const char *instance; /* value of DOCKER_INSTANCE_LABEL; required */
    const char *subnet_pool; /* "10.64.0.0/10,172.20.0.0/14": cut into /22s; NULL: 10.64.0.0/10 */
    const char *config_dir;  /* where config.json with credentials is; NULL: $DOCKER_CONFIG, else
                                $HOME/.docker */
};

/* Does not connect: an engine that is away is told by the first call or event. NULL and EINVAL if
 * an option is wrong. */
struct orchestrator *docker_new(const struct docker_options *options, struct error **err);

#endif
