/* Waiting for ports: one loop over non-blocking connects. */
#include "backend/plan/port_wait.h"

#include "backend/base/clock.h"
#include "backend/plan/schema.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    PORTS_MAX = 512 /* of one service */
};
/* One attempt may take as long as Kurtosis gives it. Attempts come quickly at first, because most
 * services are up within a moment, then back off. */
static const int64_t dial_limit = 200 * CLOCK_MILLISECOND;
static const int64_t first_pause = 20 * CLOCK_MILLISECOND;
static const int64_t longest_pause = 500 * CLOCK_MILLISECOND;
/* Asking whether the service still runs costs the engine little, but not nothing. */
static const int64_t check_interval = 250 * CLOCK_MILLISECOND;

struct port {
    const char *id;
    const json_t *spec;
    int fd; /* -1: not dialling */
    bool open;
    int64_t deadline; /* of the whole wait */
    int64_t next;     /* when to dial again, or to give this attempt up */
    int64_t pause;
    unsigned attempts;
};

struct waiting {
    const struct port_wait *wait;
    struct sockaddr_storage address;
    socklen_t address_length;
    struct port *ports;
    size_t count;
    int64_t next_check;
};

/* ---- dialling ---- */

static int parse_address(struct waiting *waiting, struct error **err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&waiting->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&waiting->address;
    const char *text = waiting->wait->address ? waiting->wait->address : "";
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        waiting->address_length = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        waiting->address_length = sizeof *v6;
    } else {
        return error_set(err, EIO, "the service has no address ('%s')", text);
    }
    return 0;
}

static int open_socket(const struct waiting *waiting, const struct port *port)
{
    bool sctp = strcmp(plan_string(port->spec, "transport_protocol", "TCP"), "SCTP") == 0;
    return socket(waiting->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                  sctp ? IPPROTO_SCTP : 0);
}

static void set_port(struct sockaddr_storage *address, int64_t number)
{
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)number);
    else
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)number);
}

static void hang_up(struct port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

static void dial_later(struct port *port, int64_t now)
{
    hang_up(port);
    port->next = now + port->pause;
    port->pause = port->pause * 3 / 2 > longest_pause ? longest_pause : port->pause * 3 / 2;
}

static int dial(const struct waiting *waiting, struct port *port, int64_t now, struct error **err)
{
    struct sockaddr_storage address = waiting->address;
    set_port(&address, plan_int(port->spec, "number", 0));
    port->attempts++;
    port->fd = open_socket(waiting, port);
    if (port->fd < 0 && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
        return error_set(err, EIO,
                         "port '%s' is SCTP, which this machine's kernel does not have (module "
                         "sctp); give the port wait=None",
                         port->id);
    if (port->fd < 0)
        return error_system(err, "cannot make a socket");
    if (connect(port->fd, (struct sockaddr *)&address, waiting->address_length) == 0) {
        hang_up(port);
        port->open = true;
    } else if (errno == EINPROGRESS) {
        port->next = now + dial_limit;
    } else {
        dial_later(port, now);
    }
    return 0;
}

/* The socket can be written: connected, or refused. */
static void conclude(struct port *port, int64_t now)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(port->fd, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure) {
        dial_later(port, now);
        return;
    }
    hang_up(port);
    port->open = true;
}

/* ---- waiting ---- */

static int time_out(const struct waiting *waiting, const struct port *port, struct error **err)
{
    cleanup(buf_done) struct buf limit = BUF_INIT(64);
    clock_put_duration(&limit, plan_duration(port->spec, "wait", "2m"));
    return error_set(err, ETIMEDOUT,
                     "port '%s' (%lld/%s) at %s did not open within %s, after %u attempts",
                     port->id, (long long)plan_int(port->spec, "number", 0),
                     plan_string(port->spec, "transport_protocol", "TCP"), waiting->wait->address,
                     limit.data, port->attempts);
}

/* Moves every port on whose time has come. *ret_next: when the next one's comes; 0: all are open.
 */
static int move_on(struct waiting *waiting, int64_t *ret_next, struct error **err)
{
    int64_t now = clock_monotonic();
    *ret_next = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        struct port *port = &waiting->ports[i];
        if (port->open)
            continue;
        if (now >= port->deadline)
            return time_out(waiting, port, err);
        if (now >= port->next && port->fd >= 0)
            dial_later(port, now);
        else if (now >= port->next && dial(waiting, port, now, err) < 0)
            return -1;
        if (!port->open && (*ret_next == 0 || port->next < *ret_next))
            *ret_next = port->next;
    }
    return 0;
}

