/* What cmocka needs in front of it. */
#ifndef KFS_TEST_UNIT_H
#define KFS_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
