#include "io/benchmarks/category.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *spelling, *name;
} spellings[] = {
    {"race-color", "race"}, /* CrowS-Pairs (Nangia et al. 2020, bias_type), and its translations */
    /* BBQ (Parrish et al. 2022, category) */
    {"Age", "age"},
    {"Disability_status", "disability"},
    {"Gender_identity", "gender"},
    {"Nationality", "nationality"},
    {"Physical_appearance", "physical-appearance"},
    {"Race_ethnicity", "race"},
    {"Religion", "religion"},
    {"SES", "socioeconomic"},
    {"Sexual_orientation", "sexual-orientation"},
};

const char *fs_category_name(const char *spelling)
{
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (strcmp(spellings[i].spelling, spelling) == 0) {
            return spellings[i].name;
        }
    }
    return spelling;
}

const char *fs_category_fault(const char *spelling)
{
    for (const char *at = spelling; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f') {
            return "a control character";
        }
    }
    return spelling[strspn(spelling, " ")] == '\0' ? "nothing"
           : strcmp(spelling, "all") == 0          ? "\"all\", the name of the row over all categories"
                                                   : NULL;
}

bool fs_same_category(const char *one, const char *other)
{
    return strcmp(fs_category_name(one), fs_category_name(other)) == 0;
}
