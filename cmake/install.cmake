# cmake --install: headers, library, program, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS maskcl EXPORT maskclTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS maskcl_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/maskcl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/maskcl)
install(EXPORT maskclTargets NAMESPACE maskcl:: DESTINATION ${package_folder})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/maskclConfig.cmake
    "include(\${CMAKE_CURRENT_LIST_DIR}/maskclTargets.cmake)\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/maskclConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/maskclConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/maskclConfigVersion.cmake DESTINATION ${package_folder})

configure_file(cmake/maskcl.pc.in maskcl.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/maskcl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
