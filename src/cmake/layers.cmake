# What every target of ours is compiled with.
add_library(weigh_flags INTERFACE)
if(WEIGH_DEVELOPER)
  target_compile_options(weigh_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False alarms inside std::string: GCC bug 105651, and what GCC makes of the same code in a precompiled header.
    target_compile_options(weigh_flags INTERFACE
      -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endif()
if(WEIGH_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumented code makes GCC lose track of what is set; the plain builds keep these warnings.
    target_compile_options(weigh_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_compile_options(weigh_flags INTERFACE -fsanitize=${WEIGH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(weigh_flags INTERFACE -fsanitize=${WEIGH_SANITIZE})
endif()
if(WEIGH_FUZZ)
  target_compile_options(weigh_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The parts of a layer end up in a shared library that shows only what is marked with WEIGH_API.
function(weigh_compile_settings target)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# Headers that most files read, compiled once for all layers, which saves a third of their compile time. That hides a
# forgotten #include; `./build.sh headers` and `./build.sh tidy` compile without and find it.
function(weigh_precompiled name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "HEADERS;LINK")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${PROJECT_BINARY_DIR}/generated/${name}.cpp)
  weigh_compile_settings(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} weigh_flags)
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()
set(standard_headers
  <algorithm> <array> <charconv> <cstdint> <cstring> <filesystem> <functional> <map> <memory> <optional> <set> <span>
  <string> <string_view> <unordered_map> <utility> <vector>)
weigh_precompiled(weigh_precompiled_standard HEADERS ${standard_headers})
# Without nlohmann/json.hpp, which would cost each file half a second to load.
weigh_precompiled(weigh_precompiled_fmt HEADERS ${standard_headers} <fmt/format.h> LINK fmt::fmt)

# A layer is one folder and one library. It links only what stands left of it in docs/design.md.
function(weigh_layer name folder)
  cmake_parse_arguments(PARSE_ARGV 2 LAYER "" "" "PUBLIC;PRIVATE")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  add_library(${name} STATIC ${sources})
  weigh_compile_settings(${name})
  # What reads a model's bytes keeps the optimisation of the build type.
  if(folder MATCHES "^src/" AND NOT name STREQUAL "weigh_content")
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O2>)
  endif()
  target_link_libraries(${name} PUBLIC ${LAYER_PUBLIC} PRIVATE ${LAYER_PRIVATE} $<BUILD_INTERFACE:weigh_flags>)
  if(fmt::fmt IN_LIST LAYER_PRIVATE)
    target_precompile_headers(${name} REUSE_FROM weigh_precompiled_fmt)
  else()
    target_precompile_headers(${name} REUSE_FROM weigh_precompiled_standard)
  endif()
endfunction()

# weigh_loaded(name library): LIBRARY under the name weigh_NAME, for what few commands need. The program and its own shared
# library load it when the first of its functions is called (src/loaded/NAME.cpp): linked, it would double the time of a
# start. Who builds weigh as a part of something else, or statically, links it.
function(weigh_loaded name library)
  if(WEIGH_STATIC OR NOT PROJECT_IS_TOP_LEVEL)
    add_library(weigh_${name} INTERFACE)
    target_link_libraries(weigh_${name} INTERFACE ${library})
    return()
  endif()
  add_library(weigh_${name} STATIC src/loaded/${name}.cpp)
  weigh_compile_settings(weigh_${name})
  target_include_directories(weigh_${name} PUBLIC $<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>)
  target_link_libraries(weigh_${name} PUBLIC weigh_formats PRIVATE ${CMAKE_DL_LIBS} $<BUILD_INTERFACE:weigh_flags>)
endfunction()

# weigh_choose(layer option stem name library): STEM.cpp on LIBRARY, which weigh_loaded calls weigh_NAME, where the option is
# on, STEM_none.cpp where it is off.
function(weigh_choose layer option stem name library)
  if(${option})
    set(unused ${stem}_none.cpp)
    weigh_loaded(${name} ${library})
    target_link_libraries(${layer} PRIVATE weigh_${name})
  else()
    set(unused ${stem}.cpp)
  endif()
  get_target_property(sources ${layer} SOURCES)
  list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/${unused})
  set_property(TARGET ${layer} PROPERTY SOURCES ${sources})
endfunction()

# weigh_embed(layer file stem): the bytes of FILE are compiled in, as std::string_view NAME() of the header STEM.h,
# where NAME is the stem without its folder. A change of the file configures anew.
function(weigh_embed layer file stem)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
  cmake_path(GET stem FILENAME name)
  file(READ ${PROJECT_SOURCE_DIR}/${file} text)
  configure_file(${PROJECT_SOURCE_DIR}/src/cmake/embedded_text.cpp.in ${PROJECT_BINARY_DIR}/generated/${name}.cpp @ONLY)
  target_sources(${layer} PRIVATE ${PROJECT_BINARY_DIR}/generated/${name}.cpp)
endfunction()
