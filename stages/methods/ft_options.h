/* How W_out of one layer is fine-tuned (ft.h), and the settings that say it: one table a method of the family. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_FT_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_FT_OPTIONS_H

#include <stddef.h>

#include "io/settings/settings.h"
#include "stages/methods/requests.h"

struct fs_ft_options {
    size_t layer; /* FS_AUTO: the decisive layer of the trace, found before the training */
    enum fs_request_target request;
    enum fs_request_objective objective;
    size_t epochs; /* over all requests, at most */
    size_t batch;  /* requests of a step */
    double learning_rate;
    double norm_constraint;  /* no number moves further from its start; 0: as far as it goes */
    double enough;           /* a batch whose loss is below takes no step, an epoch whose mean is ends the training */
    size_t checkpoint_every; /* steps, for those who save */
    size_t memory;           /* MiB of a rank for what need not be computed again */
};

extern const struct fs_settings fs_ft_settings, fs_ft_l_settings, fs_ft_m_settings;

#endif
