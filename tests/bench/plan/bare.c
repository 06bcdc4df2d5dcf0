/*
 * bench_bare SOCKET NETWORK SERVICES CONNECTIONS PORT - creates and starts so many containers of
 * kfs/busybox on a network that exists, the first published at PORT of 127.0.0.1, the next at the
 * one after it, over so many connections at a time, each kept. Prints the milliseconds that it
 * took from the first call to the last answer.
 *
 * Nothing but the calls: no answer is read beyond its id, nothing is looked up, nothing is waited
 * for, a failure ends it. The containers are what the plan beside it makes: one port, an init, the
 * same command.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CONNECTIONS_MAX = 64,
    ANSWER_MAX = 4096
};

static const char *socket_path, *network;
static long services, first_port;
static atomic_long next_service;

struct connection {
    CURL *curl;
    struct curl_slist *headers;
    char answer[ANSWER_MAX];
    size_t length;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_bare: %s: %s\n", what, why);
    exit(1);
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct connection *connection = context;
    size_t length = size * count, room = ANSWER_MAX - 1 - connection->length;
    memcpy(connection->answer + connection->length, bytes, length < room ? length : room);
    connection->length += length < room ? length : room;
    connection->answer[connection->length] = '\0';
    return length;
}

static void connection_open(struct connection *connection)
{
    connection->curl = curl_easy_init();
    connection->headers = curl_slist_append(NULL, "Content-Type: application/json");
    connection->headers = curl_slist_append(connection->headers, "Expect:");
    curl_easy_setopt(connection->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(connection->curl, CURLOPT_HTTPHEADER, connection->headers);
    curl_easy_setopt(connection->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(connection->curl, CURLOPT_WRITEDATA, connection);
    curl_easy_setopt(connection->curl, CURLOPT_NOSIGNAL, 1L);
}

static void connection_close(struct connection *connection)
{
    curl_easy_cleanup(connection->curl);
    curl_slist_free_all(connection->headers);
}

static void post(struct connection *connection, const char *path, const char *body)
{
    char url[256];
    long status = 0;
    snprintf(url, sizeof url, "http://docker/v1.41%s", path);
    connection->length = 0;
    curl_easy_setopt(connection->curl, CURLOPT_URL, url);
    curl_easy_setopt(connection->curl, CURLOPT_POSTFIELDS, body);
    CURLcode code = curl_easy_perform(connection->curl);
    curl_easy_getinfo(connection->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status >= 300)
        die(path, code != CURLE_OK ? curl_easy_strerror(code) : connection->answer);
}

static void bring_up(struct connection *connection, long i)
{
    char body[1024], path[256], id[80];
    snprintf(body, sizeof body,
             "{\"Image\":\"kfs/busybox:latest\",\"Cmd\":[\"httpd\",\"-f\",\"-p\",\"80\"],"
             "\"Hostname\":\"s%ld\",\"Labels\":{\"bench\":\"bare\"},"
             "\"ExposedPorts\":{\"80/tcp\":{}},\"HostConfig\":{\"NetworkMode\":\"%s\","
             "\"Init\":true,\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\","
             "\"HostPort\":\"%ld\"}]}},\"NetworkingConfig\":{\"EndpointsConfig\":{\"%s\":{"
             "\"Aliases\":[\"s%ld\"]}}}}",
             i, network, first_port + i, network, i);
    snprintf(path, sizeof path, "/containers/create?name=bare-%ld", i);
    post(connection, path, body);
    const char *at = strstr(connection->answer, "\"Id\":\"");
    if (!at || sscanf(at + 6, "%79[0-9a-f]", id) != 1)
        die("an answer without an id", connection->answer);
    snprintf(path, sizeof path, "/containers/%s/start", id);
    post(connection, path, "");
}

static void *work(void *unused)
{
    struct connection connection = {0};
    (void)unused;
    connection_open(&connection);
    for (long i; (i = next_service++) < services;)
        bring_up(&connection, i);
    connection_close(&connection);
    return NULL;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int count, char **arguments)
{
    long connections = count == 6 ? strtol(arguments[4], NULL, 10) : 0;
    pthread_t threads[CONNECTIONS_MAX];
    if (connections < 1 || connections > CONNECTIONS_MAX)
        die("usage", "bench_bare SOCKET NETWORK SERVICES CONNECTIONS PORT");
    socket_path = arguments[1];
    network = arguments[2];
    services = strtol(arguments[3], NULL, 10);
    first_port = strtol(arguments[5], NULL, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    double began = now_ms();
    for (long i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("threads", "cannot start one");
    for (long i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    printf("%.1f\n", now_ms() - began);
    return 0;
}
