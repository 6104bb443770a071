#include "model/families/architectures.h"

#include <stdio.h>
#include <string.h>

#include "model/families/families.h"

/* Ends of class names whose head predicts no token. The same weights under a language model's class would give numbers,
 * for a tied head is always there, but of nothing that was trained. */
static const char *const without_head[] = {
    "ForSequenceClassification", "ForTokenClassification",    "ForQuestionAnswering",
    "ForMultipleChoice",         "ForNextSentencePrediction", "RewardModel",
    "ElectraForPreTraining",
};

/* "TFBertForMaskedLM" and "FlaxBertForMaskedLM" are BertForMaskedLM once they are converted. */
static const char *class_of(const char *name)
{
    if (strncmp(name, "TF", 2) == 0) {
        return name + 2;
    }
    return strncmp(name, "Flax", 4) == 0 ? name + 4 : name;
}

static bool has_class(const struct fs_family *family, const char *name)
{
    for (size_t i = 0; i < FS_ARCHITECTURES && family->architectures[i] != NULL; i++) {
        if (strcmp(family->architectures[i], class_of(name)) == 0) {
            return true;
        }
    }
    return false;
}

static const struct fs_family *family_of_class(const char *name)
{
    for (size_t i = 0; i < fs_family_count; i++) {
        if (has_class(fs_families[i], name)) {
            return fs_families[i];
        }
    }
    return NULL;
}

static bool lacks_head(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof without_head / sizeof *without_head; i++) {
        size_t end = strlen(without_head[i]);
        if (length >= end && strcmp(name + length - end, without_head[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The first class that `architectures` names; NULL where there is none. */
static int first_class(const struct fs_json_document *config, const char **name, struct fs_error *err)
{
    const cJSON *list = fs_json_member(config, fs_json_root(config), "architectures");
    *name = NULL;
    if (list == NULL || cJSON_IsNull(list) || (cJSON_IsArray(list) && list->child == NULL)) {
        return 0;
    }
    const cJSON *first = cJSON_IsArray(list) ? list->child : list;
    if (!cJSON_IsString(first)) {
        return fs_error_set(err, FS_EXIT_DATA, "%s: architectures: found %s, expected a list of class names",
                            fs_json_name(config), fs_json_kind(first));
    }
    *name = first->valuestring;
    return 0;
}

static int find_by_class(struct fs_json_document *config, const char *name, fs_family_reader *read,
                         const struct fs_family **family, struct fs_notes *notes, struct fs_error *err)
{
    char names[1024];
    fs_family_names(names, sizeof names);
    *family = name != NULL ? family_of_class(name) : NULL;
    if (*family != NULL) {
        fs_notes_add(notes, false, "config.json has no model_type; read as %s, after architectures (%s)",
                     (*family)->name, name);
        return 0;
    }
    const struct fs_family *guess = name == NULL ? fs_config_keys_guess(config, read) : NULL;
    if (guess != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: model_type: found nothing, expected %s; the keys are those of %s: add \"model_type\": "
                            "\"%s\" if it is one",
                            fs_json_name(config), names, guess->name, guess->name);
    }
    return fs_error_set(err, FS_EXIT_DATA,
                        "%s: model_type: found nothing, expected %s%s%.100s%s; write the one that the model is",
                        fs_json_name(config), names, name != NULL ? "; architectures names " : "",
                        name != NULL ? name : "", name != NULL ? ", which is none of them" : "");
}

/* Whether the model is an encoder and a decoder; the families of T5 are so whatever the file says. */
static bool has_two_stacks(const struct fs_json_document *config, const char *type)
{
    static const char *const t5[] = {"t5", "mt5", "umt5", "byt5", "longt5", "switch_transformers"};
    for (size_t i = 0; i < sizeof t5 / sizeof *t5; i++) {
        if (strcmp(type, t5[i]) == 0) {
            return true;
        }
    }
    return cJSON_IsTrue(fs_json_member(config, fs_json_root(config), "is_encoder_decoder"));
}

/* `type` is no family. A model of images or sound too says in text_config what its language model is. */
static int refuse_type(const struct fs_json_document *config, const char *type, struct fs_error *err)
{
    const cJSON *text = fs_json_member(config, fs_json_root(config), "text_config");
    const cJSON *inner = fs_json_member(config, text, "model_type");
    char names[1024];
    if (cJSON_IsString(inner) && fs_family_find(inner->valuestring) != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: model_type: found \"%s\", which is not of text alone, expected a language model; save "
                            "the one in it, of model_type %s, by itself (docs/models.md)",
                            fs_json_name(config), type, inner->valuestring);
    }
    if (has_two_stacks(config, type)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: model_type: found \"%s\", an encoder with a decoder, expected one or the other; the "
                            "engine does not compute models of two stacks (docs/models.md)",
                            fs_json_name(config), type);
    }
    fs_family_names(names, sizeof names);
    return fs_error_set(err, FS_EXIT_DATA, "%s: model_type: found \"%s\", expected %s", fs_json_name(config), type,
                        names);
}

int fs_architecture_find(struct fs_json_document *config, fs_family_reader *read, const struct fs_family **family,
                         char saved_from[96], struct fs_notes *notes, struct fs_error *err)
{
    const char *type = NULL, *name = NULL;
    if (fs_json_text_optional(config, fs_json_root(config), "", "model_type", &type, err) != 0 ||
        first_class(config, &name, err) != 0) {
        return -1;
    }
    snprintf(saved_from, 96, "%s", name != NULL ? name : "");
    if (name != NULL && lacks_head(name) && (type == NULL || fs_family_find(type) != NULL)) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: architectures: found %.100s, which predicts no tokens, expected a language model with "
                            "its head; use the checkpoint that it was trained from, or mend the class if it is wrong",
                            fs_json_name(config), name);
    }
    if (type == NULL) {
        return find_by_class(config, name, read, family, notes, err);
    }
    *family = fs_family_find(type);
    if (*family == NULL) {
        return refuse_type(config, type, err);
    }
    if (name == NULL || has_class(*family, name)) {
        return 0;
    }
    const struct fs_family *other = family_of_class(name);
    if (other != NULL) {
        return fs_error_set(err, FS_EXIT_DATA,
                            "%s: found model_type %s and architectures %s, which is of model_type %s; expected the two "
                            "to agree, mend the wrong one",
                            fs_json_name(config), type, name, other->name);
    }
    fs_notes_add(notes, true,
                 "config.json: architectures: found %.100s, which is not known; computed as %s, after model_type", name,
                 (*family)->architectures[0]);
    return 0;
}
