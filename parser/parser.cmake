# The parser room: libpg_query, linked statically. Its owner writes how its symbols are kept in.
room(parser IN parser DOOR parser.h USES base)
