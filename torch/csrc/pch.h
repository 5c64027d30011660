// pch.h: precompiled, because libtorch's headers take most of the time a file needs.
#include <ATen/ATen.h>

#include <deque>
#include <string>
#include <vector>
