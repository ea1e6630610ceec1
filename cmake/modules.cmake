# amas_module(NAME [USES module…] [LINKS target…] [PRIVATE_LINKS target…]) declares the module in the current folder:
# its .cpp files become one library, its *_test.cpp files one test program, which ctest runs as NAME.
add_library(amas_options INTERFACE)
target_compile_options(amas_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-sign-conversion
                                              -Wshadow -Wnon-virtual-dtor -Werror)
target_include_directories(amas_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/src)
target_compile_definitions(amas_options INTERFACE AMAS_VERSION="${PROJECT_VERSION}")
target_link_libraries(amas_options INTERFACE Threads::Threads)
if(AMAS_SANITIZE)
  target_compile_options(amas_options INTERFACE -fsanitize=${AMAS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(amas_options INTERFACE -fsanitize=${AMAS_SANITIZE})
  if(AMAS_SANITIZE STREQUAL "thread")
    # Asio's fences are unknown to ThreadSanitizer; its locks, which it knows, order the same accesses.
    target_compile_options(amas_options INTERFACE -Wno-tsan)
  endif()
endif()

function(amas_module name)
  cmake_parse_arguments(arg "" "" "USES;LINKS;PRIVATE_LINKS" ${ARGN})
  string(REPLACE "/" "_" target amas_${name})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  set(uses ${arg_USES})
  list(TRANSFORM uses REPLACE "/" "_")
  list(TRANSFORM uses PREPEND amas_)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC amas_options ${uses} ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE amas_options ${uses} ${arg_LINKS} ${arg_PRIVATE_LINKS})
  endif()
  if(tests)
    add_executable(${target}_test ${tests})
    target_link_libraries(${target}_test PRIVATE ${target} ${arg_PRIVATE_LINKS} GTest::gtest_main)
    target_compile_definitions(${target}_test PRIVATE AMAS_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                      AMAS_TEST_DATA_DIR="${CMAKE_CURRENT_SOURCE_DIR}/testdata"
                                                      AMAS_THIRD_PARTY_DIR="${AMAS_THIRD_PARTY}")
    add_test(NAME ${name} COMMAND ${target}_test)
    set_tests_properties(${name} PROPERTIES
      TIMEOUT 300
      ENVIRONMENT TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan_suppressions.txt)
  endif()
endfunction()
