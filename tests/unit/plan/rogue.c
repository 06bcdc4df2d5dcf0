/* A child that has been taken over: confined like the interpreter, it does what the request's bytes
 * say. Used by test_confined.c. */
#include "backend/plan/frame.h"
#include "backend/plan/interpreter/confine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(const char *json)
{
    json_t *value = json_loads(json, 0, NULL);
    frame_send(FRAME_CHILD_FD, FRAME_DONE, value, NULL, 0, NULL);
}

static void send_raw(const void *data, size_t length)
{
    if (send(FRAME_CHILD_FD, data, length, 0) < 0)
        _exit(9);
}

static void eat(void)
{
    enum {
        PIECE = 16 << 20
    };
    for (char *piece; (piece = malloc(PIECE));)
        memset(piece, 1, PIECE);
    answer("{\"eaten\": true}");
}

static void spin(void)
{
    for (volatile unsigned long i = 0;; i++)
        ;
}

static void crash(void)
{
    char *volatile nowhere = (char *)4096;
    *nowhere = 1;
}

static void try_file(void)
{
    int fd = open("/etc/hostname", O_RDONLY);
    answer(fd < 0 && errno == EACCES ? "{\"refused\": true}" : "{}");
}

static void act(const char *what)
{
    static const unsigned char too_long[] = {4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    static const unsigned char no_json[] = {4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 'j', 'u', 'n', 'k'};
    if (strcmp(what, "eat") == 0)
        eat();
    else if (strcmp(what, "spin") == 0)
        spin();
    else if (strcmp(what, "crash") == 0)
        crash();
    else if (strcmp(what, "file") == 0)
        try_file();
    else if (strcmp(what, "socket") == 0)
        socket(AF_INET, SOCK_STREAM, 0);
    else if (strcmp(what, "fork") == 0)
        fork();
    else if (strcmp(what, "code") == 0)
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else if (strcmp(what, "too long") == 0)
        send_raw(too_long, sizeof too_long);
    else if (strcmp(what, "no json") == 0)
        send_raw(no_json, sizeof no_json);
    else if (strcmp(what, "silent") == 0)
        recv(FRAME_CHILD_FD, &(char){0}, 1, 0);
    else
        answer(what);
}

int main(int argc, char **argv)
{
    struct confine_limits limits;
    struct frame request;
    if (confine_parse_limits(argc, argv, &limits) < 0 ||
        confine_enter(FRAME_CHILD_FD, &limits) < 0 ||
        frame_receive(FRAME_CHILD_FD, NULL, NULL, &request, NULL) < 0)
        return 3;
    act(request.bytes.data);
    _exit(0);
}
