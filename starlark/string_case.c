/* String methods that look at or change letters. Case maps are simple ones: one code point to one.
 */
#include "starlark/string_methods.h"
#include "starlark/unicode.h"
#include "starlark/utf8.h"

bool sl_no_args(struct star_vm *vm, const struct star_args *args)
{
    return star_unpack_positional(vm, args, 0, NULL, 0) &&
           sl_charge(vm, as_str(args->self)->size / 16);
}

typedef uint32_t (*case_map)(uint32_t point);

/* Each code point through `map`, ASCII in place. */
static star_value map_case(struct star_vm *vm, const struct star_args *args, case_map map)
{
    struct str *str = as_str(args->self);
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    if (sl_str_is_ascii(str)) {
        struct str *mapped = sl_str_room(vm, str->size, K_STRING);
        for (uint32_t i = 0; mapped && i < str->size; i++)
            mapped->data[i] = (char)map((unsigned char)str->data[i]);
        return object_value(mapped);
    }
    struct star_text text = TEXT_INIT(vm);
    uint32_t point;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        sl_text_put_point(&text, map(point));
    }
    return sl_text_finish(&text);
}

star_value sl_string_lower(struct star_vm *vm, const struct star_args *args)
{
    return map_case(vm, args, sl_to_lower);
}

star_value sl_string_upper(struct star_vm *vm, const struct star_args *args)
{
    return map_case(vm, args, sl_to_upper);
}

star_value sl_string_capitalize(struct star_vm *vm, const struct star_args *args)
{
    struct str *str = as_str(args->self);
    struct star_text text = TEXT_INIT(vm);
    uint32_t point;
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        bool first = p == str->data;
        p += sl_utf8_decode(p, end, &point);
        sl_text_put_point(&text, first ? sl_to_title(point) : sl_to_lower(point));
    }
    return sl_text_finish(&text);
}

/* The first letter of each word in title case, the others in lower case. */
star_value sl_string_title(struct star_vm *vm, const struct star_args *args)
{
    struct str *str = as_str(args->self);
    struct star_text text = TEXT_INIT(vm);
    uint32_t point;
    bool in_word = false;
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        bool letter = sl_is_letter(point);
        sl_text_put_point(&text, !letter   ? point
                                 : in_word ? sl_to_lower(point)
                                           : sl_to_title(point));
        in_word = letter;
    }
    return sl_text_finish(&text);
}

/* ------------------------------------------------------------------------------------------------------------------
 * classes */

/* True if the string is not empty and all its code points are in a class. */
static star_value all_in(struct star_vm *vm, const struct star_args *args,
                         bool (*in)(uint32_t point))
{
    struct str *str = as_str(args->self);
    uint32_t point;
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        if (!in(point))
            return V_FALSE;
    }
    return bool_make(str->size > 0);
}

static bool is_alphanumeric(uint32_t point)
{
    return sl_is_letter(point) || sl_is_digit(point);
}

star_value sl_string_isalnum(struct star_vm *vm, const struct star_args *args)
{
    return all_in(vm, args, is_alphanumeric);
}

star_value sl_string_isalpha(struct star_vm *vm, const struct star_args *args)
{
    return all_in(vm, args, sl_is_letter);
}

star_value sl_string_isdigit(struct star_vm *vm, const struct star_args *args)
{
    return all_in(vm, args, sl_is_digit);
}

star_value sl_string_isspace(struct star_vm *vm, const struct star_args *args)
{
    return all_in(vm, args, sl_is_space);
}

static bool is_cased(uint32_t point)
{
    return sl_to_upper(point) != point || sl_to_lower(point) != point ||
           sl_to_title(point) != point;
}

/* Has letters with case, and is what `map` makes of it. */
static star_value is_mapped(struct star_vm *vm, const struct star_args *args, case_map map)
{
    struct str *str = as_str(args->self);
    uint32_t point;
    bool cased = false;
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        if (map(point) != point)
            return V_FALSE;
        cased |= is_cased(point);
    }
    return bool_make(cased);
}

star_value sl_string_islower(struct star_vm *vm, const struct star_args *args)
{
    return is_mapped(vm, args, sl_to_lower);
}

star_value sl_string_isupper(struct star_vm *vm, const struct star_args *args)
{
    return is_mapped(vm, args, sl_to_upper);
}

/* Capitals follow only what has no case, small letters only what has. */
star_value sl_string_istitle(struct star_vm *vm, const struct star_args *args)
{
    struct str *str = as_str(args->self);
    uint32_t point;
    bool cased = false, previous = false;
    if (!sl_no_args(vm, args))
        return STAR_NULL;
    for (const char *p = str->data, *end = p + str->size; p < end;) {
        p += sl_utf8_decode(p, end, &point);
        bool capital = (point >= 'A' && point <= 'Z') || sl_is_title(point) ||
                       (point >= 0x80 && sl_is_upper(point));
        bool small = sl_is_lower(point);
        if ((capital && previous) || (small && !previous))
            return V_FALSE;
        previous = capital || small;
        cased |= previous;
    }
    return bool_make(cased);
}
