/*
 * The module `assert`, for tests: it fails the interpretation, at the place of the call, if a value
 * known there is not what it should be. (What is known only while the plan executes is for
 * plan.verify.)
 *
 *     assert.eq(x, y)  ne(x, y)  lt(x, y)  contains(x, y)  true(condition, message?)  fail(message)
 *     assert.fails(function, pattern?)   pattern: an extended regular expression of POSIX
 */
#include "backend/plan/interpreter/interpreter.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

/* Fails with both values shown. */
static star_value fail_pair(struct star_vm *vm, const char *name, star_value x,
                            const char *relation, star_value y)
{
    star_value left = star_keep(vm, star_repr(vm, x));
    star_value right = star_is_null(left) ? left : star_keep(vm, star_repr(vm, y));
    if (star_is_null(right))
        return STAR_NULL;
    return star_fail(vm, "assert.%s: %s %s %s", name, star_text_of(left, NULL), relation,
                     star_text_of(right, NULL));
}

static bool take_pair(struct star_vm *vm, const struct star_args *args, star_value *ret_x,
                      star_value *ret_y)
{
    const struct star_param params[] = {{"x", STAR_WANT_VALUE, ret_x},
                                        {"y", STAR_WANT_VALUE, ret_y}};
    return star_unpack(vm, args, params, ARRAY_LENGTH(params));
}

static star_value assert_eq(struct star_vm *vm, const struct star_args *args)
{
    star_value x, y;
    bool equal;
    if (!take_pair(vm, args, &x, &y) || !star_equal(vm, x, y, &equal))
        return STAR_NULL;
    return equal ? star_none() : fail_pair(vm, "eq", x, "!=", y);
}

static star_value assert_ne(struct star_vm *vm, const struct star_args *args)
{
    star_value x, y;
    bool equal;
    if (!take_pair(vm, args, &x, &y) || !star_equal(vm, x, y, &equal))
        return STAR_NULL;
    return equal ? fail_pair(vm, "ne", x, "==", y) : star_none();
}

static star_value assert_lt(struct star_vm *vm, const struct star_args *args)
{
    star_value x, y;
    bool less;
    if (!take_pair(vm, args, &x, &y) || !star_compare(vm, STAR_LT, x, y, &less))
        return STAR_NULL;
    return less ? star_none() : fail_pair(vm, "lt", x, "is not less than", y);
}

static star_value assert_contains(struct star_vm *vm, const struct star_args *args)
{
    star_value x, y;
    if (!take_pair(vm, args, &x, &y))
        return STAR_NULL;
    star_value found = star_binary(vm, STAR_IN, y, x);
    if (star_is_null(found) || star_truth(found))
        return star_is_null(found) ? STAR_NULL : star_none();
    return fail_pair(vm, "contains", x, "does not contain", y);
}

static star_value assert_true(struct star_vm *vm, const struct star_args *args)
{
    star_value condition;
    const char *message = "the condition does not hold";
    const struct star_param params[] = {{"condition", STAR_WANT_VALUE, &condition},
                                        {"message?", STAR_WANT_TEXT, &message}};
    if (!star_unpack(vm, args, params, ARRAY_LENGTH(params)))
        return STAR_NULL;
    return star_truth(condition) ? star_none() : star_fail(vm, "assert.true: %s", message);
}

static star_value assert_fail(struct star_vm *vm, const struct star_args *args)
{
    const char *message = NULL;
    const struct star_param params[] = {{"message", STAR_WANT_TEXT, &message}};
    return star_unpack(vm, args, params, 1) ? star_fail(vm, "assert.fail: %s", message) : STAR_NULL;
}

/* Whether the message of a caught failure is the one that was meant. */
static star_value match(struct star_vm *vm, const char *message, const char *pattern)
{
    regex_t expression;
    if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return star_fail(vm, "assert.fails: '%s' is no regular expression", pattern);
    bool matches = regexec(&expression, message, 0, NULL, 0) == 0;
    regfree(&expression);
    if (matches)
        return star_none();
    return star_fail(vm, "assert.fails: it failed with '%s', which does not match '%s'", message,
                     pattern);
}

static star_value assert_fails(struct star_vm *vm, const struct star_args *args)
{
    star_value function;
    const char *pattern = "";
    const struct star_param params[] = {{"function", STAR_WANT_CALLABLE, &function},
                                        {"pattern?", STAR_WANT_TEXT, &pattern}};
    if (!star_unpack(vm, args, params, ARRAY_LENGTH(params)))
        return STAR_NULL;
    if (!star_is_null(star_call(vm, function, NULL)))
        return star_fail(vm, "assert.fails: it did not fail");
    struct star_error *error = star_take_error(vm);
    if (!error || error->kind == STAR_ERROR_CANCELLED || error->kind == STAR_ERROR_LIMIT)
        return error ? star_raise(vm, error) : star_fail(vm, "out of memory");
    star_value result = *pattern ? match(vm, error->message, pattern) : star_none();
    star_error_free(error);
    return result;
}

bool assert_declare(struct interpreter *in)
{
    static const struct {
        const char *name;
        star_builtin_fn function;
    } functions[] = {
        {"eq", assert_eq},       {"ne", assert_ne},     {"lt", assert_lt},
        {"true", assert_true},   {"fail", assert_fail}, {"contains", assert_contains},
        {"fails", assert_fails},
    };
    struct star_binding members[ARRAY_LENGTH(functions)];
    for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
        char name[32];
        snprintf(name, sizeof name, "assert.%s", functions[i].name);
        star_value function =
            star_keep(in->vm, star_builtin_new(in->vm, name, functions[i].function, NULL));
        if (star_is_null(function))
            return false;
        members[i] = (struct star_binding){functions[i].name, function};
    }
    return declare(in, "assert", star_module_new(in->vm, "assert", members, ARRAY_LENGTH(members)));
}
