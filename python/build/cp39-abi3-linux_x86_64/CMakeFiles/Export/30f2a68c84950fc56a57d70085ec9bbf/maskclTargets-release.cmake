#----------------------------------------------------------------
# Generated CMake target import file for configuration "Release".
#----------------------------------------------------------------

# Commands may need to know the format version.
set(CMAKE_IMPORT_FILE_VERSION 1)

# Import target "maskcl::maskcl" for configuration "Release"
set_property(TARGET maskcl::maskcl APPEND PROPERTY IMPORTED_CONFIGURATIONS RELEASE)
set_target_properties(maskcl::maskcl PROPERTIES
  IMPORTED_LINK_DEPENDENT_LIBRARIES_RELEASE "clblast"
  IMPORTED_LOCATION_RELEASE "${_IMPORT_PREFIX}/lib/libmaskcl.so.0.1.0"
  IMPORTED_SONAME_RELEASE "libmaskcl.so.0.1"
  )

list(APPEND _cmake_import_check_targets maskcl::maskcl )
list(APPEND _cmake_import_check_files_for_maskcl::maskcl "${_IMPORT_PREFIX}/lib/libmaskcl.so.0.1.0" )

# Commands beyond this point should not need to know the version.
set(CMAKE_IMPORT_FILE_VERSION)
