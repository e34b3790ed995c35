# Puts text files into the library as a table of `struct embedded_file` (runtime/base/embedded.h).
#
#   include(tools/embed.cmake)
#   lipcl_embed(TARGET TABLE FILE...)   compiles into TARGET the table `TABLE`, an entry a FILE, rebuilt when a FILE changes
#
# The same file is the script that writes the C source while building: cmake -DTABLE= -DOUTPUT= -DFILES= -P embed.cmake
# Bytes are written as numbers: ISO C promises no string literal over 4095 characters.

set(LIPCL_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(lipcl_embed target table)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/generated/${table}.c)
  # The list of names is written only when it changes, so that an added or removed file makes the table anew.
  file(CONFIGURE OUTPUT ${output}.files CONTENT "@ARGN@\n" @ONLY)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DTABLE=${table} -DOUTPUT=${output} "-DFILES=${ARGN}" -P ${LIPCL_EMBED_SCRIPT}
    DEPENDS ${ARGN} ${output}.files ${LIPCL_EMBED_SCRIPT}
    COMMENT "Embedding ${table}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  return()
endif()

set(arrays "")
set(entries "")
set(index 0)
foreach(path IN LISTS FILES)
  get_filename_component(name ${path} NAME)
  file(READ ${path} text HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " text "${text}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," text "${text}")
  string(APPEND arrays "static const unsigned char text_${index}[] = {\n    ${text}0x00,\n};\n\n")
  string(APPEND entries "    {\"${name}\", (const char *)text_${index}, sizeof text_${index} - 1},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Written by tools/embed.cmake. */
#include \"base/embedded.h\"

${arrays}const struct embedded_file ${TABLE}[] = {
${entries}    {NULL, NULL, 0},
};
")
