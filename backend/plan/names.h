/*
 * The shapes of names in plans (service, port, persistent directory, label), and placeholders:
 * texts that stand for a value known only while the plan executes,
 *
 *     {{kurtosis:0123456789abcdef0123456789abcdef:ip_address.runtime_value}}
 *
 * An id is 32 hex digits. It is a digest of what makes the value (a service's name; an
 * instruction's arguments and how many times they occurred before), so the same script gives the
 * same placeholders in every run, and what was stored for them stays valid.
 */
#ifndef KFS_PLAN_NAMES_H
#define KFS_PLAN_NAMES_H

#include "backend/base/buf.h"
#include "backend/base/uuid.h"

#include <stdbool.h>
#include <stddef.h>

/* ^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$, an RFC 1035 label; also of persistent directories. */
bool plan_service_name_valid(const char *name);
/* Of a files artifact, which is a directory in the tree: no '/', no '.' first, at most 200 bytes.
 */
bool plan_artifact_name_valid(const char *name);
/* ^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$ */
bool plan_port_id_valid(const char *id);
/* A label as both Docker and Kubernetes take it: the key ^[a-z0-9-._]+$, both at most 63 long. */
bool plan_label_key_valid(const char *key);
enum {
    PLAN_LABEL_MAX = 63
};

/* The name of a value under an id: ^[a-zA-Z0-9-_.]+$ */
enum {
    PLAN_FIELD_NAME_MAX = 200
};
bool plan_field_name_valid(const char *name);

/* The id for parts[0], parts[1] ... (count of them; parts may hold any bytes but are C strings). */
void plan_id_digest(const char *const *parts, size_t count, char ret_id[static UUID_LENGTH + 1]);
/* The id of a service's own values (ip_address, hostname). */
void plan_id_of_service(const char *name, char ret_id[static UUID_LENGTH + 1]);

void plan_put_placeholder(struct buf *out, const char *id, const char *field);

/* A placeholder found in a text. */
struct plan_placeholder {
    size_t start, end; /* bytes of the text */
    char id[UUID_LENGTH + 1];
    char field[256];
};
/* The first one at or after *offset; false if there is none. Moves *offset behind it. */
bool plan_placeholder_next(const char *text, size_t length, size_t *offset,
                           struct plan_placeholder *ret_found);

#endif
