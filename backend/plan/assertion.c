/* Comparing values. */
#include "backend/plan/assertion.h"

#include "backend/plan/schema.h"

#include <string.h>

static const char *const operators[] = {"==", "!=", ">=", ">", "<=", "<", "IN", "NOT_IN"};

static bool is_membership(const char *assertion)
{
    return strcmp(assertion, "IN") == 0 || strcmp(assertion, "NOT_IN") == 0;
}

void plan_check_assertion(const json_t *object, struct buf *problems)
{
    const char *assertion = plan_string(object, "assertion", "");
    const json_t *target = json_object_get(object, "target_value");
    bool known = false;
    for (size_t i = 0; i < ARRAY_LENGTH(operators); i++)
        known |= strcmp(assertion, operators[i]) == 0;
    if (!known)
        buf_printf(problems,
                   "The 'assertion' argument is '%s'; it can be '==', '!=', '>=', '>', '<=', '<', "
                   "'IN' or 'NOT_IN'\n",
                   assertion);
    else if (is_membership(assertion) && !json_is_array(target))
        buf_printf(problems, "'%s' needs a list as 'target_value', but it is of type '%s'\n",
                   assertion, target ? plan_type_name_of(target) : "NoneType");
}

/* -1, 0, 1; only of two values of one ordered type. */
static int compare(const json_t *a, const json_t *b)
{
    if (json_is_string(a))
        return strcmp(json_string_value(a), json_string_value(b));
    if (json_is_integer(a) && json_is_integer(b))
        return (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    if (json_is_boolean(a))
        return (int)json_is_true(a) - (int)json_is_true(b);
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

static bool is_ordered(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static bool same_type(const json_t *a, const json_t *b)
{
    return (json_is_number(a) && json_is_number(b)) ||
           strcmp(plan_type_name_of(a), plan_type_name_of(b)) == 0;
}

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return compare(a, b) == 0;
    return json_equal(a, b);
}

static bool contains(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element) if (equal(element, value)) return true;
    return false;
}

static bool ordering_holds(const char *assertion, int order)
{
    switch (assertion[0]) {
    case '>':
        return order > 0 || (assertion[1] == '=' && order == 0);
    case '<':
    default:
        return order < 0 || (assertion[1] == '=' && order == 0);
    }
}

/* A string as it is, another value as a script writes it. */
static void put_plain(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        buf_append(out, json_string_value(value), json_string_length(value));
    else
        plan_put_value(out, value);
}

static int fail(const char *what, const json_t *value, const char *assertion, const json_t *target,
                struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_printf(&text, "%s failed '", what);
    put_plain(&text, value);
    buf_printf(&text, "' '%s' '", assertion);
    put_plain(&text, target);
    buf_putc(&text, '\'');
    return error_set(err, EINVAL, "%s", text.data);
}

static int fail_types(const json_t *value, const json_t *target, struct error **err)
{
    cleanup(buf_done) struct buf text = BUF_INIT(BUF_MAX_TEXT);
    buf_puts(&text, "Verify failed because '");
    put_plain(&text, value);
    buf_printf(&text, "' is type '%s' and '", plan_type_name_of(value));
    put_plain(&text, target);
    buf_printf(&text, "' is type '%s'", plan_type_name_of(target));
    return error_set(err, EINVAL, "%s", text.data);
}

int plan_assert(const char *what, const json_t *value, const char *assertion, const json_t *target,
                struct error **err)
{
    bool holds;
    if (is_membership(assertion)) {
        holds = contains(target, value) == (strcmp(assertion, "IN") == 0);
    } else if (!same_type(value, target)) {
        return fail_types(value, target, err);
    } else if (strcmp(assertion, "==") == 0 || strcmp(assertion, "!=") == 0) {
        holds = equal(value, target) == (assertion[0] == '=');
    } else if (!is_ordered(value)) {
        return error_set(err, EINVAL, "Verify failed because '%s' cannot order values of type '%s'",
                         assertion, plan_type_name_of(value));
    } else {
        holds = ordering_holds(assertion, compare(value, target));
    }
    return holds ? 0 : fail(what, value, assertion, target, err);
}
