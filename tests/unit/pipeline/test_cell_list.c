/* Which cell of a sweep is next for a group of ranks. */
#include "../io/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/sweeps/cell_list.h"

#define CELLS 6
#define MODELS 2

static struct fs_error err;
static struct fs_sweep_cell cells[CELLS];
static struct fs_sweep sweep = {.cells = CELLS, .cell = cells};
static char ids[CELLS][8], outputs[CELLS][512];

/* Cells 0, 2, 4 are of model 0, the others of model 1; cell 4 takes over the trace of cell 0. */
static struct fs_cell_list make(void)
{
    struct fs_cell_list list;
    sweep.folder = (char *)(uintptr_t)scratch_folder();
    for (size_t i = 0; i < CELLS; i++) {
        snprintf(ids[i], sizeof ids[i], "c%zu", i);
        snprintf(outputs[i], sizeof outputs[i], "%s/out%zu", scratch_folder(), i);
        cells[i] = (struct fs_sweep_cell){.id = ids[i], .output = outputs[i], .trace_of = i == 4 ? 0 : i};
    }
    check_success(fs_cell_list_create(&sweep, MODELS, &list, &err), &err);
    for (size_t i = 0; i < CELLS; i++) {
        list.model[i] = i % MODELS;
        list.uses[i * MODELS + i % MODELS] = 1;
    }
    return list;
}

static void a_group_keeps_its_model(void **state)
{
    (void)state;
    struct fs_cell_list list = make();
    unsigned char needed[MODELS];
    list.turn[0] = FS_TURN_OVER; /* complete: cell 4 need not wait for it */
    assert_int_equal(fs_cell_list_begin(&list, 0, SIZE_MAX), 1);
    assert_int_equal(fs_cell_list_begin(&list, 1, 0), 2);
    fs_cell_list_end(&list, 1, 0);
    assert_int_equal(fs_cell_list_begin(&list, 0, 1), 3);
    assert_int_equal(fs_cell_list_begin(&list, 2, 1), 5);
    fs_cell_list_needed(&list, needed);
    assert_true(needed[0] && !needed[1]);
    fs_cell_list_end(&list, 3, 65); /* failed: the others go on */
    assert_int_equal(fs_cell_list_begin(&list, 0, 1), 4);
    assert_int_equal(fs_cell_list_begin(&list, 0, 0), FS_CELL_NONE);
    fs_cell_list_needed(&list, needed);
    assert_true(!needed[0] && !needed[1]);
    assert_int_equal(list.failed, 1);
    assert_int_equal(list.elsewhere, 0);
    fs_cell_list_release(&list);
}

static void a_trace_is_waited_for(void **state)
{
    (void)state;
    struct fs_cell_list list = make();
    assert_int_equal(fs_cell_list_begin(&list, 0, SIZE_MAX), 0);
    for (size_t i = 1; i < CELLS; i++) {
        list.turn[i] = i == 4 ? FS_TURN_BEFORE : FS_TURN_OVER;
    }
    assert_int_equal(fs_cell_list_begin(&list, 1, 0), FS_CELL_NONE_NOW);
    assert_int_equal(mkdir(outputs[0], 0777), 0);
    scratch_write_text("out0/trace.h5", "");
    assert_int_equal(fs_cell_list_begin(&list, 1, 0), 4);
    fs_cell_list_release(&list);
}

/* A cell whose log is locked is looked at again for a while, then left to who has it. */
static void a_cell_elsewhere(void **state)
{
    (void)state;
    struct fs_cell_list list = make();
    assert_int_equal(fs_cell_list_begin(&list, 0, SIZE_MAX), 0); /* makes the folder of logs */
    int log = open(scratch_path("logs/c1.log"), O_WRONLY | O_CREAT, 0666);
    assert_int_equal(flock(log, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(fs_cell_list_begin(&list, 1, 1), 3);
    assert_true(list.refused[1] > 0);
    list.refused[1] -= 100; /* seconds pass */
    assert_int_equal(fs_cell_list_begin(&list, 1, 1), 5);
    assert_int_equal(list.elsewhere, 1);
    assert_int_equal(list.turn[1], FS_TURN_OVER);
    close(log);
    fs_cell_list_stop(&list);
    assert_int_equal(fs_cell_list_begin(&list, 1, 0), FS_CELL_NONE);
    fs_cell_list_end(&list, 5, FS_EXIT_INTERRUPTED);
    fs_cell_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_group_keeps_its_model, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_trace_is_waited_for, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_cell_elsewhere, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
