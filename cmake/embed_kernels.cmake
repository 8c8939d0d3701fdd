# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file that holds every kernel source of FOLDER as text, and whether it takes options,
# which its first comment then lists behind "Built with":
#   cmake -D FOLDER=cl -D OUTPUT=kernels.c -P embed_kernels.cmake
file(GLOB sources ${FOLDER}/*.cl ${FOLDER}/*.clh)
list(SORT sources)
set(text "/* Made from the files of cl/ by cmake/embed_kernels.cmake. */\n#include \"device/kernels.h\"\n\n")
set(table "const struct mcl_kernel_file mcl_kernel_files[] = {\n")
foreach(source ${sources})
    get_filename_component(name ${source} NAME)
    string(MAKE_C_IDENTIFIER ${name} identifier)
    file(READ ${source} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    string(APPEND text "static const unsigned char ${identifier}[] = {\n${bytes}0x00};\n\n")
    file(READ ${source} source_text)
    set(plain false)
    if(name MATCHES "[.]cl$" AND NOT source_text MATCHES "Built with")
        set(plain true)
    endif()
    string(APPEND table "    {\"${name}\", (const char *)${identifier}, ${plain}},\n")
endforeach()
string(APPEND text "${table}    {0, 0, false},\n};\n")
file(WRITE ${OUTPUT} "${text}")
