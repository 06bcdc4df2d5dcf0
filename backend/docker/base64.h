/* Base64 as the engine's headers and config.json have it. RFC 4648, sections 4 and 5. */
#ifndef KFS_DOCKER_BASE64_H
#define KFS_DOCKER_BASE64_H

#include "backend/base/buf.h"

/* Appends the bytes in the URL-safe alphabet, padded: the engine reads it so since 20.10. */
void base64_encode(struct buf *out, const void *bytes, size_t length);
/* Appends the bytes of text, in either alphabet, padded or not. -1 if it is none. */
int base64_decode(struct buf *out, const char *text);

#endif
