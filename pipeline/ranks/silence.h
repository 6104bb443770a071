/*
 * Nodes that do not answer any more: a cable, a switch or a power supply failed, and TCP, which was told nothing, would wait
 * for a quarter of an hour. Seen from the TCP connections that MPI has made in this process: each is made to ask after its
 * other end (keepalive), and the kernel there answers, also for a process that is stopped or computes. MPI keeps its
 * connections whatever is found. MPI over other transports has no such connections, and tells of a lost node itself.
 * Local; from one thread.
 */
#ifndef FAIRSTAMP_PIPELINE_RANKS_SILENCE_H
#define FAIRSTAMP_PIPELINE_RANKS_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel knows of a connection (tcp(7), TCP_INFO). */
struct fs_connection {
    uint32_t unacknowledged;                 /* segments on their way */
    uint32_t probes;                         /* that were not answered */
    uint32_t acknowledged_ago, received_ago; /* milliseconds since the last of the other end */
};

/* For how many seconds what was sent has been without an answer; 0: nothing is waited for. */
double fs_connection_silence(const struct fs_connection *connection);

/*
 * The longest silence of this process's connections to other hosts, seconds, and whose it is: "n07 (10.0.0.7)", or the address
 * alone, into `node`, where it is at least `told`. A connection that is new here asks after `ask` seconds, then as often again,
 * and counts from the next call on. One look alone may find what is just being sent after a stop of this process.
 */
#define FS_NODE_SIZE 320
double fs_silence_longest(double ask, double told, char node[FS_NODE_SIZE]);

#endif
