/*
 * Times. A point in time is nanoseconds since 1970 UTC (real time) or since boot (for deadlines); a
 * duration is nanoseconds. All fit an int64_t until the year 2262.
 */
#ifndef KFS_BASE_CLOCK_H
#define KFS_BASE_CLOCK_H

#include "backend/base/buf.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND      INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)

int64_t clock_now(void);       /* real time */
int64_t clock_monotonic(void); /* does not jump; for deadlines */

struct timespec clock_timespec(int64_t nanoseconds);

/* A condition variable for clock_condition_wait: time that is set back does not prolong a wait. */
void clock_condition_init(pthread_cond_t *condition);
/* pthread_cond_wait, until a monotonic time at the latest; INT64_MAX: without end. */
void clock_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

/* "2026-08-18T09:05:07Z", always UTC; whole seconds. */
void clock_put_rfc3339(struct buf *buf, int64_t real_time);
/* "2026-08-18T09:05:07.123456789Z" */
void clock_put_rfc3339_nano(struct buf *buf, int64_t real_time);
/* "Tue, 18 Aug 2026 09:05:07 UTC", in the local time zone: what Kurtosis prints for a creation
 * time. */
void clock_put_rfc1123(struct buf *buf, int64_t real_time);
/* Reads RFC 3339 with any number of decimals and any zone offset. 0, or -1 if text is none, or
 * a time that an int64_t does not hold (years 1678 to 2261 are taken). */
int clock_parse_rfc3339(const char *text, int64_t *ret_real_time);

/* A duration in Go's syntax ("300ms", "1h30m", "-1.5s", "0"), as plans write them. EINVAL if it is
 * none or does not fit. */
int clock_parse_duration(const char *text, int64_t *ret_nanoseconds, struct error **err);
/* The same as Go prints it: "1h15m30.5s", "1.5µs", "2m0s", "0s". */
void clock_put_duration(struct buf *buf, int64_t nanoseconds);

#endif
