/* What the kernel knows of a connection, and when that is silence; which connections are made to ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pipeline/ranks/silence.h"

static void judged(void **state)
{
    (void)state;
    static const struct {
        struct fs_connection connection;
        double silence;
    } cases[] = {
        {{0, 0, 600000, 600000}, 0},    /* nothing is asked, as long as it may be */
        {{1, 0, 600000, 200}, 0.2},     /* on its way, and the other end still sends */
        {{3, 0, 40000, 90000}, 40},     /* data that nobody acknowledges */
        {{0, 5, 25000, 25000}, 25},     /* probes, of an idle connection or of one whose other end takes nothing */
        {{0, 1, 1, 4000000000u}, 1e-3}, /* the newest sign counts */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double silence = fs_connection_silence(&cases[i].connection);
        assert_true(silence > cases[i].silence - 1e-9 && silence < cases[i].silence + 1e-9);
    }
}

/* A connection of this process with itself, at `address`; false where it cannot be had. */
static int connect_pair(struct in_addr address, int file[3])
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = address};
    socklen_t size = sizeof place;
    file[0] = socket(AF_INET, SOCK_STREAM, 0);
    file[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(file[0] >= 0 && file[1] >= 0);
    if (bind(file[0], (struct sockaddr *)&place, size) != 0 || listen(file[0], 1) != 0 ||
        getsockname(file[0], (struct sockaddr *)&place, &size) != 0 ||
        connect(file[1], (struct sockaddr *)&place, size) != 0) {
        close(file[0]);
        close(file[1]);
        return -1;
    }
    file[2] = accept(file[0], NULL, NULL);
    assert_true(file[2] >= 0);
    return 0;
}

static void close_pair(const int file[3])
{
    for (int i = 0; i < 3; i++) {
        close(file[i]);
    }
}

static int option(int file, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(file, level, name, &value, &size), 0);
    return value;
}

static void this_host_is_left_alone(void **state)
{
    (void)state;
    int file[3];
    char node[FS_NODE_SIZE] = "none";
    assert_int_equal(connect_pair((struct in_addr){htonl(INADDR_LOOPBACK)}, file), 0);
    assert_true(fs_silence_longest(4, 0, node) <= 0);
    assert_string_equal(node, "none");
    assert_int_equal(option(file[1], SOL_SOCKET, SO_KEEPALIVE), 0);
    close_pair(file);
}

/* An address of this machine that is not loopback's stands for another host. */
static void others_are_asked(void **state)
{
    (void)state;
    struct ifaddrs *all = NULL;
    int file[3], made = -1;
    char node[FS_NODE_SIZE];
    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *one = all; one != NULL && made != 0; one = one->ifa_next) {
        if (one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET) {
            struct in_addr address = ((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr;
            made = ntohl(address.s_addr) >> 24 != 127 ? connect_pair(address, file) : -1;
        }
    }
    freeifaddrs(all);
    if (made != 0) {
        print_message("skipped: no address but loopback's\n");
        skip();
    }
    assert_true(fs_silence_longest(4.7, 100, node) < 100);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(option(file[i], SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_int_equal(option(file[i], IPPROTO_TCP, TCP_KEEPIDLE), 4);
        assert_int_equal(option(file[i], IPPROTO_TCP, TCP_KEEPINTVL), 4);
    }
    assert_int_equal(option(file[0], SOL_SOCKET, SO_KEEPALIVE), 0); /* it listens */
    assert_true(fs_silence_longest(0.1, 100, node) < 100);
    assert_int_equal(option(file[1], IPPROTO_TCP, TCP_KEEPIDLE), 1);
    close_pair(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judged), cmocka_unit_test(this_host_is_left_alone),
                                       cmocka_unit_test(others_are_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
