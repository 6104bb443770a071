/*
 * The MPI runner with made-up work, for runner_test.sh:
 *
 *     runner_program map UNITS OUT [FOLDER MILLISECONDS [HOLD]]   results of uneven size; saved in FOLDER, each unit that
 *                                  slow; with HOLD each rank writes a file at-work-RANK there, and goes on when there is
 *                                  a file go
 *     runner_program sum UNITS LENGTH OUT   sums of claimed units, checked against a plain loop, shared out too, with what
 *                                  ranks do with shares
 *     runner_program share UNITS LENGTH OUT   the same, units shared out by what they cost
 *     runner_program break UNITS LENGTH UNIT  this unit of a sum fails with FS_EXIT_DATA; the next sum does not
 *     runner_program fail UNITS UNIT        this unit fails with FS_EXIT_DATA
 *     runner_program differ UNITS MORE      rank 1 has so many units more than the others
 *
 * With RUNNER_SHARES=window in the environment each rank is taken for a node of its own, with RUNNER_SHARES=nothing the
 * ranks of a node share no memory: units are handed out in another way.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "io/console/progress.h"
#include "pipeline/ranks/mpi_support.h"
#include "pipeline/ranks/runner_mpi.h"
#include "pipeline/ranks/signals.h"

#define JOB "0000000000000000000000000000000000000000000000000000000000000001"
#define HELD_UNITS 5 /* with HOLD a rank waits when it has done so many */
#define LARGE_UNIT 3
#define LARGE_BYTES ((size_t)9 << 20) /* more than two messages */

struct made_up {
    size_t length;       /* of a vector to be summed */
    long milliseconds;   /* -1: a little, different on each rank */
    size_t failing_unit; /* SIZE_MAX: none */
    size_t rank;
    const char *hold; /* a folder, or NULL */
    atomic_size_t done;
};

static bool shares(const char *what)
{
    const char *set = getenv("RUNNER_SHARES");
    return set != NULL && strcmp(set, what) == 0;
}

