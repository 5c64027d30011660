#pragma once

#include "../comm.h"

#include <chrono>

// NCCL's processes, this one with the CUDA device of that index. It waits that long for the others to join.
std::shared_ptr<gt::Peers> new_nccl(int index, int rank, int size, std::chrono::milliseconds timeout);
