/* load.h: what table.c offers to Go besides the entries of gotorch.h. */
#ifndef GOTORCH_LOAD_H
#define GOTORCH_LOAD_H

#include "gotorch.h"

/* Opens the library at path and fills the table. 0: done; 1: dlopen failed; 2: an entry is missing. why: the reason. */
int gt_load(const char *path, char *why, size_t size);

#endif
