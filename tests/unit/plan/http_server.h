/*
 * A small HTTP server on loopback for tests:
 *   /json      {"a": {"b": 1}, "l": [1, 2, 3]}
 *   /text      words
 *   /count     {"n": N}, N the how manieth request it is
 *   /echo...   METHOD PATH|body|X-Test|Content-Type
 *   /slow      never answers
 *   else 404
 */
#ifndef KFS_TEST_HTTP_SERVER_H
#define KFS_TEST_HTTP_SERVER_H

struct http_server;

struct http_server *http_server_start(void);
int http_server_port(const struct http_server *server);
void http_server_stop(struct http_server *server);

#endif
