/* The text of <mount>/README: README.txt, built in. */
#ifndef KFS_README_H
#define KFS_README_H

#include <stddef.h>

extern const char readme_text[];
extern const size_t readme_length;

#endif
