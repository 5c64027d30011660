// kernels_avx512.cc: 32 registers of 16 floats. CMake gives this file its flags.
#include "kernels.h"

#define LANES 16
#define MOST_ROWS 14
#define TABLE avx512_kernels
#define TABLE_NAME "avx512"

using namespace gt::conv;

#include "kernels.inc"
