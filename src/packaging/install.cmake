# What is installed: the program with its man page, completions and schemas; the library; what others build with it.
# Three components, which are three Debian packages.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(WEIGH_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where zsh looks for completions")
set(CMAKE_SKIP_INSTALL_RPATH ON)

# Both the program and the library write what the schemas describe.
set(schema_component program)
if(NOT WEIGH_BUILD_CLI)
  set(schema_component development)
endif()
install(DIRECTORY src/report/schema DESTINATION ${CMAKE_INSTALL_DATADIR}/weigh COMPONENT ${schema_component})

if(WEIGH_BUILD_CLI)
  install(TARGETS weigh RUNTIME COMPONENT program)
  # The program tells itself what its options are.
  find_program(GZIP gzip REQUIRED)
  set(generated ${PROJECT_BINARY_DIR}/share)
  file(MAKE_DIRECTORY ${generated})
  add_custom_command(
    OUTPUT ${generated}/weigh.1.gz ${generated}/weigh.bash ${generated}/_weigh ${generated}/weigh.fish
    COMMAND weigh --generate man | ${GZIP} -9n > ${generated}/weigh.1.gz
    COMMAND weigh --generate complete-bash > ${generated}/weigh.bash
    COMMAND weigh --generate complete-zsh > ${generated}/_weigh
    COMMAND weigh --generate complete-fish > ${generated}/weigh.fish
    DEPENDS weigh VERBATIM)
  add_custom_target(weigh_generated ALL DEPENDS ${generated}/weigh.1.gz)
  install(FILES ${generated}/weigh.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
  install(FILES ${generated}/weigh.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME weigh COMPONENT program)
  install(FILES ${generated}/_weigh DESTINATION ${WEIGH_ZSH_DIR} COMPONENT program)
  install(FILES ${generated}/weigh.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
endif()

if(WEIGH_BUILD_SHARED)
  install(TARGETS weigh_library EXPORT weigh
    LIBRARY COMPONENT library NAMELINK_COMPONENT development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weigh)
  install(FILES src/weigh/weigh.h src/weigh/weigh_c.h src/weigh/export.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weigh COMPONENT development)
  install(EXPORT weigh FILE weighTargets.cmake NAMESPACE weigh:: DESTINATION ${config_dir} COMPONENT development)
  configure_package_config_file(src/packaging/weighConfig.cmake.in ${PROJECT_BINARY_DIR}/weighConfig.cmake INSTALL_DESTINATION ${config_dir})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/weighConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/weighConfig.cmake ${PROJECT_BINARY_DIR}/weighConfigVersion.cmake
    DESTINATION ${config_dir} COMPONENT development)
  # Found from where the file is, so that an installed tree may be moved.
  cmake_path(SET pc_dir NORMALIZE /${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  cmake_path(RELATIVE_PATH pc_dir BASE_DIRECTORY / OUTPUT_VARIABLE pc_dir)
  string(REGEX REPLACE "[^/]+" ".." WEIGH_PC_ROOT ${pc_dir})
  configure_file(src/packaging/weigh.pc.in ${PROJECT_BINARY_DIR}/weigh.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/weigh.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endif()

include(src/packaging/packages.cmake)
