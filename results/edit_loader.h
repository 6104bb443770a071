/* The bytes of load_edit.py, which goes beside an edit that transformers is to load. */
#ifndef FAIRSTAMP_RESULTS_EDIT_LOADER_H
#define FAIRSTAMP_RESULTS_EDIT_LOADER_H

#include <stddef.h>

extern const unsigned char fs_edit_loader[];
extern const size_t fs_edit_loader_size;

#endif
