# SPDX-License-Identifier: Apache-2.0
# cmake --install: headers, library, program, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS maskcl EXPORT maskclTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS maskcl_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/maskcl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/maskcl)
install(EXPORT maskclTargets NAMESPACE maskcl:: DESTINATION ${package_folder})
configure_file(cmake/maskclConfig.cmake.in maskclConfig.cmake @ONLY)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/maskclConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/maskclConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/maskclConfigVersion.cmake DESTINATION ${package_folder})

# The folders as seen from the file, so that the installed tree can be moved; folders that were given
# as absolute paths stay where they are.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
    set(pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
    set(pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(pc_prefix "\${pcfiledir}/${up}")
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/maskcl.pc.in maskcl.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/maskcl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
