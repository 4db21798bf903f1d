# The approval room's Lua scripts, one per transition, become a C file (with their SHA-1) that is built into
# it: ${approval_scripts}.
file(GLOB lua CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.lua)
set(approval_scripts ${CMAKE_BINARY_DIR}/approval/scripts.c)
add_custom_command(
    OUTPUT ${approval_scripts}
    COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_CURRENT_LIST_DIR} -DTO=${approval_scripts}
            -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    DEPENDS ${lua} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    COMMENT "Embedding the tickets' Lua scripts")
