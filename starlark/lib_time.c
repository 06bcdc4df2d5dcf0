/* Module time: moments with a zone, durations, and what can be done with them. Both are types like
 * a host's own. */
#include "starlark/args.h"
#include "starlark/duration.h"
#include "starlark/error.h"
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/layout.h"

#include <time.h>

#define RFC3339 "2006-01-02T15:04:05Z07:00"

struct time {
    struct moment moment;
    struct zone zone;
};

static const struct star_type time_type;

static struct time *time_of(star_value value)
{
    return star_object_type(value) == &time_type ? star_object_body(value) : NULL;
}

/* Takes the zone over, also when it fails. */
static star_value time_new(struct star_vm *vm, struct moment moment, struct zone zone)
{
    star_value value = star_object_new(vm, &time_type);
    if (star_is_null(value))
        sl_zone_free(&zone);
    else
        *(struct time *)star_object_body(value) = (struct time){.moment = moment, .zone = zone};
    return value;
}

static bool zone_copy(struct star_vm *vm, const struct zone *from, struct zone *to)
{
    *to = *from;
    to->data = from->data ? malloc(from->size + 1) : NULL;
    if (!from->data)
        return true;
    if (!to->data) {
        sl_fail_limit(vm, "out of memory");
        return false;
    }
    memcpy(to->data, from->data, from->size + 1);
    return true;
}

static bool zone_load(struct star_vm *vm, struct zone *zone, const char *name)
{
    if (sl_zone_load(zone, name))
        return true;
    star_fail(vm, "unknown time zone %s", name);
    return false;
}

/* ------------------------------------------------------------------------------------------------------------------
 * moments */

static struct moment moment_add(struct moment moment, int64_t nanoseconds)
{
    int64_t seconds = nanoseconds / 1000000000,
            rest = moment.nanoseconds + nanoseconds % 1000000000;
    seconds += rest / 1000000000 - (rest % 1000000000 < 0);
    rest -= (rest / 1000000000 - (rest % 1000000000 < 0)) * 1000000000;
    return (struct moment){.seconds = (int64_t)((uint64_t)moment.seconds + (uint64_t)seconds),
                           .nanoseconds = (int32_t)rest};
}

/* Saturates, as Go's Sub. */
static int64_t moment_difference(struct moment a, struct moment b)
{
    int64_t seconds, nanoseconds;
    if (__builtin_sub_overflow(a.seconds, b.seconds, &seconds) ||
        __builtin_mul_overflow(seconds, 1000000000, &nanoseconds) ||
        __builtin_add_overflow(nanoseconds, a.nanoseconds - b.nanoseconds, &nanoseconds))
        return a.seconds < b.seconds ? INT64_MIN : INT64_MAX;
    return nanoseconds;
}

static star_value time_format(struct star_vm *vm, const struct star_args *args)
{
    const char *layout;
    struct time *time = time_of(args->self);
    struct star_text text = TEXT_INIT(vm);
    if (!UNPACK(vm, args, PARAM("x", TEXT, &layout)))
        return STAR_NULL;
    sl_layout_format(&text, time->moment, &time->zone, layout);
    return sl_text_finish(&text);
}

static star_value time_in_location(struct star_vm *vm, const struct star_args *args)
{
    const char *name;
    struct zone zone;
    if (!UNPACK(vm, args, PARAM("x", TEXT, &name)) || !zone_load(vm, &zone, name))
        return STAR_NULL;
    return time_new(vm, time_of(args->self)->moment, zone);
}

static star_value time_field(struct star_vm *vm, const struct time *time, const char *name)
{
    struct civil c;
    sl_civil(time->moment, &time->zone, &c);
    if (strcmp(name, "year") == 0)
        return sl_int(vm, c.year);
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {{"month", c.month},
                  {"day", c.day},
                  {"hour", c.hour},
                  {"minute", c.minute},
                  {"second", c.second},
                  {"nanosecond", time->moment.nanoseconds},
                  {"unix", time->moment.seconds}};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strcmp(name, fields[i].name) == 0)
            return sl_int(vm, fields[i].value);
    return STAR_NULL;
}