/* Stands before the C library's. */
int memfd_create(const char *name, unsigned flags)
{
    errno = ENOSYS;
    return shares("nothing") ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

/* Stands before MPI's. */
int MPI_Comm_split_type(MPI_Comm communicator, int type, int key, MPI_Info info, MPI_Comm *node)
{
    int rank;
    PMPI_Comm_rank(communicator, &rank);
    return shares("window") ? PMPI_Comm_split(communicator, rank, 0, node)
                            : PMPI_Comm_split_type(communicator, type, key, info, node);
}

static uint64_t scramble(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
}

static void dawdle(const struct made_up *made, size_t unit)
{
    long microseconds =
        made->milliseconds >= 0 ? made->milliseconds * 1000 : (long)(scramble(unit + 1000 * made->rank) % 3000);
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* By files: what goes through mpirun's standard error may come late. */
static void hold(const struct made_up *made, bool tell)
{
    char path[4096];
    if (tell) {
        (void)snprintf(path, sizeof path, "%s/at-work-%zu", made->hold, made->rank);
        FILE *file = fopen(path, "w");
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)snprintf(path, sizeof path, "%s/go", made->hold);
    while (access(path, F_OK) != 0) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
}

static size_t bytes_of(const void *context, size_t unit)
{
    (void)context;
    return unit == LARGE_UNIT ? LARGE_BYTES : scramble(unit) % 5 * (scramble(unit + 7) % 3000);
}

static int run_bytes(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    struct made_up *made = context;
    unsigned char *byte = result;
    (void)thread;
    dawdle(made, unit);
    size_t done = atomic_fetch_add(&made->done, 1) + 1;
    if (made->hold != NULL && done >= HELD_UNITS) {
        hold(made, done == HELD_UNITS);
    }
    if (unit == made->failing_unit) {
        return fs_error_set(err, FS_EXIT_DATA, "unit %zu is made to fail", unit);
    }
    for (size_t i = 0; i < bytes_of(context, unit); i++) {
        byte[i] = (unsigned char)scramble(unit * 1000003 + i);
    }
    return 0;
}

static int run_claim(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    (void)thread;
    dawdle(context, unit);
    return result == NULL ? 0 : fs_error_set(err, FS_EXIT_SOFTWARE, "claim gave a result to write");
}

static fs_real number(size_t unit, size_t i)
{
    double x = (double)(scramble(unit * 7919 + i) % 2000003) / 1000001.0 - 1.0;
    return (fs_real)(x * exp2((double)(scramble(i) % 20))); /* sums that depend on the order of additions */
}

static int run_vector(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct made_up *made = context;
    fs_real *vector = result;
    (void)thread;
    if (unit % 5 == 0) {
        dawdle(made, unit);
    }
    if (unit == made->failing_unit) {
        return fs_error_set(err, FS_EXIT_DATA, "unit %zu is made to fail", unit);
    }
    for (size_t i = 0; i < made->length; i++) {
        vector[i] = number(unit, i);
    }
    return 0;
}

static void cost_vector(const void *context, size_t unit, struct fs_cost *cost)
{
    (void)context;
    *cost = (struct fs_cost){.flops = 10 + (double)(scramble(unit) % 7)};
}

static int write_file(const char *path, const void *data, size_t bytes, struct fs_error *err)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(data, 1, bytes, file) == bytes;
    good = file != NULL && fclose(file) == 0 && good;
    return good ? 0 : fs_error_set(err, FS_EXIT_CANNOT_CREATE, "%s: cannot be written", path);
}

static int do_map(struct fs_runner *runner, struct made_up *made, size_t units, const char *out, struct fs_error *err)
{
    struct fs_work work = {
        .name = "made-up", .units = units, .context = made, .result_bytes = bytes_of, .run = run_bytes};
    size_t bytes = 0;
    for (size_t unit = 0; unit < units; unit++) {
        bytes += bytes_of(made, unit);
    }
    unsigned char *results = fs_runner_is_root(runner) ? calloc(1, bytes + 1) : NULL;
    int status = fs_runner_map(runner, &work, "made-up", results, err);
    if (status == 0 && results != NULL) {
        status = write_file(out, results, bytes, err);
    }
    free(results);
    return fs_runner_agree(runner, status, err);
}

static int run_doubles(void *context, size_t thread, size_t unit, void *result, struct fs_error *err)
{
    const struct made_up *made = context;
    (void)thread, (void)err;
    for (size_t i = 0; i < made->length; i++) {
        ((double *)result)[i] = 1 + 1e-12 * (double)number(unit, i);
    }
    return 0;
}

/* What float32 would lose. */
static int check_doubles(struct fs_runner *runner, const struct made_up *made, const unsigned char *mine, size_t units,
                         struct fs_error *err)
{
    struct made_up few = {.length = made->length < 1000 ? made->length : 1000};
    struct fs_work work = {.name = "doubles", .units = units, .context = &few, .run = run_doubles};
    double *total = calloc(few.length + 1, sizeof *total);
    int status = fs_runner_sum_double(runner, &work, mine, few.length, total, err);
    for (size_t i = 0; status == 0 && i < few.length; i++) {
        double expected = 0;
        for (size_t unit = 0; unit < units; unit++) {
            expected += 1 + 1e-12 * (double)number(unit, i);
        }
        if (total[i] != expected) {
            status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: number %zu of doubles is %.17g, expected %.17g",
                                  runner->rank, i, total[i], expected);
        }
    }
    free(total);
    return fs_runner_agree(runner, status, err);
}

/* Units, and what they cost, within two of the dearest: the threads of all ranks have as much. */
static int check_shares(struct fs_runner *runner, const unsigned char *mine, size_t units, struct fs_error *err)
{
    double load = 0, all = 0;
    for (size_t unit = 0; unit < units; unit++) {
        struct fs_cost cost;
        cost_vector(NULL, unit, &cost);
        load += mine[unit] != 0 ? cost.flops : 0;
        all += cost.flops;
    }
    double fair = all / (double)runner->ranks, dearest = 16 * (double)runner->threads;
    return fabs(load - fair) <= 2 * dearest
               ? 0
               : fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu has units of %g, expected about %g", runner->rank, load,
                              fair);
}

/* A sum that is shared out, what goes through the shares of all ranks in their order, and the root's ends of them. */
struct shares {
    size_t rank, ranks, length, failing; /* failing: the number that fails on the root; SIZE_MAX: none */
    const fs_real *total;                /* [length + 1] as one rank has it */
    const fs_real *own;
};

static void add_share(void *context, void *value)
{
    const struct shares *shares = context;
    const struct fs_share share = fs_runner_share(shares->length, shares->rank, shares->ranks);
    for (size_t i = 0; i < share.count; i++) {
        *(double *)value += (double)shares->own[i] * (double)shares->own[i];
    }
}

