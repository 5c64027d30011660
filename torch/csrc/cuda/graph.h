// graph.h: a gt_graph that is a CUDA graph.
#pragma once

#include "../cuda_table.h"

std::unique_ptr<gt_graph> new_cuda_graph(int index, const gt_graph *beside);
