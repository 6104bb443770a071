/* How ROME edits W_out of one layer (rome.h), and the settings that say it. Local. */
#ifndef FAIRSTAMP_STAGES_METHODS_ROME_OPTIONS_H
#define FAIRSTAMP_STAGES_METHODS_ROME_OPTIONS_H

#include <stddef.h>

#include "io/settings/settings.h"
#include "stages/methods/target_value.h"

/* Which keys stand where in the closed form: rome.h. */
enum fs_rome_form { FS_ROME_R, FS_ROME_PUBLISHED, FS_ROME_P };

struct fs_rome_options {
    size_t layer; /* FS_AUTO: the decisive layer of the trace, found before the training */
    enum fs_rome_form form;
    struct fs_target_options target;
    size_t checkpoint_every; /* requests, for those who save */
};

extern const struct fs_settings fs_rome_settings;

#endif
