/*
 * Calls that no source of the project may make, because each has a safer twin; every source is
 * compiled with this header in front of it. What is left out: functions that are only slow, and
 * everything that a warning already catches.
 */
#ifndef KFS_BANNED_H
#define KFS_BANNED_H

/* The declarations first: a poisoned word may not be seen again, not even in a system header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy \
    strncat                         /* buf_append, memcpy with a length that was checked */
#pragma GCC poison sprintf vsprintf /* snprintf, buf_printf */
#pragma GCC poison strtok           /* strtok_r, strchr */
#pragma GCC poison gmtime localtime ctime asctime /* the _r forms */
#pragma GCC poison atoi atol atoll atof           /* strtol and its kin, which tell errors */
#pragma GCC poison gets tmpnam tempnam mktemp

#endif
