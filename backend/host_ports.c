/*
 * Which host ports and addresses services get. Both are picked here and not left to the
 * orchestrator, because they must stay the same when a service is stopped, started or replaced.
 *
 * Host ports come from below the kernel's range for outgoing connections
 * (net.ipv4.ip_local_port_range starts at 32768), so that a connection of another program rarely
 * sits on one while its service is stopped.
 */
#include "backend/engine_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    PORT_FIRST = 20000,
    PORT_LAST = 32767
};

static void port_key(const struct port_facts *port, char key[static 16])
{
    snprintf(key, 16, "%s/%u", port->transport, port->host_port);
}

void host_ports_take(struct engine *engine, const struct service_facts *facts)
{
    char key[16];
    for (size_t i = 0; i < facts->port_count; i++) {
        if (facts->ports[i].host_address && facts->ports[i].host_port) {
            port_key(&facts->ports[i], key);
            map_set(&engine->host_ports, key, engine);
        }
    }
}

void host_ports_release(struct engine *engine, const struct service_facts *facts)
{
    char key[16];
    for (size_t i = 0; i < facts->port_count; i++) {
        port_key(&facts->ports[i], key);
        map_remove(&engine->host_ports, key);
    }
}

static int port_pick(struct engine *engine, struct port_facts *port, struct error **err)
{
    char key[16];
    for (unsigned tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
        port->host_port =
            (uint16_t)(PORT_FIRST + engine->port_cursor++ % (PORT_LAST - PORT_FIRST + 1));
        port_key(port, key);
        if (!map_get(&engine->host_ports, key)) {
            map_set(&engine->host_ports, key, engine);
            return 0;
        }
    }
    port->host_port = 0;
    return error_set(err, ENOSPC,
                     "all host ports from %d to %d are taken by services; remove enclaves",
                     PORT_FIRST, PORT_LAST);
}

int host_ports_pick(struct engine *engine, struct service_facts *facts, struct error **err)
{
    for (size_t i = 0; i < facts->port_count; i++) {
        struct port_facts *port = &facts->ports[i];
        if (port->host_address && port->host_port == 0 && port_pick(engine, port, err) < 0)
            return -1;
    }
    return 0;
}

static bool address_taken(const struct enclave *enclave, const char *address)
{
    size_t position = 0;
    for (const struct member *member; (member = map_next(&enclave->services, &position, NULL));)
        if (strcmp(member->facts->address, address) == 0)
            return true;
    return enclave->gateway && strcmp(enclave->gateway, address) == 0;
}

int address_pick(struct enclave *enclave, struct service_facts *facts, struct error **err)
{
    char network[INET_ADDRSTRLEN + 4], text[INET_ADDRSTRLEN];
    struct in_addr first;
    snprintf(network, sizeof network, "%s", enclave->subnet ? enclave->subnet : "");
    char *slash = strchr(network, '/');
    long bits = slash ? strtol(slash + 1, NULL, 10) : -1;
    if (slash)
        *slash = '\0';
    if (bits < 8 || bits > 30 || inet_pton(AF_INET, network, &first) != 1)
        return error_set(err, EIO, "the enclave's subnet '%s' cannot be understood",
                         enclave->subnet ? enclave->subnet : "");
    uint32_t size = UINT32_C(1) << (32 - bits);
    for (uint32_t host = 2; host < size - 1;
         host++) { /* 0 is the network, 1 the gateway, the last the broadcast */
        struct in_addr candidate = {.s_addr = htonl((ntohl(first.s_addr) & ~(size - 1)) + host)};
        inet_ntop(AF_INET, &candidate, text, sizeof text);
        if (!address_taken(enclave, text)) {
            fact_set(&facts->address, text);
            return 0;
        }
    }
    return error_set(err, ENOSPC,
                     "all %u addresses of the enclave's subnet %s are taken; remove services",
                     size - 3, enclave->subnet);
}
