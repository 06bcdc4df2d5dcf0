/* UUIDs from the kernel's random numbers (RFC 4122, version 4). */
#include "backend/base/uuid.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void uuid_new(char out[static UUID_LENGTH + 1])
{
    unsigned char bytes[16];
    while (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        continue;
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool uuid_valid(const char *text)
{
    return strspn(text, "0123456789abcdef") == UUID_LENGTH && text[UUID_LENGTH] == '\0';
}