static star_value time_attr(struct star_vm *vm, star_value self, const char *name)
{
    const struct time *time = time_of(self);
    if (strcmp(name, "unix_nano") == 0)
        return sl_int(vm, (int64_t)((uint64_t)time->moment.seconds * 1000000000u +
                                    (uint64_t)time->moment.nanoseconds));
    if (strcmp(name, "format") == 0)
        return star_builtin_new_bound(vm, "format", time_format, NULL, self);
    if (strcmp(name, "in_location") == 0)
        return star_builtin_new_bound(vm, "in_location", time_in_location, NULL, self);
    return time_field(vm, time, name);
}

static bool append_names(struct star_vm *vm, star_value list, const char *const *names)
{
    for (; *names; names++) {
        star_value name = star_string_z(vm, *names);
        if (star_is_null(name) || !star_list_append(vm, list, name))
            return false;
    }
    return true;
}

static bool time_attr_names(struct star_vm *vm, star_value self, star_value list)
{
    static const char *const names[] = {"year",      "month",  "day",         "hour",
                                        "minute",    "second", "nanosecond",  "unix",
                                        "unix_nano", "format", "in_location", NULL};
    (void)self;
    return append_names(vm, list, names);
}

static void time_str(struct star_vm *vm, star_value self, struct star_text *out)
{
    (void)vm;
    sl_layout_format(out, time_of(self)->moment, &time_of(self)->zone,
                     "2006-01-02 15:04:05.999999999 -0700 MST");
}

static bool time_hash(struct star_vm *vm, star_value self, uint32_t *ret_hash)
{
    struct moment moment = time_of(self)->moment;
    *ret_hash =
        sl_hash_int((uint64_t)moment.seconds * 1000003u + (uint64_t)moment.nanoseconds, vm->key);
    return true;
}

static bool order_holds(enum star_order order, int comparison)
{
    return order == STAR_LT   ? comparison < 0
           : order == STAR_LE ? comparison <= 0
           : order == STAR_EQ ? comparison == 0
           : order == STAR_NE ? comparison != 0
           : order == STAR_GE ? comparison >= 0
                              : comparison > 0;
}

static bool time_compare(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                         bool *ret_holds)
{
    struct moment x = time_of(a)->moment, y = time_of(b)->moment;
    int seconds = (x.seconds > y.seconds) - (x.seconds < y.seconds);
    int rest = (x.nanoseconds > y.nanoseconds) - (x.nanoseconds < y.nanoseconds);
    (void)vm;
    *ret_holds = order_holds(order, seconds ? seconds : rest);
    return true;
}

static star_value time_binary(struct star_vm *vm, enum star_op op, star_value self,
                              star_value other, bool left)
{
    const struct time *time = time_of(self), *to = time_of(other);
    int64_t duration;
    struct zone zone;
    if (op == STAR_SUB && left && to)
        return sl_duration_new(vm, moment_difference(time->moment, to->moment));
    if (!sl_duration_get(other, &duration) || (op != STAR_ADD && (op != STAR_SUB || !left)))
        return STAR_NULL;
    if (op == STAR_SUB)
        duration = duration == INT64_MIN ? INT64_MAX : -duration;
    return zone_copy(vm, &time->zone, &zone)
               ? time_new(vm, moment_add(time->moment, duration), zone)
               : STAR_NULL;
}

static bool time_truth(star_value self)
{
    return time_of(self)->moment.seconds != -62135596800 ||
           time_of(self)->moment.nanoseconds != 0; /* Go's zero: year 1 */
}

static void time_free(void *body)
{
    sl_zone_free(&((struct time *)body)->zone);
}

static const struct star_type time_type = {
    .name = "time.time",
    .size = sizeof(struct time),
    .str = time_str,
    .truth = time_truth,
    .hash = time_hash,
    .compare = time_compare,
    .attr = time_attr,
    .attr_names = time_attr_names,
    .binary = time_binary,
    .free = time_free,
};

/* ----------------------------------------------------------------------------------------------------------------
 * built-ins */

static star_value lib_from_timestamp(struct star_vm *vm, const struct star_args *args)
{
    int64_t seconds, nanoseconds = 0;
    struct zone zone;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(INT, &seconds), ARG(INT, &nanoseconds)))
        return STAR_NULL;
    sl_zone_load(&zone, "UTC");
    return time_new(vm, moment_add((struct moment){.seconds = seconds}, nanoseconds), zone);
}

