# `cpack -G DEB` and `cpack -G TGZ` in a build folder; ./build.sh package calls both, each with the build that it needs.
set(CPACK_PACKAGE_NAME weigh)
set(CPACK_PACKAGE_VENDOR "weigh maintainers")
set(WEIGH_CONTACT "weigh maintainers <weigh@localhost>" CACHE STRING "Whom users of the packages can write to")
set(CPACK_PACKAGE_CONTACT ${WEIGH_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tell from model files what a run of them needs")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_OUTPUT_FILE_PREFIX ${PROJECT_BINARY_DIR}/packages)

if(WEIGH_STATIC)
  string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
  set(CPACK_PACKAGE_FILE_NAME weigh-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
  set(CPACK_GENERATOR TGZ)
  set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)
  install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/weigh COMPONENT program)
  # Whose code is linked in, under which terms.
  foreach(package libsimdjson-dev libfmt-dev libzstd-dev zlib1g-dev libbz2-dev liblzma-dev libsqlite3-dev libssl-dev nlohmann-json3-dev libcli11-dev libstdc++-12-dev)
    if(EXISTS /usr/share/doc/${package}/copyright)
      install(FILES /usr/share/doc/${package}/copyright
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/weigh/linked-in RENAME ${package}.txt COMPONENT program)
    endif()
  endforeach()
else()
  set(CPACK_GENERATOR DEB)
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

  # weigh_debian_package(component package section text...)
  function(weigh_debian_package component package section)
    string(TOUPPER ${component} COMPONENT)
    string(JOIN "\n" text ${ARGN})
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${package} PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${COMPONENT}_DESCRIPTION ${text} PARENT_SCOPE)
    install(FILES src/packaging/copyright ${PROJECT_BINARY_DIR}/packaging/changelog.gz
      DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
    if(WEIGH_CONTACT MATCHES "@localhost>$")
      install(FILES src/packaging/lintian-overrides
        DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ${package} COMPONENT ${component})
    endif()
  endfunction()
  set(library_package libweigh${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(about
    "weigh reads the headers of GGUF and safetensors files and tells how many"
    "parameters and bytes a model has, how much memory a run of it needs, and on"
    "which devices that fits.")
  weigh_debian_package(program weigh utils ${about})
  # Loaded when something is hashed, an inventory is kept or an archive is looked into.
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "libssl3 | libssl3t64, libsqlite3-0, zlib1g, libbz2-1.0, liblzma5")
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS ${CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS})
  # Loaded when a remote model is named.
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS libcurl4)
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS libcurl4)
  weigh_debian_package(library ${library_package} libs ${about}
    "."
    "This package has the shared library.")
  weigh_debian_package(development libweigh-dev libdevel ${about}
    "."
    "This package has what C++ and C programs are built with.")
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${library_package} (= ${PROJECT_VERSION})")
  set(CPACK_COMPONENTS_ALL program library development)

  set(control ${PROJECT_BINARY_DIR}/packaging)
  file(WRITE ${control}/shlibs "libweigh ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} ${library_package} (>= ${PROJECT_VERSION})\n")
  file(WRITE ${control}/triggers "activate-noawait ldconfig\n")
  set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${control}/shlibs ${control}/triggers)
  set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/src/packaging/without_scripts.cmake)

  configure_file(src/packaging/changelog.in ${PROJECT_BINARY_DIR}/packaging/changelog @ONLY)
  execute_process(COMMAND ${GZIP} -9nkf ${PROJECT_BINARY_DIR}/packaging/changelog COMMAND_ERROR_IS_FATAL ANY)
endif()
include(CPack)
