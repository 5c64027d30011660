// kernels_avx2.cc: 16 registers of 8 floats. CMake gives this file its flags.
#include "kernels.h"

#define LANES 8
#define MOST_ROWS 6
#define TABLE avx2_kernels
#define TABLE_NAME "avx2"

using namespace gt::conv;

#include "kernels.inc"