static star_value lib_is_valid_timezone(struct star_vm *vm, const struct star_args *args)
{
    const char *name;
    struct zone zone;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(TEXT, &name)))
        return STAR_NULL;
    bool valid = sl_zone_load(&zone, name);
    if (valid)
        sl_zone_free(&zone);
    return star_bool(valid);
}

static star_value lib_now(struct star_vm *vm, const struct star_args *args)
{
    struct moment now = {0};
    struct zone zone;
    if (!star_unpack_positional(vm, args, 0, NULL, 0))
        return STAR_NULL;
    if (vm->config.now) {
        vm->config.now(vm->config.data, &now.seconds, &now.nanoseconds);
    } else {
        struct timespec system;
        clock_gettime(CLOCK_REALTIME, &system);
        now = (struct moment){.seconds = system.tv_sec, .nanoseconds = (int32_t)system.tv_nsec};
    }
    sl_zone_load(&zone, "Local");
    return time_new(vm, now, zone);
}

static star_value lib_parse_duration(struct star_vm *vm, const struct star_args *args)
{
    star_value x;
    int64_t duration;
    if (!UNPACK_POSITIONAL(vm, args, 1, ARG(VALUE, &x)))
        return STAR_NULL;
    if (sl_duration_get(x, &duration))
        return x;
    if (!star_text_of(x, NULL) || star_kind_of(x) != STAR_STRING)
        return star_fail(vm,
                         "parse_duration: for parameter 1: got %s, want a duration, string, or int",
                         star_type_name(x));
    if (!sl_duration_parse(vm, as_str(x), &duration)) {
        sl_error_restack(vm, "parse_duration: for parameter 1: ");
        return STAR_NULL;
    }
    return sl_duration_new(vm, duration);
}

static star_value lib_parse_time(struct star_vm *vm, const struct star_args *args)
{
    const char *text, *layout = RFC3339, *location = "UTC";
    struct zone zone;
    struct moment moment;
    if (!UNPACK(vm, args, PARAM("x", TEXT, &text), PARAM("format?", TEXT, &layout),
                PARAM("location?", TEXT, &location)) ||
        !zone_load(vm, &zone, location))
        return STAR_NULL;
    if (sl_layout_parse(vm, layout, text, &zone, &moment))
        return time_new(vm, moment, zone);
    sl_zone_free(&zone);
    return STAR_NULL;
}

static star_value lib_time(struct star_vm *vm, const struct star_args *args)
{
    int32_t f[7] = {0};
    const char *location = "UTC";
    struct zone zone;
    if (args->count > 0)
        return star_fail(vm, "time: unexpected positional arguments");
    if (!UNPACK(vm, args, PARAM("year?", INT32, &f[0]), PARAM("month?", INT32, &f[1]),
                PARAM("day?", INT32, &f[2]), PARAM("hour?", INT32, &f[3]),
                PARAM("minute?", INT32, &f[4]), PARAM("second?", INT32, &f[5]),
                PARAM("nanosecond?", INT32, &f[6]), PARAM("location?", TEXT, &location)) ||
        !zone_load(vm, &zone, location))
        return STAR_NULL;
    return time_new(vm, sl_moment(f[0], f[1], f[2], f[3], f[4], f[5], f[6], &zone), zone);
}

star_value star_lib_time(struct star_vm *vm)
{
    const struct star_binding members[] = {
        {"from_timestamp", star_builtin_new(vm, "from_timestamp", lib_from_timestamp, NULL)},
        {"is_valid_timezone",
         star_builtin_new(vm, "is_valid_timezone", lib_is_valid_timezone, NULL)},
        {"now", star_builtin_new(vm, "now", lib_now, NULL)},
        {"parse_duration", star_builtin_new(vm, "parse_duration", lib_parse_duration, NULL)},
        {"parse_time", star_builtin_new(vm, "parse_time", lib_parse_time, NULL)},
        {"time", star_builtin_new(vm, "time", lib_time, NULL)},
        {"nanosecond", sl_duration_new(vm, 1)},
        {"microsecond", sl_duration_new(vm, 1000)},
        {"millisecond", sl_duration_new(vm, 1000000)},
        {"second", sl_duration_new(vm, 1000000000)},
        {"minute", sl_duration_new(vm, 60 * INT64_C(1000000000))},
        {"hour", sl_duration_new(vm, 3600 * INT64_C(1000000000))},
    };
    return vm->error ? STAR_NULL : star_module_new(vm, "time", members, COUNT_OF(members));
}
