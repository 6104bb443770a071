#include "pipeline/ranks/pool.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct worker {
    struct fs_pool *pool;
    size_t index;
    pthread_t thread;
};

struct fs_pool {
    pthread_mutex_t mutex;
    pthread_cond_t work_is_there, done_is_there;
    size_t threads, started, capacity;       /* capacity == threads + 1 */
    struct fs_pool_item *waiting, *finished; /* [capacity] rings */
    size_t waiting_first, waiting_count, finished_first, finished_count;
    size_t inside; /* touched by the main thread alone */
    bool ending, has_error;
    struct fs_error error; /* of the first failed item */
    struct worker *worker; /* [threads] */
};

static void *work_until_the_end(void *argument)
{
    struct worker *worker = argument;
    struct fs_pool *pool = worker->pool;
    omp_set_num_threads(1); /* an OpenMP build of OpenBLAS asks the calling thread how many threads it may use */
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->waiting_count == 0 && !pool->ending) {
            pthread_cond_wait(&pool->work_is_there, &pool->mutex);
        }
        if (pool->waiting_count == 0) {
            break;
        }
        struct fs_pool_item item = pool->waiting[pool->waiting_first];
        pool->waiting_first = (pool->waiting_first + 1) % pool->capacity;
        pool->waiting_count--;
        pthread_mutex_unlock(&pool->mutex);

        struct fs_error err = FS_ERROR_INIT;
        item.status = item.work->run(item.work->context, worker->index, item.unit, item.result, &err);

        pthread_mutex_lock(&pool->mutex);
        if (item.status != 0 && !pool->has_error) {
            pool->has_error = true;
            pool->error = err;
        }
        pool->finished[(pool->finished_first + pool->finished_count++) % pool->capacity] = item;
        pthread_cond_signal(&pool->done_is_there);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

int fs_pool_create(size_t threads, struct fs_pool **result, struct fs_error *err)
{
    struct fs_pool *pool = fs_allocate(1, sizeof *pool, "a thread pool", err);
    if (pool == NULL) {
        return -1;
    }
    pool->threads = threads;
    pool->capacity = threads + 1;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work_is_there, NULL);
    pthread_cond_init(&pool->done_is_there, &attributes);
    pthread_condattr_destroy(&attributes);
    pool->waiting = fs_allocate(pool->capacity, sizeof *pool->waiting, "a thread pool", err);
    pool->finished = fs_allocate(pool->capacity, sizeof *pool->finished, "a thread pool", err);
    pool->worker = fs_allocate(threads, sizeof *pool->worker, "a thread pool", err);
    if (pool->waiting == NULL || pool->finished == NULL || pool->worker == NULL) {
        fs_pool_destroy(pool);
        return -1;
    }
    sigset_t all, before; /* signals wake the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = 0;
    while (status == 0 && pool->started < threads) {
        struct worker *worker = &pool->worker[pool->started];
        *worker = (struct worker){.pool = pool, .index = pool->started};
        status = pthread_create(&worker->thread, NULL, work_until_the_end, worker);
        pool->started += status == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != 0) {
        fs_error_set(err, FS_EXIT_OS, "thread %zu of %zu cannot be started: %s; set OMP_NUM_THREADS lower",
                     pool->started + 1, threads, strerror(status));
        fs_pool_destroy(pool);
        return -1;
    }
    *result = pool;
    return 0;
}

void fs_pool_destroy(struct fs_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work_is_there);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->started; i++) {
        pthread_join(pool->worker[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->work_is_there);
    pthread_cond_destroy(&pool->done_is_there);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->waiting);
    free(pool->finished);
    free(pool->worker);
    free(pool);
}

bool fs_pool_has_room(const struct fs_pool *pool)
{
    return pool->inside < pool->capacity;
}

size_t fs_pool_inside(const struct fs_pool *pool)
{
    return pool->inside;
}

void fs_pool_put(struct fs_pool *pool, const struct fs_work *work, size_t unit, void *result)
{
    pthread_mutex_lock(&pool->mutex);
    pool->inside++;
    pool->waiting[(pool->waiting_first + pool->waiting_count++) % pool->capacity] =
        (struct fs_pool_item){.work = work, .unit = unit, .result = result};
    pthread_cond_signal(&pool->work_is_there);
    pthread_mutex_unlock(&pool->mutex);
}

bool fs_pool_take(struct fs_pool *pool, double seconds, struct fs_pool_item *item, struct fs_error *err)
{
    pthread_mutex_lock(&pool->mutex);
    if (pool->finished_count == 0 && seconds > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        long nanoseconds = until.tv_nsec + (long)(seconds * 1e9);
        until.tv_sec += nanoseconds / 1000000000L;
        until.tv_nsec = nanoseconds % 1000000000L;
        pthread_cond_timedwait(&pool->done_is_there, &pool->mutex,
                               &until); /* a false alarm only means a shorter wait */
    }
    bool found = pool->finished_count > 0;
    if (found) {
        *item = pool->finished[pool->finished_first];
        pool->finished_first = (pool->finished_first + 1) % pool->capacity;
        pool->finished_count--;
        pool->inside--;
        if (item->status != 0 && pool->has_error && err != NULL && err->code == 0) {
            *err = pool->error;
        }
        if (pool->inside == 0) {
            pool->has_error = false;
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return found;
}
