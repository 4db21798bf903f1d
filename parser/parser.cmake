# The parser room: PostgreSQL's grammar out of libpg_query, linked in and sealed. libpg_query.a defines some 1,800
# global symbols without a prefix (palloc, pg_snprintf, protobuf_c_*, XXH3_*). They must not meet others in the
# program, so the room's library is replaced by one object that holds the room and those members of libpg_query.a
# that it needs, in which only the room's own symbols are global.
room(parser IN parser DOOR parser.h USES base)

find_path(PG_QUERY_INCLUDE pg_query/pg_query_internal.h REQUIRED)
find_library(PG_QUERY_ARCHIVE libpg_query.a REQUIRED)
find_path(PG_SERVER_INCLUDE nodes/parsenodes.h REQUIRED
          PATHS /usr/include/postgresql/15/server NO_DEFAULT_PATH)
target_include_directories(parser SYSTEM PRIVATE ${PG_QUERY_INCLUDE} ${PG_SERVER_INCLUDE})
# A unit test holds the tables of node kinds against these headers.
target_compile_definitions(parser INTERFACE PARSER_SERVER_INCLUDE="${PG_SERVER_INCLUDE}")
add_custom_command(TARGET parser POST_BUILD
    COMMAND ${CMAKE_SOURCE_DIR}/parser/seal.sh $<TARGET_FILE:parser> ${PG_QUERY_ARCHIVE}
            ${CMAKE_NM} ${CMAKE_LINKER} ${CMAKE_OBJCOPY} ${CMAKE_AR} VERBATIM)
