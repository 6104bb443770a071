#include "pipeline/ranks/silence.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PROBES 127 /* the most: the kernel shall not close what may be answered yet */

double fs_connection_silence(const struct fs_connection *connection)
{
    if (connection->unacknowledged == 0 && connection->probes == 0) {
        return 0;
    }
    uint32_t last = connection->acknowledged_ago < connection->received_ago ? connection->acknowledged_ago
                                                                            : connection->received_ago;
    return last / 1000.0;
}

static bool is_this_host(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* Whether `file` is a connected TCP socket to another host, and to which. */
static bool is_connection(int file, struct sockaddr_storage *other, socklen_t *length)
{
    int protocol;
    socklen_t size = sizeof protocol;
    *length = sizeof *other;
    return getsockopt(file, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP &&
           getpeername(file, (struct sockaddr *)other, length) == 0 &&
           (other->ss_family == AF_INET || other->ss_family == AF_INET6) && !is_this_host(other);
}

/* Returns whether it did so before: what a connection has not asked for, it has no answer to. */
static bool make_ask(int file, int seconds)
{
    int on = 0, probes = PROBES;
    socklen_t size = sizeof on;
    if (getsockopt(file, IPPROTO_TCP, TCP_KEEPINTVL, &on, &size) != 0 || on == seconds) {
        return on == seconds;
    }
    on = 1;
    setsockopt(file, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(file, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(file, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(file, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
    return false;
}

static double silence_of(int file)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return 0;
    }
    const struct fs_connection connection = {info.tcpi_unacked, info.tcpi_probes, info.tcpi_last_ack_recv,
                                             info.tcpi_last_data_recv};
    return info.tcpi_state == TCP_ESTABLISHED ? fs_connection_silence(&connection) : 0;
}

static void name_node(const struct sockaddr_storage *address, socklen_t length, char node[FS_NODE_SIZE])
{
    char name[200], number[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr *other = (const struct sockaddr *)address;
    getnameinfo(other, length, number, sizeof number, NULL, 0, NI_NUMERICHOST);
    bool named = getnameinfo(other, length, name, sizeof name, NULL, 0, NI_NAMEREQD) == 0;
    (void)snprintf(node, FS_NODE_SIZE, named ? "%s (%s)" : "%s%s", named ? name : "", number);
}

double fs_silence_longest(double ask, double told, char node[FS_NODE_SIZE])
{
    struct sockaddr_storage other, silent;
    socklen_t length, silent_length = 0;
    double longest = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        int file = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] == '.' || !is_connection(file, &other, &length)) {
            continue;
        }
        double seconds = make_ask(file, ask > 1 ? (int)ask : 1) ? silence_of(file) : 0;
        if (seconds > longest) {
            longest = seconds;
            silent = other;
            silent_length = length;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (longest > 0 && longest >= told) {
        name_node(&silent, silent_length, node);
    }
    return longest;
}
