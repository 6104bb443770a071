/*
 * The words that stand for BLANK in the three sentences of a StereoSet item. Local.
 *
 * Where the sentences have as many words as the context, each is the word at BLANK's place, ASCII punctuation taken out
 * wherever it stands: the published scorer's rule (bias-bench, bias_bench/benchmark/stereoset/dataloader.py), for all
 * 2106 items of the published file. Words are parted by single blanks.
 *
 * Where they have not, as in files in other languages ("not professional", another wording of the context), or where
 * two of the three come out equal: the words that are left when the sentence is made from the context by the fewest
 * changes of whole words, ASCII case and punctuation aside; one word or more, scored as a whole, without punctuation at
 * the ends. A word more or less or another one is a change, a word of the fill beyond the first half of one. The word
 * before BLANK or the one behind it must stand there in the sentence too, or the sentence must have as many words as the
 * context, which then says the place. An item with several BLANKs has the word at the last one's place or none.
 *
 * A word beside BLANK that has changed its place with the fill, as adjectives do in translations ("the nurse kind" for
 * "the BLANK nurse"), is no fill by either rule: the item has none.
 *
 * What is joined to BLANK in its word, such as "l'" or a particle of a script without blanks, is no part of the fill
 * where all three sentences have it; of ASCII letters this holds for the second rule alone.
 */
#ifndef FAIRSTAMP_IO_BENCHMARKS_STEREOSET_FILL_H
#define FAIRSTAMP_IO_BENCHMARKS_STEREOSET_FILL_H

#include <stddef.h>

#include "io/benchmarks/skip.h"
#include "io/error.h"

/* A context or sentence of more words is not compared word by word, and has no fill of several words. */
#define FS_FILL_MOST_WORDS ((size_t)1024)

/*
 * fill[3], NULL at first, is the caller's to free, also on failure. *skip: FS_KEPT; FS_SKIP_NO_FILL where sentence
 * *which has none; FS_SKIP_NO_DIFFERENCE where it is that of the next one, the first being next to the last. `context`
 * has BLANK. -1 without memory.
 */
int fs_stereoset_fill(const char *context, const char *const sentence[3], char *fill[3], enum fs_skip *skip,
                      size_t *which, struct fs_error *err);

#endif
