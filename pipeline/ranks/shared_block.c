#include "pipeline/ranks/shared_block.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pipeline/ranks/mpi_support.h"

#define NAME_BYTES 16
#define PIECE ((size_t)256 << 20) /* taken at once: a signal undoes no more than that */
#define GROUP 64                  /* ranks that connect at once: old systems queue 128 */

#define CONTAINERS "are the ranks of a node in containers of their own?"

/* What a rank holds while the block is made; descriptors are -1 where there is none. */
struct making {
    MPI_Comm node;
    int rank, ranks;
    size_t taken, bytes;
    int memory;
    int socket; /* the first rank: listens; others: connected to it */
    unsigned char name[NAME_BYTES];
};

static int system_error(struct fs_error *err, const char *call, const char *fix)
{
    return fs_error_set(err, FS_EXIT_OS, "%s: %s%s%s", call, strerror(errno), fix[0] != '\0' ? "; " : "", fix);
}

/* An abstract address: it is in no folder, and goes with the socket. Nobody guesses its name. */
static socklen_t address_of(const struct making *m, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path + 1, "fairstamp-", 10);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        snprintf(address->sun_path + 11 + 2 * i, 3, "%02x", (unsigned)m->name[i]);
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 11 + 2 * NAME_BYTES);
}

static int take_pages(int memory, size_t begin, size_t bytes, struct fs_error *err)
{
    for (size_t taken = 0; taken < bytes;) {
        size_t piece = bytes - taken < PIECE ? bytes - taken : PIECE;
        int failure = posix_fallocate(memory, (off_t)(begin + taken), (off_t)piece);
        if (failure == 0) {
            taken += piece;
        } else if (failure != EINTR) {
            errno = failure;
            return system_error(err, "posix_fallocate", "is there a limit of memory or of file sizes (ulimit -f)?");
        }
    }
    return 0;
}

/* The first rank: the memory, and a socket to ask for it. */
static int offer(struct making *m, struct fs_error *err)
{
    struct sockaddr_un address;
    m->memory = memfd_create("fairstamp", MFD_CLOEXEC);
    if (m->memory < 0) {
        return system_error(err, "memfd_create", "");
    }
    if (m->taken < m->bytes && ftruncate(m->memory, (off_t)m->bytes) != 0) {
        return system_error(err, "ftruncate", "is there a limit of file sizes (ulimit -f)?");
    }
    if (take_pages(m->memory, 0, m->taken, err) != 0) {
        return -1;
    }
    if (getrandom(m->name, sizeof m->name, 0) != (ssize_t)sizeof m->name) {
        return system_error(err, "getrandom", "");
    }
    m->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = address_of(m, &address);
    if (m->socket < 0 || bind(m->socket, (struct sockaddr *)&address, length) != 0 || listen(m->socket, GROUP) != 0) {
        return system_error(err, "a socket for the ranks of this node", "");
    }
    return 0;
}

static int connect_to_first(struct making *m, struct fs_error *err)
{
    struct sockaddr_un address;
    m->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t length = address_of(m, &address);
    if (m->socket < 0 || connect(m->socket, (struct sockaddr *)&address, length) != 0) {
        return system_error(err, "connect to the first rank of this node", CONTAINERS);
    }
    return 0;
}

static int hand_over(int connection, int memory)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &memory, sizeof memory);
    return sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

/* The first rank: gives the memory to all that have connected, if they are of the same user. */
static int serve(const struct making *m, struct fs_error *err)
{
    for (;;) {
        int connection = accept4(m->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0 && errno == EAGAIN) {
            return 0; /* all connected before the ranks agreed that they have */
        }
        struct ucred peer;
        socklen_t length = sizeof peer;
        int status = connection >= 0 ? getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) : -1;
        if (status == 0 && peer.uid == geteuid()) {
            status = hand_over(connection, m->memory);
        }
        if (status != 0) {
            system_error(err, "a socket to the ranks of this node", "");
        }
        if (connection >= 0) {
            close(connection);
        }
        if (status != 0) {
            return -1;
        }
    }
}

