/*
 * Validation: checking the whole plan before anything is touched, against a picture of the enclave
 * that changes as the instructions would change it; and making its images present.
 */
#ifndef KFS_PLAN_VALIDATE_H
#define KFS_PLAN_VALIDATE_H

#include "backend/plan/document.h"
#include "backend/plan/execute.h"

/* The enclave as it is at a point of the plan. */
struct plan_world {
    json_t *services;       /* {NAME: its configuration} */
    json_t *identifiers;    /* {UUID or short UUID: NAME}, of services that were there before */
    json_t *artifacts;      /* {NAME: true} */
    json_t *made_services;  /* added by this plan so far */
    json_t *made_artifacts; /* made by this plan so far */
    json_t *reserved;       /* {SERVICE: {"cpu", "memory"}}, of services added by this plan */
    int64_t cpu_left, memory_left; /* millicores, megabytes; negative: unknown */
};

/* Checks all instructions. EINVAL with all that is wrong, and where. enclave as
 * plan_effects.describe gives it. */
int plan_validate(const struct plan *plan, const json_t *enclave, struct error **err);

/* Makes the images of the instructions that may run present, four at a time, and tells of it. */
int plan_ensure_images(const struct execution *execution, const bool *may, struct error **err);

/* Checks that instructions share. */
bool world_check_service(const struct plan_world *world, const char *name, const char *instruction,
                         struct buf *problems);
/* The mount paths of `files`, and that what is mounted exists. */
void world_check_mounts(const struct plan_world *world, const json_t *files, const char *who,
                        struct buf *problems);
void world_check_artifact_name(const char *name, struct buf *problems);
/* An instruction makes this artifact: its name is valid, and made only once in a plan. */
void world_make_artifact(struct plan_world *world, const char *name, struct buf *problems);
void world_check_image(const json_t *image, struct buf *problems);
/* The port that a recipe asks, if it is one that asks, is among those of the service's
 * configuration; of a ready condition, those that stand beside it. */
void world_check_port(const json_t *config, const char *service, const json_t *recipe,
                      struct buf *problems);
void world_check_ready(const json_t *config, const char *service, struct buf *problems);

#endif