static int compare_piece(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    const struct shares *shares = context;
    if (shares->failing >= first && shares->failing - first < count) {
        return fs_error_set(err, FS_EXIT_IO, "number %zu is made to fail", shares->failing);
    }
    return memcmp(shares->total + first, number, count * sizeof *number) == 0
               ? 0
               : fs_error_set(err, FS_EXIT_SOFTWARE, "numbers from %zu on are not those of the sum", first);
}

static int fill_piece(void *context, size_t first, size_t count, fs_real *number, struct fs_error *err)
{
    const struct shares *shares = context;
    if (shares->failing >= first && shares->failing - first < count) {
        return fs_error_set(err, FS_EXIT_IO, "number %zu is made to fail", shares->failing);
    }
    memcpy(number, shares->total + first, count * sizeof *number);
    return 0;
}

static int check_failing_pieces(struct fs_runner *runner, struct shares *shares, fs_real *own, struct fs_error *err)
{
    struct fs_error expected[2] = {FS_ERROR_INIT, FS_ERROR_INIT};
    shares->failing = shares->length / 2;
    bool both = fs_runner_collect(runner, own, shares->length, compare_piece, shares, &expected[0]) != 0 &&
                fs_runner_distribute(runner, own, shares->length, fill_piece, shares, &expected[1]) != 0;
    shares->failing = SIZE_MAX;
    return both && expected[0].code == FS_EXIT_IO && expected[1].code == FS_EXIT_IO
               ? 0
               : fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: a piece that fails gave: %s", runner->rank,
                              expected[0].text);
}

static int check_shares_of(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine,
                           const fs_real *total, size_t length, struct fs_error *err)
{
    const struct fs_share share = fs_runner_share(length, runner->rank, runner->ranks);
    fs_real *own = calloc(share.count + 1, sizeof *own), *all = calloc(length + 1, sizeof *all);
    struct shares shares = {runner->rank, runner->ranks, length, SIZE_MAX, total, own};
    double square = 0, expected = 0;
    size_t tail = runner->rank == runner->ranks - 1 ? 1 : 0;
    int status = fs_runner_sum_shared(runner, work, mine, length, 1, own, err);
    if (status == 0 && memcmp(own, total + share.first, (share.count + tail) * sizeof *own) != 0) {
        status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: its share is not that of the sum", runner->rank);
    }
    memcpy(all + share.first, own, share.count * sizeof *own);
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        fs_runner_gather(runner, all, length);
        status = fs_runner_fold(runner, &square, sizeof square, add_share, &shares, err);
    }
    for (size_t i = 0; i < length; i++) {
        expected += (double)total[i] * (double)total[i];
    }
    if (status == 0 && (memcmp(all, total, length * sizeof *all) != 0 || square != expected)) {
        status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: shares do not make the whole", runner->rank);
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = fs_runner_collect(runner, own, length, compare_piece, &shares, err);
    }
    memset(own, 0xff, share.count * sizeof *own);
    if (status == 0) {
        status = fs_runner_distribute(runner, own, length, fill_piece, &shares, err);
    }
    if (status == 0 && memcmp(own, total + share.first, share.count * sizeof *own) != 0) {
        status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: its share is not what was given", runner->rank);
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0 && length > 0) {
        status = check_failing_pieces(runner, &shares, own, err);
    }
    free(own);
    free(all);
    return fs_runner_agree(runner, status, err);
}