static int check(struct waiting *waiting, struct error **err)
{
    int64_t now = clock_monotonic();
    if (cancel_fired(waiting->wait->cancel))
        return error_set(err, ECANCELED, "cancelled");
    if (!waiting->wait->check || now < waiting->next_check)
        return 0;
    waiting->next_check = now + check_interval;
    return waiting->wait->check(waiting->wait->context, err);
}

static void sleep_until(struct waiting *waiting, struct pollfd *fds, int64_t next)
{
    int64_t now = clock_monotonic();
    if (waiting->wait->check && waiting->next_check < next)
        next = waiting->next_check;
    int64_t pause = next > now ? (next - now) / CLOCK_MILLISECOND + 1 : 0;
    for (size_t i = 0; i < waiting->count; i++)
        fds[i] = (struct pollfd){.fd = waiting->ports[i].fd, .events = POLLOUT};
    fds[waiting->count] = (struct pollfd){.fd = cancel_fd(waiting->wait->cancel), .events = POLLIN};
    if (poll(fds, waiting->count + 1, (int)pause) <= 0)
        return;
    now = clock_monotonic();
    for (size_t i = 0; i < waiting->count; i++)
        if (waiting->ports[i].fd >= 0 && fds[i].revents)
            conclude(&waiting->ports[i], now);
}

static int wait_all(struct waiting *waiting, struct error **err)
{
    cleanup(free) struct pollfd *fds = calloc(waiting->count + 1, sizeof *fds);
    int64_t next;
    if (!fds)
        return error_set(err, ENOMEM, "out of memory");
    for (;;) {
        if (check(waiting, err) < 0 || move_on(waiting, &next, err) < 0)
            return -1;
        if (next == 0)
            return 0;
        sleep_until(waiting, fds, next);
    }
}

static void collect(struct waiting *waiting, int64_t now)
{
    const char *id;
    json_t *spec;
    json_object_foreach((json_t *)waiting->wait->ports, id, spec)
    {
        int64_t limit = plan_duration(spec, "wait", "2m");
        bool udp = strcmp(plan_string(spec, "transport_protocol", "TCP"), "UDP") == 0;
        if (limit == 0 || udp || waiting->count >= PORTS_MAX)
            continue;
        waiting->ports[waiting->count++] = (struct port){.id = id,
                                                         .spec = spec,
                                                         .fd = -1,
                                                         .deadline = now + limit,
                                                         .next = now,
                                                         .pause = first_pause};
    }
}

int port_wait(const struct port_wait *wait, struct error **err)
{
    struct waiting waiting = {.wait = wait};
    int64_t now = clock_monotonic();
    cleanup(free) struct port *ports = calloc(PORTS_MAX, sizeof *ports);
    if (!ports)
        return error_set(err, ENOMEM, "out of memory");
    waiting.ports = ports;
    /* The first attempt comes before the first question whether the service lives. */
    waiting.next_check = now + check_interval;
    collect(&waiting, now);
    if (waiting.count == 0)
        return 0;
    int result = parse_address(&waiting, err) < 0 ? -1 : wait_all(&waiting, err);
    for (size_t i = 0; i < waiting.count; i++)
        hang_up(&ports[i]);
    return result;
}
