/* The method self_debias: a decoding rule (model/edits/self_debias.h), made of two settings. */
#include "model/edits/self_debias.h"
#include "stages/methods/method.h"

struct options {
    double lambda, epsilon;
};

#define ROW(name) .key = "self_debias." #name, FS_SETTING_MEMBER(struct options, name)

static const struct fs_setting rows[] = {
    {ROW(lambda), .kind = FS_SETTING_NUMBER, .initial = "50", .most = 1e6,
     .meaning = "how fast a token becomes less probable with what a discriminating prefix adds to its probability"},
    {ROW(epsilon), .kind = FS_SETTING_NUMBER, .initial = "0.01", .least = 1e-30, .most = 1,
     .meaning = "the least factor by which a token's probability is multiplied"}};
static const struct fs_settings settings = {rows, sizeof rows / sizeof rows[0]};

static int make(const void *options, const struct fs_spec *spec, struct fs_edit *edit, struct fs_error *err)
{
    const struct options *own = options;
    return fs_self_debias_create(spec, own->lambda, own->epsilon, edit, err);
}

_Static_assert(sizeof(struct options) <= sizeof(union fs_method_settings), "room for the settings");

extern const struct fs_method fs_method_self_debias;
const struct fs_method fs_method_self_debias = {
    .name = "self_debias",
    .about = "Self-Debias: what a discriminating prefix makes more probable becomes less so; nothing is trained",
    .edit = &fs_edit_self_debias,
    .settings = &settings,
    .settings_size = sizeof(struct options),
    .make = make};
