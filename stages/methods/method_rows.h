/*
 * The rows of the table of methods: the struct fs_method of a row is fs_method_<row>, in a file of its own, and its name
 * is the row's. One that trains is a stage of a job, in this order (jobs/stage_names.h).
 */
#ifndef FAIRSTAMP_STAGES_METHODS_METHOD_ROWS_H
#define FAIRSTAMP_STAGES_METHODS_METHOD_ROWS_H

/* They train; the first is what a job takes that names none. */
#define FS_TRAINED_METHODS(ROW)                                                                                        \
    ROW(stamp)                                                                                                         \
    ROW(sentence_debias)                                                                                               \
    ROW(leace)                                                                                                         \
    ROW(inlp)                                                                                                          \
    ROW(ft_equal)                                                                                                      \
    ROW(ft)                                                                                                            \
    ROW(ft_l)                                                                                                          \
    ROW(ft_m)                                                                                                          \
    ROW(steer_add)                                                                                                     \
    ROW(steer_ablate)                                                                                                  \
    ROW(bias_neurons)                                                                                                  \
    ROW(rome)                                                                                                          \
    ROW(memit)                                                                                                         \
    ROW(alphaedit)                                                                                                     \
    ROW(biasedit)                                                                                                      \
    ROW(cda)                                                                                                           \
    ROW(dropout_debias)
/* They take an edit that is there, or make it of settings alone. */
#define FS_TAKEN_METHODS(ROW)                                                                                          \
    ROW(self_debias)                                                                                                   \
    ROW(checkpoint)

#endif
