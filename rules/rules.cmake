# The rules room. Its list of reviewed functions is data (functions.tsv: one line per name, sorted by bytes);
# the build turns it into a table in C.
set(functions_table ${CMAKE_BINARY_DIR}/rules/functions_table.c)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/rules)
add_custom_command(
    OUTPUT ${functions_table}
    COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C awk -v out=${functions_table}
            -f ${CMAKE_SOURCE_DIR}/rules/functions.awk ${CMAKE_SOURCE_DIR}/rules/functions.tsv
    DEPENDS ${CMAKE_SOURCE_DIR}/rules/functions.awk ${CMAKE_SOURCE_DIR}/rules/functions.tsv
    COMMENT "Table of reviewed functions"
    VERBATIM)
room(rules IN rules DOOR rules.h USES base parser LIBRARIES PkgConfig::JANSSON SOURCES ${functions_table})
target_include_directories(rules PRIVATE ${CMAKE_SOURCE_DIR}/rules)
