#include "stages/work/runner.h"

#include <string.h>

int fs_runner_map(struct fs_runner *runner, const struct fs_work *work, const char *checkpoint, unsigned char *results,
                  struct fs_error *err)
{
    return runner->operations->map(runner, work, checkpoint, results, err);
}

int fs_runner_claim(struct fs_runner *runner, const struct fs_work *work, const struct fs_work *sums,
                    unsigned char *mine, struct fs_error *err)
{
    return runner->operations->claim(runner, work, sums, mine, err);
}

int fs_runner_sum(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                  fs_real *total, struct fs_error *err)
{
    return runner->operations->sum(runner, work, mine, (struct fs_sum_shape){length, sizeof *total}, total, err);
}

int fs_runner_sum_double(struct fs_runner *runner, const struct fs_work *work, const unsigned char *mine, size_t length,
                         double *total, struct fs_error *err)
{
    return runner->operations->sum(runner, work, mine, (struct fs_sum_shape){length, sizeof *total}, total, err);
}

static void add_floats(float *restrict total, const float *restrict vector, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        total[i] += vector[i];
    }
}

static void add_doubles(double *restrict total, const double *restrict vector, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        total[i] += vector[i];
    }
}

void fs_runner_add(size_t size, void *total, const void *vector, size_t count, bool is_first)
{
    if (is_first) {
        memcpy(total, vector, count * size);
    } else if (size == sizeof(float)) {
        add_floats(total, vector, count);
    } else {
        add_doubles(total, vector, count);
    }
}

int fs_runner_broadcast(struct fs_runner *runner, void *data, size_t bytes, struct fs_error *err)
{
    return runner->operations->broadcast(runner, data, bytes, err);
}

int fs_runner_agree(struct fs_runner *runner, int status, struct fs_error *err)
{
    return runner->operations->agree(runner, status, err);
}

bool fs_runner_stop_requested(struct fs_runner *runner)
{
    return runner->operations->stop_requested(runner);
}
