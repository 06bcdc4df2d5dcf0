/*
 * The engine's own log file (driver json-file), read in place: one JSON object a line,
 *
 *     {"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.678901234Z"}
 *
 * with the members in this order, and perhaps "attrs" before "time". The usual line is taken apart
 * by hand, from its end, which is an order of magnitude faster than a JSON parser; any other line
 * goes to one.
 */
#ifndef KFS_DOCKER_JSONLOG_H
#define KFS_DOCKER_JSONLOG_H

#include "backend/orchestrator.h"

/* Remembers the day of the last entry. All zero at first; one per reader. */
struct jsonlog {
    char day[10];
    int64_t day_start; /* ns */
};

/* Decodes a line (without its newline) where it lies: the entry's text points into it. -1 if the
 * line is no entry; its bytes may have changed then too. */
int jsonlog_decode(struct jsonlog *jsonlog, char *line, size_t length, struct log_entry *ret_entry);

#endif
