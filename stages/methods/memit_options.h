/* How MEMIT and AlphaEdit edit W_out of several layers (memit.h), and the settings that say it. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_MEMIT_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_MEMIT_OPTIONS_H

#include <stddef.h>

#include "io/settings/settings.h"
#include "stages/methods/target_value.h"

struct fs_memit_options {
    size_t layer;  /* the last one; FS_AUTO: the decisive layer of the trace, found before the training */
    size_t layers; /* that share the change, as many as there are */
    struct fs_target_options target; /* of_state */
    double update_weight;            /* lambda of MEMIT */
    double threshold, ridge;         /* of AlphaEdit; ridge 0: it is MEMIT */
    size_t batch;                    /* pairs of a step, after which the training can be saved */
    size_t checkpoint_every;         /* steps, for those who save */
};

extern const struct fs_settings fs_memit_settings, fs_alphaedit_settings;

#endif
