# weigh::weigh, the library that others build on: all layers behind the headers of src/weigh.
if(WEIGH_BUILD_SHARED)
  add_library(weigh_library SHARED $<TARGET_OBJECTS:weigh_surface>)
  # Before 1.0.0 a minor version may change the interface.
  set_target_properties(weigh_library PROPERTIES
    OUTPUT_NAME weigh VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LINKER_LANGUAGE CXX)
  target_link_libraries(weigh_library PRIVATE $<BUILD_INTERFACE:weigh_surface> $<BUILD_INTERFACE:weigh_flags>)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # Hidden is what is ours; this hides what the standard library's templates leave, and linked-in libraries.
    target_link_options(weigh_library PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/src/cmake/exports.map LINKER:--no-undefined)
    set_target_properties(weigh_library PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/src/cmake/exports.map)
  endif()
else()
  add_library(weigh_library INTERFACE)
  target_link_libraries(weigh_library INTERFACE $<LINK_ONLY:weigh_surface>)
endif()
add_library(weigh::weigh ALIAS weigh_library)
set_target_properties(weigh_library PROPERTIES EXPORT_NAME weigh)
target_compile_features(weigh_library INTERFACE cxx_std_20)
target_include_directories(weigh_library INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# The version is said twice: here and to those who include the header.
file(STRINGS ${PROJECT_SOURCE_DIR}/src/weigh/weigh.h stated REGEX "define WEIGH_VERSION_STRING \"${PROJECT_VERSION}\"")
if(NOT stated)
  message(FATAL_ERROR "src/weigh/weigh.h states another WEIGH_VERSION_STRING than ${PROJECT_VERSION}")
endif()
