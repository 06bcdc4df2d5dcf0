/* Waiting for ports, against real sockets of this machine. */
#include "tests/unit/plan/unit.h"

#include "backend/base/clock.h"
#include "backend/plan/port_wait.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A bound TCP socket and its port. */
static int bound_socket(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &length);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static json_t *port_spec(int number, const char *transport, const char *wait)
{
    return json_pack("{s:{s:i, s:s, s:s}}", "http", "number", number, "transport_protocol",
                     transport, "wait", wait);
}

static void open_port_is_found_at_once(void **state)
{
    (void)state;
    int number, fd = bound_socket(&number);
    assert_int_equal(listen(fd, 1), 0);
    json_t *ports = port_spec(number, "TCP", "10s");
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports};
    int64_t begun = clock_monotonic();
    assert_int_equal(port_wait(&wait, NULL), 0);
    assert_true(clock_monotonic() - begun < CLOCK_SECOND);
    json_decref(ports);
    close(fd);
}

struct late {
    int fd;
    pthread_t thread;
};

static void *listen_late(void *argument)
{
    const struct late *late = argument;
    cancel_wait(NULL, clock_monotonic() + 120 * CLOCK_MILLISECOND);
    listen(late->fd, 1);
    return NULL;
}

static void late_port_is_found(void **state)
{
    (void)state;
    int number;
    struct late late = {.fd = bound_socket(&number)};
    json_t *ports = port_spec(number, "TCP", "10s");
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports};
    pthread_create(&late.thread, NULL, listen_late, &late);
    assert_int_equal(port_wait(&wait, NULL), 0);
    pthread_join(late.thread, NULL);
    json_decref(ports);
    close(late.fd);
}

static void closed_port_times_out(void **state)
{
    (void)state;
    struct error *err = NULL;
    int number, fd = bound_socket(&number);
    json_t *ports = port_spec(number, "TCP", "150ms");
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports};
    assert_int_equal(port_wait(&wait, &err), -1);
    assert_int_equal(error_code(err), ETIMEDOUT);
    assert_non_null(strstr(error_message(err), "port 'http'"));
    assert_non_null(strstr(error_message(err), "150ms"));
    error_free(err);
    json_decref(ports);
    close(fd);
}

static int has_ended(void *context, struct error **err)
{
    (void)context;
    return error_set(err, EIO, "it has ended");
}

static void end_of_the_service_ends_the_wait(void **state)
{
    (void)state;
    struct error *err = NULL;
    int number, fd = bound_socket(&number);
    json_t *ports = port_spec(number, "TCP", "1h");
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports, .check = has_ended};
    int64_t begun = clock_monotonic();
    assert_int_equal(port_wait(&wait, &err), -1);
    assert_string_equal(error_message(err), "it has ended");
    assert_true(clock_monotonic() - begun < 2 * CLOCK_SECOND);
    error_free(err);
    json_decref(ports);
    close(fd);
}

static void cancel_ends_the_wait(void **state)
{
    (void)state;
    struct error *err = NULL;
    int number, fd = bound_socket(&number);
    json_t *ports = port_spec(number, "TCP", "1h");
    struct cancel *cancel = cancel_new(NULL);
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports, .cancel = cancel};
    cancel_fire(cancel);
    assert_int_equal(port_wait(&wait, &err), -1);
    assert_int_equal(error_code(err), ECANCELED);
    error_free(err);
    cancel_unref(cancel);
    json_decref(ports);
    close(fd);
}

static void udp_and_no_wait_are_not_waited_for(void **state)
{
    (void)state;
    json_t *ports = json_loads("{\"a\": {\"number\": 9, \"transport_protocol\": \"UDP\"}, \"b\": "
                               "{\"number\": 9, \"wait\": null}}",
                               0, NULL);
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports};
    assert_int_equal(port_wait(&wait, NULL), 0);
    json_decref(ports);
}

/* Where there is SCTP, nobody listens on the port; where there is none, the error says so. */
static void sctp_is_tried_or_told(void **state)
{
    (void)state;
    struct error *err = NULL;
    json_t *ports = port_spec(9, "SCTP", "50ms");
    const struct port_wait wait = {.address = "127.0.0.1", .ports = ports};
    assert_int_equal(port_wait(&wait, &err), -1);
    assert_non_null(strstr(error_message(err), "SCTP"));
    error_free(err);
    json_decref(ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_port_is_found_at_once),
        cmocka_unit_test(late_port_is_found),
        cmocka_unit_test(closed_port_times_out),
        cmocka_unit_test(end_of_the_service_ends_the_wait),
        cmocka_unit_test(cancel_ends_the_wait),
        cmocka_unit_test(udp_and_no_wait_are_not_waited_for),
        cmocka_unit_test(sctp_is_tried_or_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
