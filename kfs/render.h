/*
 * What the files of the tree say: from facts to text. One fact a file, a newline at the end, no
 * decoration; where a person reads, aligned columns. A text is a pure function of the facts, so
 * that its length is the file's size whoever asks.
 */
#ifndef KFS_RENDER_H
#define KFS_RENDER_H

#include "kfs/subject.h"

/* <mount>/ and engine/ */
void render_readme(const struct subject *subject, struct buf *out);
void render_engine_status(const struct subject *subject, struct buf *out);
void render_engine_version(const struct subject *subject, struct buf *out);
void render_engine_enclaves(const struct subject *subject, struct buf *out);
void render_engine_errors(const struct subject *subject, struct buf *out);

/* of an enclave */
void render_enclave_status(const struct subject *subject, struct buf *out);
void render_enclave_uuid(const struct subject *subject, struct buf *out);
void render_enclave_created(const struct subject *subject, struct buf *out);
void render_enclave_error(const struct subject *subject, struct buf *out);
void render_enclave_inspect(const struct subject *subject, struct buf *out);
void render_last_run(const struct subject *subject, struct buf *out);

/* of a run */
void render_run_status(const struct subject *subject, struct buf *out);
void render_run_started(const struct subject *subject, struct buf *out);
void render_run_finished(const struct subject *subject, struct buf *out);

/* of a service */
void render_service_status(const struct subject *subject, struct buf *out);
void render_service_ports(const struct subject *subject, struct buf *out);
void render_service_port(const struct subject *subject, struct buf *out);
void render_service_uuid(const struct subject *subject, struct buf *out);
void render_service_image(const struct subject *subject, struct buf *out);
void render_service_hostname(const struct subject *subject, struct buf *out);
void render_service_ip(const struct subject *subject, struct buf *out);
void render_service_created(const struct subject *subject, struct buf *out);
void render_service_cmd(const struct subject *subject, struct buf *out);
void render_service_env(const struct subject *subject, struct buf *out);
void render_service_config(const struct subject *subject, struct buf *out);
void render_service_inspect(const struct subject *subject, struct buf *out);

/* Shared by the pages above. */

/* "http: 80/tcp -> http://127.0.0.1:60785", without a newline. */
void render_put_port(const struct port_facts *port, struct buf *out);
/* A centred title between '=' as wide as Kurtosis's pages, with its newline. */
void render_put_heading(const char *title, struct buf *out);
/* text and a newline; nothing at all for an empty text. */
void render_put_line(const char *text, struct buf *out);

#endif
