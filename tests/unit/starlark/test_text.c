/* Numbers, strings and Unicode below the language: shortest floats, immediate floats, UTF-8, case
 * maps, hints. */
#include "starlark/float.h"
#include "starlark/int.h"
#include "starlark/spell.h"
#include "starlark/str.h"
#include "starlark/unicode.h"
#include "starlark/utf8.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_float(struct star_vm *vm, double d, const char *text)
{
    struct star_text out = TEXT_INIT(vm);
    sl_float_format(&out, d);
    sl_text_put(&out, "", 1);
    assert_string_equal(out.data, text);
    sl_text_free(&out);
}

static void floats_print_shortest(void **state)
{
    (void)state;
    struct star_vm *vm = star_vm_new(NULL);
    assert_float(vm, 0.0, "0.0");
    assert_float(vm, -0.0, "-0.0");
    assert_float(vm, 0.1 + 0.2, "0.30000000000000004");
    assert_float(vm, 100000.0, "100000.0");
    assert_float(vm, 999999.5, "999999.5");
    assert_float(vm, 1e6, "1e+06");
    assert_float(vm, 1234567.0, "1.234567e+06");
    assert_float(vm, 1e-4, "0.0001");
    assert_float(vm, 1e-5, "1e-05");
    assert_float(vm, 5e-324, "5e-324");
    assert_float(vm, 0x1p-44, "5.684341886080802e-14");
    assert_float(vm, 1.7976931348623157e308, "1.7976931348623157e+308");
    assert_float(vm, -INFINITY, "-inf");
    assert_float(vm, NAN, "nan");
    star_vm_free(vm);
}

static void floats_survive_being_immediate(void **state)
{
    static const double numbers[] = {0.0, 1.0, -1.0, 0.1, -1e-70, 1e70, 1e-76, 3.5e76, M_PI, -2.5};
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        star_value value = flo_make(numbers[i]);
        assert_true(is_flo(value) && flo_get(value) == numbers[i]);
        assert_false(is_small(value) || is_pointer(value));
    }
    assert_true(star_is_null(flo_make(-0.0)) && star_is_null(flo_make(1e300)) &&
                star_is_null(flo_make(NAN)));
}

static void big_ints_round_to_floats(void **state)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {{"9007199254740993", 9007199254740992.0},
                 {"9007199254740995", 9007199254740996.0},
                 {"36893488147419103233", 36893488147419103232.0},
                 {"340282366920938463463374607431768211456", 0x1p128}};
    (void)state;
    struct star_vm *vm = star_vm_new(NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double d;
        assert_true(
            sl_int_double(star_int_parse(vm, cases[i].text, strlen(cases[i].text), 10), &d));
        assert_true(d == cases[i].number);
    }
    star_vm_free(vm);
}

static void utf8_is_strict(void **state)
{
    (void)state;
    assert_true(sl_utf8_valid("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9));
    assert_false(sl_utf8_valid("\xc0\x80", 2));         /* overlong */
    assert_false(sl_utf8_valid("\xed\xa0\x80", 3));     /* a surrogate */
    assert_false(sl_utf8_valid("\xf4\x90\x80\x80", 4)); /* beyond the last */
    assert_int_equal(sl_utf8_count("a\xff\xc3\xa9", 4), 3);
    uint32_t point;
    const char *text = "a\xc3\xa9";
    assert_int_equal(sl_utf8_decode_last(text, text + 3, &point), 2);
    assert_int_equal(point, 0xe9);
}

static void letters_are_known(void **state)
{
    (void)state;
    assert_true(sl_is_letter(0xe9) && sl_is_letter(0x4e2d) && !sl_is_letter('1'));
    assert_true(sl_is_digit(0x0665) && sl_is_space(0x2003) && !sl_is_space(0x1c));
    assert_int_equal(sl_to_upper(0xe9), 0xc9);
    assert_int_equal(sl_to_upper(0xdf), 0xdf); /* sharp s has no single capital */
    assert_int_equal(sl_to_title(0x1c6), 0x1c5);
    assert_int_equal(sl_to_lower(0x130), 0x69);
    assert_true(sl_is_printable(0x2260) && !sl_is_printable(0x200b) && !sl_is_printable(0xa0));
}

static void hints_are_near(void **state)
{
    static const char *const names[] = {"upper", "lower", "strip", "split", "splitlines"};
    (void)state;
    assert_string_equal(sl_spell_nearest("uper", names, 5), "upper");
    assert_string_equal(sl_spell_nearest("U_PPER", names, 5), "upper");
    assert_null(sl_spell_nearest("xyz", names, 5));
    assert_null(sl_spell_nearest("", names, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_print_shortest),
        cmocka_unit_test(floats_survive_being_immediate),
        cmocka_unit_test(big_ints_round_to_floats),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(letters_are_known),
        cmocka_unit_test(hints_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
