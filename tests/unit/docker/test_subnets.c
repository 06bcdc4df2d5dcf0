/* Picking subnets: what is used is passed over, the cursor walks, the end is told. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/docker/subnets.h"
#include "tests/unit/docker/helpers.h"

#include <stdbool.h>
#include <string.h>

static uint32_t next(struct subnets *subnets, const struct ip_ranges *used)
{
    uint32_t first = 0;
    OK(subnets_next(subnets, used, &first, &err));
    return first;
}

static void test_cursor_walks_round(void **state)
{
    (void)state;
    struct subnets *subnets = subnets_new("10.0.0.0/21,10.8.0.0/22", NULL);
    const struct ip_ranges none = {0};
    assert_int_equal(next(subnets, &none), 0x0a000000);
    assert_int_equal(next(subnets, &none), 0x0a000400);
    assert_int_equal(next(subnets, &none), 0x0a080000);
    assert_int_equal(next(subnets, &none), 0x0a000000);
    subnets_free(subnets);
}

static void test_default_pool_holds_thousands(void **state)
{
    (void)state;
    struct subnets *subnets = subnets_new(NULL, NULL);
    const struct ip_ranges none = {0};
    assert_int_equal(next(subnets, &none), 0x0a400000);
    for (int i = 1; i < 4096; i++)
        assert_int_equal(next(subnets, &none), 0x0a400000 + (uint32_t)i * 1024);
    assert_int_equal(next(subnets, &none), 0x0a400000);
    subnets_free(subnets);
}

static void test_used_is_passed_over(void **state)
{
    (void)state;
    struct subnets *subnets = subnets_new("10.0.0.0/20", NULL);
    cleanup(ip_ranges_done) struct ip_ranges used = {0};
    struct ip_range range;
    assert_int_equal(ip_range_parse("10.0.1.7/32", &range), 0); /* within the first block */
    assert_int_equal(ip_ranges_add(&used, range), 0);
    assert_int_equal(ip_range_parse("10.0.8.0/21", &range), 0); /* the last two */
    assert_int_equal(ip_ranges_add(&used, range), 0);
    assert_int_equal(next(subnets, &used), 0x0a000400);
    assert_int_equal(next(subnets, &used), 0x0a000400);
    assert_int_equal(ip_range_parse("0.0.0.0/1", &range), 0);
    assert_int_equal(ip_ranges_add(&used, range), 0);
    uint32_t first;
    FAILS(subnets_next(subnets, &used, &first, &err), ENOSPC, "all 4 of the pool");
    subnets_free(subnets);
}

static void test_routes(void **state)
{
    (void)state;
    static const char text[] =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "broken line\n"
        "a-very-long-interface-name\t0004400A\t00000000\t0001\t0\t0\t0\t00FCFFFF\t0\t0\t0\n";
    cleanup(ip_ranges_done) struct ip_ranges ranges = {0};
    assert_int_equal(ip_ranges_add_routes(&ranges, text), 0);
    assert_int_equal(ranges.count, 2); /* the default route takes nothing */
    assert_int_equal(ranges.items[0].first, 0xac110000);
    assert_int_equal(ranges.items[0].last, 0xac11ffff);
    assert_int_equal(ranges.items[1].first, 0x0a400400);
    assert_int_equal(ranges.items[1].last, 0x0a4007ff);
}

static void test_host_has_its_loopback(void **state)
{
    (void)state;
    cleanup(ip_ranges_done) struct ip_ranges ranges = {0};
    assert_int_equal(ip_ranges_add_host(&ranges), 0);
    bool loopback = false;
    for (size_t i = 0; i < ranges.count; i++)
        loopback = loopback || ranges.items[i].first == 0x7f000000;
    assert_true(loopback);
}

static void test_bad_pools(void **state)
{
    (void)state;
    static const char *const pools[] = {"",           "10.0.0.0",      "10.0.0.0/33", "10.0.0.0/x",
                                        "10.0.0/8",   "10.0.0.0/23",   "fd00::/8",    ",",
                                        "10.0.0.0/ ", "10.0.0.0/8,hm", "/8"};
    for (size_t i = 0; i < ARRAY_LENGTH(pools); i++) {
        cleanup(error_free) struct error *err = NULL;
        assert_null(subnets_new(pools[i], &err));
        assert_int_equal(error_code(err), EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor_walks_round),
        cmocka_unit_test(test_default_pool_holds_thousands),
        cmocka_unit_test(test_used_is_passed_over),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_host_has_its_loopback),
        cmocka_unit_test(test_bad_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
