/*
 * kfs-extract MEMORY_BYTES CPU_SECONDS: applies jq programs to a JSON text. A jq program is a
 * program: it can loop, eat memory, or find a fault of its library, so it runs confined too, in a
 * child of its own, because the interpreter would pay for loading the library at each start.
 *
 *     START   {"programs": {KEY: program}}, the JSON text
 *     DONE    {"values": {KEY: value}}
 *     FAILED  {"message"}
 */
#include "backend/plan/interpreter/confine.h"

#include "backend/plan/frame.h"
#include "backend/plan/interpreter/exact.h"

#include <jq.h>
#include <jv.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 200,        /* of nesting in a value */
    RESULTS_MAX = 1000000,  /* of one program */
    INPUT_SHOWN_MAX = 1000, /* bytes of the input in an error */
};
/* Up to here doubles and 64-bit integers agree. */
static const double integer_max = 9223372036854774784.0;

/* Of the input; this process does one. */
static struct exact exact;

static json_t *value_of(jv value, unsigned depth);

/* Consumes the list. */
static json_t *list_of(jv list, unsigned depth)
{
    json_t *json = json_array();
    jv_array_foreach(list, i, element) json_array_append_new(json, value_of(element, depth));
    jv_free(list);
    return json;
}

/* Consumes the object. */
static json_t *object_of(jv object, unsigned depth)
{
    json_t *json = json_object();
    jv_object_foreach(object, key, member)
    {
        json_object_set_new(json, jv_string_value(key), value_of(member, depth));
        jv_free(key);
    }
    jv_free(object);
    return json;
}

static json_t *number_of(double number)
{
    int64_t integer;
    if (exact_find(&exact, number, &integer))
        return json_integer(integer);
    if (number == trunc(number) && fabs(number) < integer_max)
        return json_integer((json_int_t)number);
    json_t *json = json_real(number);
    return json ? json : json_null();
}

/* Consumes the value. */
static json_t *value_of(jv value, unsigned depth)
{
    json_t *json = NULL;
    switch (depth < DEPTH_MAX ? jv_get_kind(value) : JV_KIND_NULL) {
    case JV_KIND_ARRAY:
        return list_of(value, depth + 1);
    case JV_KIND_OBJECT:
        return object_of(value, depth + 1);
    case JV_KIND_STRING:
        json = json_stringn(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
        break;
    case JV_KIND_NUMBER:
        json = number_of(jv_number_value(value));
        break;
    case JV_KIND_TRUE:
    case JV_KIND_FALSE:
        json = json_boolean(jv_get_kind(value) == JV_KIND_TRUE);
        break;
    case JV_KIND_NULL:
    case JV_KIND_INVALID:
    default:
        break;
    }
    jv_free(value);
    return json ? json : json_null();
}

/* ---- running programs ---- */

static void take_complaint(void *context, jv message)
{
    struct buf *complaint = context;
    jv text = jv_dump_string(message, 0);
    const char *string = jv_string_value(text);
    if (complaint->length == 0)
        buf_puts(complaint, string);
    jv_free(text);
}

/* What the program makes of the input: one value, several as a list, none as NULL. */
static json_t *results_of(jq_state *jq, jv input)
{
    json_t *list = json_array();
    jq_start(jq, jv_copy(input), 0);
    for (unsigned i = 0; i < RESULTS_MAX; i++) {
        jv result = jq_next(jq);
        if (!jv_is_valid(result)) {
            jv_free(result);
            break;
        }
        if (jv_get_kind(result) == JV_KIND_NULL)
            jv_free(result);
        else
            json_array_append_new(list, value_of(result, 0));
    }
    json_t *value = json_array_size(list) == 0   ? NULL
                    : json_array_size(list) == 1 ? json_incref(json_array_get(list, 0))
                                                 : json_incref(list);
    json_decref(list);
    return value;
}

static json_t *apply(const char *program, jv input, const char *text, struct buf *problem)
{
    cleanup(buf_done) struct buf complaint = BUF_INIT(BUF_MAX_TEXT);
    jq_state *jq = jq_init();
    json_t *value = NULL;
    if (!jq) {
        buf_puts(problem, "out of memory");
        return NULL;
    }
    jq_set_error_cb(jq, take_complaint, &complaint);
    if (!jq_compile(jq, program)) {
        buf_printf(problem, "An error occurred when parsing field extractor '%s': %s", program,
                   complaint.data);
    } else {
        value = results_of(jq, input);
        if (!value)
            buf_printf(problem, "No field '%s' was found on input '%.*s'", program, INPUT_SHOWN_MAX,
                       text);
    }
    jq_teardown(&jq);
    return value;
}

static json_t *apply_all(const json_t *programs, const struct buf *text, struct buf *problem)
{
    json_t *values = json_object();
    const char *key;
    json_t *program;
    jv input = jv_parse_sized(text->data, (int)text->length);
    if (!jv_is_valid(input))
        buf_printf(problem, "the answer is not JSON, which extractors need: '%.*s'",
                   INPUT_SHOWN_MAX, text->data);
    exact_collect(&exact, text->data, text->length);
    json_object_foreach((json_t *)programs, key, program)
    {
        json_t *value =
            problem->length ? NULL : apply(json_string_value(program), input, text->data, problem);
        if (value)
            json_object_set_new(values, key, value);
    }
    jv_free(input);
    exact_done(&exact);
    return values;
}

static int serve(void)
{
    struct frame request;
    if (frame_receive(FRAME_CHILD_FD, NULL, NULL, &request, NULL) < 0)
        return 1;
    struct buf problem = BUF_INIT(BUF_MAX_TEXT);
    json_t *values = apply_all(json_object_get(request.json, "programs"), &request.bytes, &problem);
    json_t *message = json_string(problem.data);
    json_t *answer = problem.length
                         ? json_pack("{s:o}", "message",
                                     message ? message : json_string("the extraction failed"))
                         : json_pack("{s:o}", "values", values);
    return frame_send(FRAME_CHILD_FD, problem.length ? FRAME_FAILED : FRAME_DONE, answer, NULL, 0,
                      NULL) == 0
               ? 0
               : 1;
}

int main(int argc, char **argv)
{
    struct confine_limits limits;
    if (confine_parse_limits(argc, argv, &limits) < 0)
        return 2;
    json_object_seed(0);
    if (confine_enter(FRAME_CHILD_FD, &limits) < 0)
        return 3;
    _exit(serve());
}
