# The warnings that every target is built with, all of them errors. A flag that one of the two supported compilers
# (gcc 12, clang 14) does not know is asked for only where it is known.
include(CheckCCompilerFlag)

set(KFS_WARNINGS
  -Wall -Wextra -Werror
  -Wshadow -Wundef -Wvla -Wpointer-arith -Wwrite-strings -Winit-self
  -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations -Wold-style-definition
  -Wredundant-decls -Wnested-externs -Wimplicit-fallthrough
  -Wformat=2 -Wformat-nonliteral -Wswitch-default
  -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wcast-function-type)

foreach(flag IN LISTS KFS_WARNINGS)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endforeach()
add_compile_options(-fno-strict-aliasing -fno-common -fstack-protector-strong)
add_compile_options(-include ${CMAKE_SOURCE_DIR}/cmake/banned.h)
