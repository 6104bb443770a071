/*
 * A slow network in user space, for kernels without netem:
 *
 *     wire MICROSECONDS MEGABITS DEVICE DEVICE...
 *
 * makes a tap device of each name, prints a line when they are there, and carries each frame that comes in on one to all the others:
 * it comes out MICROSECONDS later, and later still where a device's frames before it fill MEGABITS a second. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 8
#define FRAME 2048
#define QUEUE 4096 /* frames; one that finds the queue full is lost, as on a switch */

struct frame {
    int64_t due; /* nanoseconds */
    size_t bytes;
    unsigned char data[FRAME];
};

struct port {
    int file;
    struct frame *queue; /* [QUEUE] a ring */
    size_t first, count;
    int64_t free_at; /* when the line has carried all that is queued */
};

static struct port ports[DEVICES];
static size_t port_count;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool open_port(struct port *port, const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    port->file = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    port->queue = calloc(QUEUE, sizeof *port->queue);
    return port->file >= 0 && port->queue != NULL && ioctl(port->file, TUNSETIFF, &request) == 0;
}

static void enqueue(struct port *port, const unsigned char *data, size_t bytes, int64_t arrival, double bits)
{
    if (port->count == QUEUE) {
        return;
    }
    int64_t begin = arrival > port->free_at ? arrival : port->free_at;
    struct frame *frame = &port->queue[(port->first + port->count++) % QUEUE];
    port->free_at = begin + (int64_t)((double)bytes * 8e9 / bits);
    frame->due = port->free_at;
    frame->bytes = bytes;
    memcpy(frame->data, data, bytes);
}

/* What a device's host has sent. */
static void take_in(size_t from, int64_t latency, double bits)
{
    unsigned char data[FRAME];
    ssize_t bytes;
    while ((bytes = read(ports[from].file, data, sizeof data)) > 0) {
        int64_t arrival = now() + latency;
        for (size_t to = 0; to < port_count; to++) {
            if (to != from) {
                enqueue(&ports[to], data, (size_t)bytes, arrival, bits);
            }
        }
    }
}

/* Sends what is due; returns when the next frame is, or INT64_MAX. A host that is down loses its frames. */
static int64_t give_out(struct port *port)
{
    while (port->count > 0) {
        const struct frame *frame = &port->queue[port->first];
        if (frame->due > now()) {
            return frame->due;
        }
        ssize_t ignored = write(port->file, frame->data, frame->bytes);
        (void)ignored;
        port->first = (port->first + 1) % QUEUE;
        port->count--;
    }
    return INT64_MAX;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 3 > DEVICES) {
        fputs("usage: wire MICROSECONDS MEGABITS DEVICE DEVICE...\n", stderr);
        return 64;
    }
    int64_t latency = strtoll(argv[1], NULL, 10) * 1000;
    double bits = strtod(argv[2], NULL) * 1e6;
    struct pollfd wait[DEVICES];
    for (; port_count < (size_t)argc - 3; port_count++) {
        if (!open_port(&ports[port_count], argv[3 + port_count])) {
            fprintf(stderr, "wire: %s: %s\n", argv[3 + port_count], strerror(errno));
            return 71;
        }
        wait[port_count] = (struct pollfd){ports[port_count].file, POLLIN, 0};
    }
    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}); /* where it may: frames are due whatever else runs */
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < port_count; i++) {
            int64_t due = give_out(&ports[i]);
            next = due < next ? due : next;
        }
        int64_t pause = next - now();
        pause = pause > 0 ? pause : 0;
        struct timespec limit = {pause / 1000000000, pause % 1000000000};
        if (ppoll(wait, port_count, next == INT64_MAX ? NULL : &limit, NULL) > 0) {
            for (size_t i = 0; i < port_count; i++) {
                if (wait[i].revents != 0) {
                    take_in(i, latency, bits);
                }
            }
        }
    }
}
