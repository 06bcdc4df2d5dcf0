/* The entries of the tree that the model names: enclaves, runs, services, ports. */
#ifndef KFS_MEMBERS_H
#define KFS_MEMBERS_H

#include "kfs/row.h"

extern const struct members members_enclaves;
extern const struct members members_runs;
extern const struct members members_services;
extern const struct members members_ports;

/* Whether the enclave has a run that `runs/last` can lead to. */
bool has_last_run(const struct subject *subject);

#endif
