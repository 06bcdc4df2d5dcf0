/* Identifiers as Kurtosis users know them: a version-4 UUID printed as 32 lower-case hex digits,
 * short form the first 12. */
#ifndef KFS_BASE_UUID_H
#define KFS_BASE_UUID_H

#include <stdbool.h>

enum {
    UUID_LENGTH = 32,      /* characters, without the closing '\0' */
    UUID_SHORT_LENGTH = 12 /* the prefix that people type */
};

/* Fills out with a new random UUID. Cannot fail: getrandom(2) does not for 16 bytes once the system
 * is up. */
void uuid_new(char out[static UUID_LENGTH + 1]);

/* Whether text is exactly 32 lower-case hex digits. */
bool uuid_valid(const char *text);

#endif
