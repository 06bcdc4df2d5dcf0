/*
 * Who one is at a registry: from what the caller gave, or from the user's config.json as `docker
 * login` leaves it (auths, credHelpers, credsStore with docker-credential-* programs).
 * Nothing is kept here: each pull asks anew, as tokens expire.
 */
#ifndef KFS_DOCKER_CREDENTIALS_H
#define KFS_DOCKER_CREDENTIALS_H

#include "backend/docker/docker_int.h"

#define REGISTRY_DEFAULT "https://index.docker.io/v1/" /* Docker Hub's name in config.json */

/* The registry of an image name: "localhost:5000/a/b:1" -> "localhost:5000"; without one
 * REGISTRY_DEFAULT. The caller frees it. */
char *registry_of_image(const char *image);

/* "https://host:5000/v1/" -> "host:5000", and Docker Hub's several names -> "docker.io". The caller
 * frees it. */
char *registry_key(const char *registry);

/* The header that proves it, "X-Registry-Auth: ...". *ret_header is the caller's, NULL where
 * nothing is known (which is no error). given may be NULL. */
int credentials_for_pull(const struct docker *docker, const char *image,
                         const struct image_credentials *given,
                         const struct orchestrator_call *call, char **ret_header,
                         struct error **err);

#endif
