# cuda.cmake: where CUDA's headers and its runtime are. It reads SITE, the folder that torch lies in, and CUDA_DIR, and
# sets CUDA_INCLUDES, CUDART and CUDA_MISSING, what was not found. It needs no compiler: cmake -P runs it too.
#
# Wheels come first, since libtorch was built with theirs: those of CUDA 13 share one folder, nvidia/cu13, those of
# CUDA 12 have one each. A set of wheels may lack headers that a toolkit on the same machine has, so that each of them
# is looked for by itself.
file(GLOB WHEEL_CUDA "${SITE}/nvidia/cu[0-9]*" "${SITE}/nvidia/cuda_runtime" "${SITE}/nvidia/*")
set(CUDA_PLACES ${CUDA_DIR} ${WHEEL_CUDA} $ENV{CUDA_HOME} /usr/local/cuda)
unset(NVCC CACHE) # what was tried before may have been installed since
find_program(NVCC nvcc)
if(NVCC)
  get_filename_component(NVCC_ROOT "${NVCC}" REALPATH)
  get_filename_component(NVCC_ROOT "${NVCC_ROOT}/../.." ABSOLUTE)
  list(APPEND CUDA_PLACES "${NVCC_ROOT}")
endif()

set(CUDA_INCLUDES "")
set(CUDA_MISSING "")
foreach(header cuda_runtime_api.h crt/host_defines.h nv/target cublas_v2.h cusparse.h cusolverDn.h)
  set(has_it "")
  foreach(place ${CUDA_PLACES})
    foreach(suffix include include/cccl)
      if(NOT has_it AND EXISTS "${place}/${suffix}/${header}")
        set(has_it "${place}/${suffix}")
      endif()
    endforeach()
  endforeach()
  if(has_it)
    list(APPEND CUDA_INCLUDES "${has_it}")
  else()
    string(APPEND CUDA_MISSING " ${header}")
  endif()
endforeach()
list(REMOVE_DUPLICATES CUDA_INCLUDES)

unset(CUDART CACHE)
find_file(CUDART NAMES libcudart.so.13 libcudart.so.12 libcudart.so PATHS ${CUDA_PLACES} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
if(NOT CUDART)
  string(APPEND CUDA_MISSING " libcudart.so")
endif()