static int receive(struct making *m, struct fs_error *err)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(m->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
        errno = got < 0 ? errno : EPERM;
        return system_error(err, "the shared memory of the first rank of this node", CONTAINERS);
    }
    memcpy(&m->memory, CMSG_DATA(header), sizeof m->memory);
    return 0;
}

/* The others get the memory, a group of ranks at a time. */
static int distribute(struct making *m, struct fs_error *err)
{
    for (int first = 1; first < m->ranks; first += GROUP) {
        bool gets = m->rank >= first && m->rank < first + GROUP;
        int status = gets ? connect_to_first(m, err) : 0;
        if (fs_mpi_agree(m->node, status, err) != 0) {
            return -1;
        }
        status = m->rank == 0 ? serve(m, err) : 0;
        if (fs_mpi_agree(m->node, status, err) != 0) {
            return -1;
        }
        status = gets ? receive(m, err) : 0;
        if (fs_mpi_agree(m->node, status, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int map(const struct making *m, bool writes, struct fs_shared_block *block, struct fs_error *err)
{
    struct stat info;
    if (fstat(m->memory, &info) != 0 || (size_t)info.st_size < m->bytes) {
        return fs_error_set(err, FS_EXIT_OS, "the shared memory is too short");
    }
    void *data = mmap(NULL, m->bytes, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, m->memory, 0);
    if (data == MAP_FAILED) {
        return system_error(err, "mmap", "is there a limit of address space (ulimit -v)?");
    }
    *block = (struct fs_shared_block){data, m->bytes, m->taken < m->bytes, m->memory};
    return 0;
}

static int make(struct making *m, bool all_write, struct fs_shared_block *block, struct fs_error *err)
{
    if (fs_mpi_agree(m->node, m->rank == 0 ? offer(m, err) : 0, err) != 0) {
        return -1;
    }
    fs_mpi_broadcast(m->name, sizeof m->name, 0, m->node);
    if (distribute(m, err) != 0) {
        return -1;
    }
    return fs_mpi_agree(m->node, map(m, all_write || m->rank == 0, block, err), err);
}

static int create(struct making *m, bool all_write, struct fs_shared_block *block, struct fs_error *err)
{
    m->memory = m->socket = -1;
    MPI_Comm_rank(m->node, &m->rank);
    MPI_Comm_size(m->node, &m->ranks);
    *block = (struct fs_shared_block){0};
    int status = make(m, all_write, block, err);
    if (m->memory >= 0 && !block->reserved) {
        close(m->memory); /* the mapping holds it */
    }
    if (status != 0) {
        fs_shared_block_destroy(block);
    }
    if (m->socket >= 0) {
        close(m->socket);
    }
    return status;
}

int fs_shared_block_create(MPI_Comm node, size_t bytes, bool all_write, struct fs_shared_block *block,
                           struct fs_error *err)
{
    struct making m = {.node = node, .taken = bytes, .bytes = bytes};
    return create(&m, all_write, block, err);
}

int fs_shared_block_reserve(MPI_Comm node, size_t taken, size_t bytes, struct fs_shared_block *block,
                            struct fs_error *err)
{
    struct making m = {.node = node, .taken = taken, .bytes = bytes};
    return create(&m, true, block, err);
}

int fs_shared_block_take(const struct fs_shared_block *block, size_t offset, size_t bytes, struct fs_error *err)
{
    return block->reserved ? take_pages(block->file, offset, bytes, err) : 0;
}

void fs_shared_block_drop(const struct fs_shared_block *block, size_t offset, size_t bytes)
{
    if (block->reserved) { /* what stays behind is a loss of memory alone */
        (void)fallocate(block->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes);
    }
}

void fs_shared_block_destroy(struct fs_shared_block *block)
{
    if (block->data != NULL) {
        munmap(block->data, block->bytes);
        if (block->reserved) {
            close(block->file);
        }
    }
    *block = (struct fs_shared_block){0};
}
