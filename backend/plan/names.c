/* Names and placeholders. */
#include "backend/plan/names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool label_valid(const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length == 0 || length > max || !is_lower(text[0]) || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '-')
            return false;
    return true;
}

bool plan_service_name_valid(const char *name)
{
    return label_valid(name, 63);
}

bool plan_artifact_name_valid(const char *name)
{
    return *name != '\0' && *name != '.' && !strchr(name, '/') && strlen(name) <= 200;
}

bool plan_port_id_valid(const char *id)
{
    return label_valid(id, 15);
}

bool plan_label_key_valid(const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < length; i++)
        if (!is_lower(key[i]) && !is_digit(key[i]) && !strchr("-._", key[i]))
            return false;
    return length > 0 && length <= PLAN_LABEL_MAX;
}

/* FNV-1a with a finisher, twice with different starts: 128 bits that spread well. Not against
 * someone who seeks collisions: a script that makes two of its own values collide harms itself. */
static uint64_t digest(uint64_t hash, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (const char *at = parts[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
        hash = (hash ^ 0x1ff) * UINT64_C(0x100000001b3);
    }
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}

void plan_id_digest(const char *const *parts, size_t count, char ret_id[static UUID_LENGTH + 1])
{
    uint64_t high = digest(UINT64_C(0xcbf29ce484222325), parts, count);
    uint64_t low = digest(UINT64_C(0x6c62272e07bb0142), parts, count);
    snprintf(ret_id, UUID_LENGTH + 1, "%016llx%016llx", (unsigned long long)high,
             (unsigned long long)low);
}

void plan_id_of_service(const char *name, char ret_id[static UUID_LENGTH + 1])
{
    const char *parts[] = {"service", name};
    plan_id_digest(parts, 2, ret_id);
}

static const char prefix[] = "{{kurtosis:";
static const char suffix[] = ".runtime_value}}";

void plan_put_placeholder(struct buf *out, const char *id, const char *field)
{
    buf_printf(out, "%s%s:%s%s", prefix, id, field, suffix);
}

static bool is_field_char(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

bool plan_field_name_valid(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++)
        if (!is_field_char(name[i]))
            return false;
    return length > 0 && length <= PLAN_FIELD_NAME_MAX;
}

/* Reads ID:FIELD.runtime_value}} at `at`; gives where it ends, or NULL. */
static const char *parse_rest(const char *at, const char *end, struct plan_placeholder *found)
{
    if (end - at < UUID_LENGTH + 1 || at[UUID_LENGTH] != ':')
        return NULL;
    for (int i = 0; i < UUID_LENGTH; i++)
        if (!is_hex(at[i]))
            return NULL;
    memcpy(found->id, at, UUID_LENGTH);
    found->id[UUID_LENGTH] = '\0';
    const char *field = at + UUID_LENGTH + 1, *stop = field;
    while (stop < end && is_field_char(*stop))
        stop++;
    const size_t tail = strlen(".runtime_value");
    size_t length = (size_t)(stop - field);
    if (length <= tail || length - tail >= sizeof found->field || end - stop < 2 ||
        memcmp(stop - tail, suffix, strlen(suffix)) != 0)
        return NULL;
    memcpy(found->field, field, length - tail);
    found->field[length - tail] = '\0';
    return stop + 2;
}

bool plan_placeholder_next(const char *text, size_t length, size_t *offset,
                           struct plan_placeholder *ret_found)
{
    const char *at = text + *offset, *end = text + length;
    while (at < end && (at = memmem(at, (size_t)(end - at), prefix, strlen(prefix)))) {
        const char *stop = parse_rest(at + strlen(prefix), end, ret_found);
        if (stop) {
            ret_found->start = (size_t)(at - text);
            ret_found->end = (size_t)(stop - text);
            *offset = ret_found->end;
            return true;
        }
        at += strlen(prefix);
    }
    return false;
}