static int do_sum(struct fs_runner *runner, struct made_up *made, size_t units, bool share, const char *out,
                  struct fs_error *err)
{
    struct fs_work claimed = {.name = "claim", .units = units, .context = made, .run = run_claim};
    struct fs_work vectors = {.name = "sum", .units = units, .context = made, .run = run_vector, .cost = cost_vector};
    unsigned char *mine = calloc(units + 1, 1);
    fs_real *total = calloc(made->length + 1, sizeof *total);
    int status = fs_runner_claim(runner, &claimed, share ? &vectors : NULL, mine, err);
    if (status == 0 && share) {
        status = fs_runner_agree(runner, check_shares(runner, mine, units, err), err);
    }
    if (status == 0 && made->failing_unit != SIZE_MAX) {
        struct fs_error expected = FS_ERROR_INIT;
        if (fs_runner_sum(runner, &vectors, mine, made->length, total, &expected) == 0 ||
            expected.code != FS_EXIT_DATA) {
            status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: a sum with a failing unit gave: %s", runner->rank,
                                  expected.text);
        }
        made->failing_unit = SIZE_MAX;
    }
    for (int round = 0; status == 0 && round < 2; round++) {
        /* all vectors at once, and few; gathered by one call, and each share by its own */
        fs_runner_mpi_bound_sums(runner, round == 0 ? (size_t)256 << 20 : 0, round == 0 ? INT_MAX : 0);
        memset(total, 0xff, made->length * sizeof *total);
        status = fs_runner_sum(runner, &vectors, mine, made->length, total, err);
        if (status == 0) {
            status = check_shares_of(runner, &vectors, mine, total, made->length - 1, err);
        }
    }
    for (size_t i = 0; status == 0 && i < made->length; i++) {
        fs_real expected = 0;
        for (size_t unit = 0; unit < units; unit++) {
            expected = unit == 0 ? number(unit, i) : expected + number(unit, i);
        }
        if (memcmp(&expected, &total[i], sizeof expected) != 0) {
            status = fs_error_set(err, FS_EXIT_SOFTWARE, "rank %zu: number %zu of the sum is %.9g, expected %.9g",
                                  runner->rank, i, (double)total[i], (double)expected);
        }
    }
    status = fs_runner_agree(runner, status, err);
    if (status == 0) {
        status = check_doubles(runner, made, mine, units, err);
    }
    if (status == 0 && fs_runner_is_root(runner)) {
        status = write_file(out, total, made->length * sizeof *total, err);
    }
    free(mine);
    free(total);
    return fs_runner_agree(runner, status, err);
}

static int do_one(struct fs_runner *runner, int count, char **word, struct fs_error *err)
{
    struct made_up made = {.milliseconds = -1, .failing_unit = SIZE_MAX, .rank = runner->rank};
    if (count < 3) {
        return fs_error_set(err, FS_EXIT_USAGE, "see the top of runner_program.c");
    }
    size_t units = strtoul(word[1], NULL, 10);
    if (strcmp(word[0], "map") == 0) {
        if (count >= 5) {
            made.hold = count == 6 ? word[5] : NULL;
            made.milliseconds = strtol(word[4], NULL, 10);
            if (fs_runner_mpi_save_to(runner, word[3], JOB, "seed = 1\n", 1.0, 1.0, err) != 0) {
                return -1;
            }
        }
        return do_map(runner, &made, units, word[2], err);
    }
    if (strcmp(word[0], "differ") == 0) {
        units += runner->rank == 1 ? strtoul(word[2], NULL, 10) : 0;
        return do_map(runner, &made, units, "/dev/null", err);
    }
    if (strcmp(word[0], "fail") == 0) {
        made.failing_unit = strtoul(word[2], NULL, 10);
        return do_map(runner, &made, units, "/dev/null", err);
    }
    made.length = strtoul(word[2], NULL, 10);
    bool breaks = strcmp(word[0], "break") == 0;
    if (breaks) {
        made.failing_unit = count > 3 ? strtoul(word[3], NULL, 10) : 0;
    }
    return do_sum(runner, &made, units, strcmp(word[0], "sum") != 0, count > 3 && !breaks ? word[3] : "/dev/null", err);
}

int main(int argc, char **argv)
{
    int provided;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    fs_signals_install();
    MPI_Comm communicator = fs_mpi_duplicate(MPI_COMM_WORLD);
    struct fs_runner *runner = NULL;
    struct fs_error err = FS_ERROR_INIT;
    int status = fs_runner_mpi_create(communicator, 0, &runner, &err);
    if (status == 0) {
        fs_progress_setup(fs_runner_is_root(runner), true);
        for (int begin = 1, end; status == 0 && begin < argc; begin = end + 1) {
            for (end = begin; end < argc && strcmp(argv[end], "--") != 0;) {
                end++;
            }
            status = do_one(runner, end - begin, argv + begin, &err);
        }
        if (status != 0 && fs_runner_is_root(runner)) {
            fprintf(stderr, "fairstamp: %s\n", err.text);
        }
    }
    fs_runner_mpi_destroy(runner);
    MPI_Comm_free(&communicator);
    MPI_Finalize();
    return status == 0 ? 0 : err.code;
}
