/* How a whole model is trained further (further.h), and the settings that say it: one table a method of the family. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_FURTHER_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_FURTHER_OPTIONS_H

#include <stddef.h>

#include "io/settings/settings.h"
#include "stages/methods/word_swap.h"

struct fs_further_options {
    size_t steps;
    size_t batch; /* blocks of a step */
    size_t block; /* tokens of a block; less where the model has fewer positions */
    double learning_rate;
    double clip;                              /* bound of the gradient's norm; 0: none */
    double hidden_dropout, attention_dropout; /* struct fs_dropout */
    enum fs_word_case letters;                /* of words that are exchanged */
    size_t checkpoint_every;                  /* steps, for those who save */
};

extern const struct fs_settings fs_cda_settings, fs_dropout_debias_settings;

#endif
