# The approval room: its Lua scripts, one per transition, are built into the program with their SHA-1.
file(GLOB approval_scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.lua)
set(approval_embedded ${CMAKE_BINARY_DIR}/approval/scripts.c)
add_custom_command(
    OUTPUT ${approval_embedded}
    COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_CURRENT_LIST_DIR} -DTO=${approval_embedded}
            -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    DEPENDS ${approval_scripts} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
    COMMENT "Embedding the tickets' Lua scripts")

room(approval DOOR approval.h USES base SOURCES ${approval_embedded}
     LIBRARIES PkgConfig::HIREDIS PkgConfig::JANSSON PkgConfig::PQ PkgConfig::UV Threads::Threads)
target_include_directories(approval PRIVATE ${CMAKE_CURRENT_LIST_DIR})
